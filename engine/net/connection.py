"""One hospital connection: frames in, replies out.

Laws: replies leave in the order in which their messages arrived, whatever order they become known
in. No more than `in_flight` messages are with the intake; while there are that many, or the byte
budget is spent, or the store is away, or the peer does not read our replies, nothing more is read.
A message without a reply ends the conversation: nothing after it is answered on this connection, so
the sender's own queue keeps what we did not take (decision 0005). A large frame arrives in small
reads, so it never holds up another connection.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from engine.mllp.framing import Oversize
from engine.net.incoming import Incoming
from engine.net.keepalive import tune
from engine.net.listening import Listening
from engine.net.observer import Closed, Notice
from engine.net.owed import Due, OwedReplies
from engine.net.ports import Timer, Wire
from engine.net.promptly import sending_now
from engine.net.reading import Pause, Reading
from engine.net.receive import Source

#: How long a closing connection may take to send what is written, before it is cut.
LINGER_S = 5.0


@implementer(IHalfCloseableProtocol)
class Connection(TwistedProtocol):
    """See above. Made by a `Listening`, which outlives it."""

    def __init__(self, listening: Listening, source: Source) -> None:
        settings = listening.settings
        self.source = source
        self._listening = listening
        self._limits = settings.limits
        self._timers = listening.timers
        self._incoming = Incoming(settings, self._notice)
        self._share = listening.budget.join(self)
        self._owed = OwedReplies()
        self._unanswered_bytes = 0
        self._ended: Closed | None = None  # why it is ending, once it is
        self._pumping = False
        self._unanswerable = False  # a message has no answer, and waiting will not bring one
        self._discarding = False  # all is said; the rest of a payload over the limit may come
        self._lost = False
        self._end: Timer | None = None  # for the end of a hold, a grace period, a linger

    # --- what Twisted calls ------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection is there."""
        self._wire = cast("Wire", self.transport)
        self._send_now = sending_now(self.transport)
        tune(self.transport)
        self._reading = Reading(
            self._wire, self._limits, self._timers, lambda: bool(self._owed), self._finish
        )
        self._wire.registerProducer(self, True)
        if self._listening.held:
            self.hold()
        self._reading.watch()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._ended is not None:
            return
        incoming = self._incoming
        messages, size_bytes = incoming.feed(data)
        self._reading.came(in_frame=incoming.in_frame, completed=messages > 0)
        if messages:
            self._unanswered_bytes += size_bytes
            self._listening.count_received(messages, size_bytes)
        if incoming:
            self._pump()
        if incoming.is_junk:
            self._finish(Closed.JUNK)
        self._settle()

    def readConnectionLost(self) -> None:
        """The peer sends no more, but may still read: what it is owed leaves first."""
        if self._discarding:
            self._close(Closed.OVERSIZE)
        else:
            self._finish(Closed.PEER)

    def writeConnectionLost(self) -> None:
        """We write no more, as after oversize, or the peer takes no more."""
        if not self._discarding:
            self._wire.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone; replies that are still owed reach nobody."""
        self._lost = True
        if self._incoming.in_frame:
            self._notice(Notice.ABANDONED_BYTES, self._incoming.partial_bytes)
        self._reading.end()
        self._cancel_end()
        self._forget_arrived()
        self._owed.fall_silent()
        self._share.may_read(0, self._unanswered_bytes)
        self._share.leave()
        why, self._ended = self._ended or Closed.PEER, Closed.PEER
        self._listening.gone(self, why)

    def pauseProducing(self) -> None:
        """More is written than leaves."""
        self._reading.pause(Pause.OUTPUT)

    def resumeProducing(self) -> None:
        """What was written has left."""
        self._reading.resume(Pause.OUTPUT)

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    # --- what the listener and the budget call -----------------------------------------------

    def budget_freed(self) -> None:
        """There is room again."""
        self._reading.resume(Pause.BUDGET)

    def hold(self) -> None:
        """The store is away: read nothing; close, if that lasts."""
        if self._ended is None:
            self._reading.pause(Pause.HELD)
            self._end = self._timers.callLater(
                self._listening.settings.close_after_s, self._close, Closed.HELD
            )

    def release(self) -> None:
        """The store is back."""
        if self._ended is None:
            self._cancel_end()
        self._reading.resume(Pause.HELD)

    def drain(self) -> None:
        """Read no more; close when every reply that is owed has left."""
        self._finish(Closed.DRAINED)

    @property
    def quiet_s(self) -> float:
        """How long it could be that nobody is at the other end; 0 where there is work to do."""
        if self._ended is not None or self._lost or self._owed or self._incoming:
            return 0.0
        return self._reading.quiet_s

    def give_way(self) -> None:
        """A newer connection of the same peer takes its place."""
        self._finish(Closed.REPLACED)

    # --- messages and replies ----------------------------------------------------------------

    def _pump(self) -> None:
        """Hand over what has arrived, as far as `in_flight` allows, and send what is known."""
        if self._pumping:  # a reply became known while its message was handed over
            return
        self._pumping = True
        incoming, owed, limit = self._incoming, self._owed, self._limits.in_flight
        out: list[bytes] = []
        owed.collect(out)
        while incoming and len(owed) < limit and not owed.silent:
            item = incoming.take()
            if isinstance(item, Oversize):
                self._refuse(item)
            else:
                self._hand_over(item)
            if owed.ready:
                owed.collect(out)
        self._pumping = False
        if out and not self._lost:
            self._wire.write(b"".join(out))
            if self._ended is None:
                self._send_now()
            self._reading.answered()
        if owed.silent:
            self._forget_arrived()
            if self._unanswerable and not self._lost:
                self._close(Closed.UNANSWERED)
            else:
                self._finish(Closed.UNANSWERED)
        elif self._ended is not None:
            self._close_if_done()

    def _hand_over(self, payload: bytes) -> None:
        due = self._owed.owe(len(payload))
        try:
            deferred = self._listening.receive(payload, self.source)
        except Exception:  # noqa: BLE001  whatever broke, this message has no answer
            self._failed(None, due)
            return
        if deferred.called and not deferred.paused and not isinstance(deferred.result, Failure):
            self._known(due, cast("bytes | None", deferred.result))
        else:
            deferred.addCallbacks(
                self._answered, self._failed, callbackArgs=(due,), errbackArgs=(due,)
            )

    def _refuse(self, oversize: Oversize) -> None:
        """The last message of this connection; what follows it cannot be told apart."""
        reply = self._listening.refuse_oversize(oversize.head)
        self._owed.owe(0).settle(reply or b"")
        self._finish(Closed.OVERSIZE)

    def _known(self, due: Due, reply: bytes | None) -> None:
        self._unanswered_bytes -= due.size_bytes
        self._unanswerable |= reply is None and not self._listening.held
        due.settle(reply)

    def _answered(self, reply: bytes | None, due: Due) -> None:
        self._known(due, reply)
        if self._owed.ready:
            self._pump()
        self._settle()

    def _failed(self, _failure: Failure | None, due: Due) -> None:
        """The intake broke down: no answer, as when the store is away."""
        self._notice(Notice.RECEIVE_FAILED, 1)
        self._unanswered_bytes -= due.size_bytes
        due.settle(None)
        if self._owed.ready:
            self._pump()
        self._settle()

    def _forget_arrived(self) -> None:
        self._unanswered_bytes -= self._incoming.forget()

    # --- reading, and not reading ------------------------------------------------------------

    def _settle(self) -> None:
        """After every change: read on, or not; and until when."""
        partial = self._incoming.partial_bytes
        if self._share.may_read(0 if self._lost else partial, self._unanswered_bytes):
            self._reading.resume(Pause.BUDGET)
        else:
            self._reading.pause(Pause.BUDGET)
        if len(self._owed) >= self._limits.in_flight:
            self._reading.pause(Pause.IN_FLIGHT)
        else:
            self._reading.resume(Pause.IN_FLIGHT)
        self._reading.watch()

    # --- the end -----------------------------------------------------------------------------

    def _finish(self, why: Closed) -> None:
        """Read no more; close when nothing is owed, or after the grace period."""
        if self._ended is not None or self._lost:
            return
        self._ended = why
        if why is not Closed.OVERSIZE:
            self._reading.pause(Pause.ENDING)
        self._cancel_end()
        self._end = self._timers.callLater(self._listening.settings.close_after_s, self._close, why)
        if not self._pumping:
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._owed.silent or self._owed or self._incoming or self._lost:
            return
        if self._ended is Closed.OVERSIZE:
            self._discard()
        else:
            self._close(self._ended or Closed.PEER)

    def _discard(self) -> None:
        """Close our side only: a socket closed over unread bytes would take the AR with it."""
        if not self._discarding:
            self._discarding = True
            self._cancel_end()
            self._end = self._timers.callLater(LINGER_S, self._close, Closed.OVERSIZE)
            self._wire.unregisterProducer()
            self._wire.loseWriteConnection()

    def _close(self, why: Closed) -> None:
        """Send what is written, then close; cut, if the peer does not take it."""
        self._ended = self._ended or why
        self._reading.pause(Pause.ENDING)
        self._forget_arrived()
        self._owed.fall_silent()
        self._cancel_end()
        self._end = self._timers.callLater(LINGER_S, self._wire.abortConnection)
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def _cancel_end(self) -> None:
        if self._end is not None and self._end.active():
            self._end.cancel()

    def _notice(self, what: Notice, count: int) -> None:
        self._listening.observer.noticed(self.source.host, what, count)
