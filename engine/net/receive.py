"""What a listener expects of whoever takes its messages.

Law: a positive reply is given only for a message that is durable (I1); where there is nothing to
say truthfully, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message came from: the listener's name and the peer's address."""

    listener: str
    host: str
    port: int


#: Takes a payload; fires with the unframed reply. `b""`: the message is taken and wants no reply.
#: None, or a failure: there is no answer, for this message or any after it on its connection. A
#: Deferred that has already fired costs least.
Receive = Callable[[bytes, Source], "Deferred[bytes | None]"]
