"""One connection to one counterpart, one message in flight.

Laws: an answer is handed to the message that is outstanding or to none, so whatever casts doubt on
that (a timeout, bytes that nobody asked for, an answer before all of the message has left, a caller
who could not read the answer: `drop`) closes the socket, and the next message leaves on a new one.
Nothing here decides whether or when to try again. What is not known to be unsent is reported as
unanswered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import (
    ConnectError,
    DNSLookupError,
    NoRouteError,
)
from twisted.internet.error import ConnectionRefusedError as ConnectRefusedError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from engine.delivery.answers import Answer, Failed, NotSent, Outcome, Unanswered
from engine.mllp.framing import Frame, FrameDecoder, Junk, encode
from engine.net.keepalive import tune
from engine.net.ports import Timer, Timers, Wire
from engine.net.promptly import sending_now

#: The longest answer that is read. Acknowledgments of real receivers are below 1 KiB.
MAX_ANSWER_BYTES = 1024 * 1024

#: How long a closing connection may take before it is cut.
LINGER_S = 5.0

#: Why a connection could not be made, by what the endpoint raises; the first that fits.
_CONNECT_FAILURES: tuple[tuple[type[Exception], Failed], ...] = (
    (ConnectRefusedError, Failed.REFUSED),
    (DNSLookupError, Failed.NAME),
    (NoRouteError, Failed.NO_ROUTE),
    (ConnectTimeoutError, Failed.CONNECT_TIMEOUT),
    (DeferredTimeoutError, Failed.CONNECT_TIMEOUT),
    (CancelledError, Failed.DROPPED),
    (ConnectError, Failed.CONNECT),
)


class Sender:
    """Sends messages one at a time over a connection that is kept; see `send`.

    `endpoint` (an `IStreamClientEndpoint`) replaces plain TCP to `host` and `port`. `unexpected`
    counts the connections that were closed because of bytes that nobody had asked for.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        reactor: Timers,
        connect_timeout_s: float = 10.0,
        ack_timeout_s: float = 30.0,
        endpoint: Any = None,
    ) -> None:
        self._timers = reactor
        self._connect_timeout_s = connect_timeout_s
        self.ack_timeout_s = ack_timeout_s
        self._endpoint: Any = endpoint or HostnameEndpoint(
            cast("Any", reactor), host, port, timeout=connect_timeout_s
        )
        self._line: Line | None = None
        self._busy = False
        self._connecting: Deferred[Any] | None = None
        self._closed = False
        self._lost: list[Deferred[None]] = []  # who waits for the old connection to be gone
        self.unexpected = 0

    @property
    def connected(self) -> bool:
        """A connection is open."""
        return self._line is not None and self._line.open

    def send(self, payload: bytes, may_send: Callable[[], bool] | None = None) -> Deferred[Outcome]:
        """Send `payload`, connecting first where need be; fires with an `Outcome`, never fails.

        `may_send` is asked directly before the first byte is written; if it says no, nothing is.
        Raises `UnframeablePayload` for what MLLP cannot carry, and `RuntimeError` when a message
        is outstanding.
        """
        if self._busy:
            raise RuntimeError("one message is in flight")
        frame = encode(payload)
        if self._closed:
            return succeed(NotSent(Failed.CLOSED))
        self._busy = True
        line = self._line
        if line is not None and line.open:
            sent = line.exchange(frame, may_send)
        else:
            sent = Deferred.fromCoroutine(self._connect_and_send(frame, may_send))
        return sent.addBoth(self._free)

    def drop(self) -> None:
        """Close the connection now: its answers can no longer be trusted."""
        if self._line is not None:
            self._line.abort(Failed.DROPPED)

    def close(self) -> Deferred[None]:
        """Send no more; fires when the connection is gone.

        An outstanding message becomes `Unanswered` (or `NotSent`, if it was still connecting).
        """
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._line is None:
            return succeed(None)
        gone = self._gone()
        self._line.close()
        return gone

    # --- the line's news ---------------------------------------------------------------------

    def line_lost(self, line: Line) -> None:
        """A connection is gone."""
        if self._line is line:
            self._line = None
        waiting, self._lost = self._lost, []
        for deferred in waiting:
            deferred.callback(None)

    def line_unexpected(self) -> None:
        """Bytes came that nobody had asked for."""
        self.unexpected += 1

    # --- inside ------------------------------------------------------------------------------

    def _free(self, result: Any) -> Any:
        self._busy = False
        return result

    def _gone(self) -> Deferred[None]:
        deferred: Deferred[None] = Deferred()
        self._lost.append(deferred)
        return deferred

    async def _connect_and_send(self, frame: bytes, may_send: Callable[[], bool] | None) -> Outcome:
        try:
            line = await self._connect()
        except Exception as failure:  # noqa: BLE001  whatever an endpoint raises: nothing was sent
            return NotSent(Failed.CLOSED if self._closed else _why(failure))
        if not line.open:
            return NotSent(Failed.LOST)
        self._line = line
        if self._closed:
            line.close()
            return NotSent(Failed.CLOSED)
        return await line.exchange(frame, may_send)

    async def _connect(self) -> Line:
        if self._line is not None:
            await self._gone()  # the old socket is closed before the new one opens
        connecting = self._endpoint.connect(_LineFactory(self, self._timers))
        connecting.addTimeout(self._connect_timeout_s, self._timers)
        self._connecting = connecting
        try:
            return cast("Line", await connecting)
        finally:
            self._connecting = None


