"""An MLLP listener: whom it admits, and what holds for all its connections.

Laws: nobody outside the listener's networks is read from; one peer cannot take every connection,
and a connection that its peer has lost does not keep that peer out: where a limit would turn a peer
away, its own quietest connection gives way, if that was quiet for `stale_s`. It has no frame and no
reply under way, so no message can be lost by it.
While the store is away (`hold`) nothing is read and nothing is refused: connections, new ones too,
are accepted and left unread, so that a short outage is no more than a slow answer; each is closed
`close_after_s` after it was held, and the sender's queue keeps its message (decision 0005).
"""

from __future__ import annotations

import ipaddress
import itertools
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from engine.ack.codes import Fault
from engine.ack.reply import reject_head
from engine.clock import Clock, SystemClock
from engine.config.model import Listener
from engine.net.budget import ByteBudget
from engine.net.connection import Connection
from engine.net.observer import Closed, Observer, Refusal, Unobserved
from engine.net.ports import Timers
from engine.net.receive import Receive, Source

#: Refusals for want of room, which a stale connection may be in the way of.
_FULL = (Refusal.CONNECTIONS, Refusal.PER_PEER)


class ListenerFactory(ServerFactory):
    """Makes a `Connection` for every peer that is admitted.

    `timers` is the reactor; `budget` is shared by all listeners of the process. `received` counts
    messages since the start.
    """

    noisy = False

    def __init__(
        self,
        settings: Listener,
        receive: Receive,
        timers: Timers,
        *,
        budget: ByteBudget,
        observer: Observer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.receive = receive
        self.timers = timers
        self.budget = budget
        self.observer: Observer = observer or Unobserved()
        self.received = 0
        self._clock: Clock = clock or SystemClock()
        self._networks = tuple(
            ipaddress.ip_network(network, strict=False) for network in settings.admission.networks
        )
        self._connections: dict[Connection, None] = {}
        self._per_peer: Counter[str] = Counter()
        self._reply_numbers = itertools.count(1)
        self._held = False
        self._drained: Deferred[None] | None = None

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        """Admit a peer, or have its connection closed at once (None)."""
        host, port = _host_and_port(addr)
        refusal = self._refusal(host)
        if refusal in _FULL and self._replace_stale(host):
            refusal = None
        if refusal is not None:
            self.observer.refused(host, refusal)
            return None
        connection = Connection(self, Source(self.settings.name, host, port))
        connection.factory = self
        self._connections[connection] = None
        self._per_peer[host] += 1
        self.observer.connected(host)
        return connection

    def hold(self) -> None:
        """The store is away: read from nobody, until `release`."""
        if not self._held:
            self._held = True
            for connection in list(self._connections):
                connection.hold()

    def release(self) -> None:
        """The store is back: read again."""
        if self._held:
            self._held = False
            for connection in list(self._connections):
                connection.release()

    @property
    def held(self) -> bool:
        """Whether new connections are to be left unread."""
        return self._held

    def drain(self) -> Deferred[None]:
        """Read no more, send the replies that are owed; fires when no connection is left.

        Stop listening first.
        """
        if not self._connections:
            return succeed(None)
        if self._drained is None:
            self._drained = Deferred()
            for connection in list(self._connections):
                connection.drain()
        return self._drained

    # --- what connections call ---------------------------------------------------------------

    def count_received(self, messages: int, size_bytes: int) -> None:
        """Whole messages arrived."""
        self.received += messages
        self.observer.received(messages, size_bytes)

    def refuse_oversize(self, head: bytes) -> bytes | None:
        """AR for a payload over the limit; None when its MSH cannot be read."""
        now = self._clock.now()
        control_id = f"{int(now.timestamp()):X}-{next(self._reply_numbers):X}"
        return reject_head(head, Fault.OVERSIZE, control_id, now)

    def gone(self, connection: Connection, why: Closed) -> None:
        """A connection ended."""
        host = connection.source.host
        del self._connections[connection]
        self._per_peer[host] -= 1
        if not self._per_peer[host]:
            del self._per_peer[host]
        self.observer.disconnected(host, why)
        if self._drained is not None and not self._connections:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def _refusal(self, host: str) -> Refusal | None:
        limits = self.settings.limits
        if self._drained is not None:
            return Refusal.DRAINING
        if self._networks and not self._inside(host):
            return Refusal.NETWORK
        if len(self._connections) >= limits.connections:
            return Refusal.CONNECTIONS
        if self._per_peer[host] >= limits.per_peer:
            return Refusal.PER_PEER
        return None

    def _replace_stale(self, host: str) -> bool:
        """Have the quietest connection of this peer give way, if it is stale."""
        stale_s = self.settings.limits.stale_s
        theirs = [one for one in self._connections if one.source.host == host]
        quietest = max(theirs, key=lambda one: one.quiet_s, default=None)
        if not stale_s or quietest is None or quietest.quiet_s < stale_s:
            return False
        quietest.give_way()
        return True

    def _inside(self, host: str) -> bool:
        try:
            address: Any = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False  # a Unix socket has no address
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


def _host_and_port(addr: IAddress | None) -> tuple[str, int]:
    """A peer on a Unix socket has no host; all such peers are one."""
    return str(getattr(addr, "host", "local")), int(getattr(addr, "port", 0))
