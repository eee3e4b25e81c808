"""The engine's own listener with nothing behind it: it answers without parsing or storing.

No intake can be faster than this; how near it comes is what matters. Prints its port as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, succeed

from engine.config.model import Address, Limits, Listener
from engine.net.budget import ByteBudget
from engine.net.listener import ListenerFactory
from engine.net.receive import Source

_ANSWER = b"MSH|^~\\&|PAYERGATE|EAST|EPIC|EAST|20260301120000||ACK|1|P|2.5.1\rMSA|AA|1\r"
_BUDGET_BYTES = 256 * 1024 * 1024

reactor = cast("Any", _reactor)


def _answer(_payload: bytes, _source: Source) -> Deferred[bytes | None]:
    return succeed(_ANSWER)


def main() -> int:
    """Serve until ended."""
    settings = Listener("ceiling", Address("127.0.0.1", 0), limits=Limits(per_peer=128))
    factory = ListenerFactory(settings, _answer, reactor, budget=ByteBudget(_BUDGET_BYTES))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print(json.dumps({"port": port.getHost().port}), flush=True)
    reactor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