def _why(failure: Exception) -> Failed:
    for kind, why in _CONNECT_FAILURES:
        if isinstance(failure, kind):
            return why
    return Failed.CONNECT


class _LineFactory(Factory[Protocol]):
    noisy = False

    def __init__(self, sender: Sender, timers: Timers) -> None:
        self._sender = sender
        self._timers = timers

    def buildProtocol(self, addr: IAddress | None) -> Line:
        return Line(self._sender, self._timers)


class Line(Protocol):
    """One connection of a `Sender`."""

    def __init__(self, sender: Sender, timers: Timers) -> None:
        self._sender = sender
        self._timers = timers
        self._decoder = FrameDecoder(MAX_ANSWER_BYTES)
        self._outstanding: Deferred[Outcome] | None = None
        self._timeout: Timer | None = None
        self._lost = False
        self._unsent = False  # more of a message is written than has left
        self.open = False

    def exchange(self, frame: bytes, may_send: Callable[[], bool] | None) -> Deferred[Outcome]:
        """Write `frame`; fires with what came of it."""
        if may_send is not None and not may_send():
            return succeed(NotSent(Failed.WITHDRAWN))
        outstanding: Deferred[Outcome] = Deferred(lambda _: self.abort(Failed.DROPPED))
        self._outstanding = outstanding
        self._timeout = self._timers.callLater(
            self._sender.ack_timeout_s, self.abort, Failed.ACK_TIMEOUT
        )
        self._unsent = True
        self._wire.write(frame)
        self._send_now()
        return outstanding

    def abort(self, why: Failed) -> None:
        """Close now; what is outstanding stays unanswered."""
        self._end(Unanswered(why), cut=not self._lost)

    def close(self) -> None:
        """Close; politely, if nothing is outstanding."""
        if self._outstanding is not None:
            self.abort(Failed.CLOSED)
        elif self.open:
            self.open = False
            self._timeout = self._timers.callLater(LINGER_S, self._wire.abortConnection)
            self._wire.unregisterProducer()
            self._wire.loseConnection()

    # --- what Twisted calls ------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection is there."""
        self._wire = cast("Wire", self.transport)
        self._send_now = sending_now(self.transport)
        self._wire.registerProducer(self, False)
        tune(self.transport)
        self.open = True

    def dataReceived(self, data: bytes) -> None:
        """Bytes came: an answer, if one is awaited and this is one frame."""
        if not self.open:
            return
        outcome: Outcome | None = None
        unexpected = False
        for event in self._decoder.feed(data):
            awaited = self._outstanding is not None and outcome is None
            if isinstance(event, Junk):
                unexpected = unexpected or not (awaited or event.blank)
            elif not awaited:
                unexpected = True
            elif isinstance(event, Frame):
                outcome = Answer(event.payload, early=self._unsent)
            else:
                outcome = Unanswered(Failed.OVERSIZE)
        if self._decoder.in_frame and (self._outstanding is None or outcome is not None):
            unexpected = True
        if unexpected:
            self._sender.line_unexpected()
        if unexpected or outcome is not None:
            cut = unexpected or self._unsent or isinstance(outcome, Unanswered)
            self._end(outcome, cut=cut)

    def resumeProducing(self) -> None:
        """What was written has left: the transport asks for more, of which there is none."""
        self._unsent = False

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._lost = True
        self.open = False
        self._sender.line_lost(self)
        self._end(Unanswered(Failed.LOST), cut=False)

    def _end(self, outcome: Outcome | None, *, cut: bool) -> None:
        """Hand over the outcome, if one is awaited; `cut` the connection before that."""
        outstanding, self._outstanding = self._outstanding, None
        self._cancel_timeout()
        if cut:
            self.open = False
            self._wire.abortConnection()
        if outstanding is not None and outcome is not None:
            outstanding.callback(outcome)

    def _cancel_timeout(self) -> None:
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()
