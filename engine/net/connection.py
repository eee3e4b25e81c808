"""One hospital connection: frames in, replies out.

Laws: replies leave in the order in which their messages arrived, whatever order they become known
in. No more than `in_flight` messages are with the intake; while there are that many, or the byte
budget is spent, or the store is away, or the peer does not read our replies, nothing more is read.
A message without a reply ends the conversation: nothing after it is answered on this connection, so
the sender's own queue keeps what we did not take (decision 0005). A large frame arrives in small
reads, so it never holds up another connection.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Protocol, cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from engine.config.model import Listener
from engine.mllp.framing import Frame, FrameDecoder, Junk, Oversize
from engine.net.budget import ByteBudget
from engine.net.deadlines import Deadlines
from engine.net.keepalive import tune
from engine.net.observer import Closed, Notice, Observer
from engine.net.owed import Due, OwedReplies
from engine.net.ports import Timer, Timers, Wire
from engine.net.promptly import sending_now
from engine.net.receive import Receive, Source

#: So much outside frames, in bytes, is no slip: whoever sends it does not speak MLLP here.
MOST_JUNK_BYTES = 64 * 1024

#: How long a closing connection may take to send what is written, before it is cut.
LINGER_S = 5.0


class Listening(Protocol):
    """What a connection needs of its listener."""

    settings: Listener
    receive: Receive
    timers: Timers
    observer: Observer
    budget: ByteBudget

    @property
    def held(self) -> bool:
        """The store is away."""

    def count_received(self, messages: int, size_bytes: int) -> None:
        """Whole messages arrived."""

    def refuse_oversize(self, head: bytes) -> bytes | None:
        """The reply to a payload over the limit, of which `head` is the beginning."""

    def gone(self, connection: Connection, why: Closed) -> None:
        """The connection ended."""


class _Pause(Enum):
    """Why nothing is read just now."""

    IN_FLIGHT = 0
    BUDGET = 1
    HELD = 2
    OUTPUT = 3
    ENDING = 4


@implementer(IHalfCloseableProtocol)
class Connection(TwistedProtocol):
    """See above. Made by a `Listening`, which outlives it."""

    def __init__(self, listening: Listening, source: Source) -> None:
        settings = listening.settings
        self.source = source
        self._listening = listening
        self._limits = settings.limits
        self._timers = listening.timers
        self._decoder = FrameDecoder(self._limits.message_bytes, bare_fs=settings.bare_fs)
        self._deadlines = Deadlines(self._limits, self._timers.seconds())
        self._share = listening.budget.join(self)
        self._arrived: deque[bytes | Oversize] = deque()
        self._owed = OwedReplies()
        self._unanswered_bytes = 0
        self._odd_endings = 0
        self._junk_bytes = 0  # since the last frame
        self._paused: set[_Pause] = set()
        self._ended: Closed | None = None  # why it is ending, once it is
        self._pumping = False
        self._unanswerable = False  # a message has no answer, and waiting will not bring one
        self._discarding = False  # all is said; the rest of a payload over the limit may come
        self._lost = False
        self._alarm: Timer | None = None  # for the deadlines
        self._end: Timer | None = None  # for the end of a hold, a grace period, a linger

    # --- what Twisted calls ------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection is there."""
        self._wire = cast("Wire", self.transport)
        self._send_now = sending_now(self.transport)
        tune(self.transport)
        self._wire.registerProducer(self, True)
        if self._listening.held:
            self.hold()
        self._watch()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._ended is not None:
            return
        decoder = self._decoder
        messages = size_bytes = 0
        for event in decoder.feed(data):
            if isinstance(event, Frame):
                messages += 1
                size_bytes += len(event.payload)
                self._junk_bytes = 0
                self._arrived.append(event.payload)
            elif isinstance(event, Junk):
                self._junk_bytes += event.count
                if not event.blank:
                    self._notice(Notice.JUNK_BYTES, event.count)
            else:
                self._notice(Notice.OVERSIZE, 1)
                self._arrived.append(event)
        self._deadlines.read(
            self._timers.seconds(), in_frame=decoder.in_frame, completed=messages > 0
        )
        if messages:
            self._unanswered_bytes += size_bytes
            self._listening.count_received(messages, size_bytes)
            odd = decoder.endings_lf + decoder.endings_vt + decoder.endings_bare
            if odd != self._odd_endings:
                self._notice(Notice.ODD_ENDING, odd - self._odd_endings)
                self._odd_endings = odd
        if self._arrived:
            self._pump()
        if self._junk_bytes > MOST_JUNK_BYTES:
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
        if self._decoder.in_frame:
            self._notice(Notice.ABANDONED_BYTES, self._decoder.buffered_bytes)
        for timer in (self._alarm, self._end):
            if timer is not None and timer.active():
                timer.cancel()
        self._forget_arrived()
        self._owed.fall_silent()
        self._share.may_read(0, self._unanswered_bytes)
        self._share.leave()
        why, self._ended = self._ended or Closed.PEER, Closed.PEER
        self._listening.gone(self, why)

    def pauseProducing(self) -> None:
        """More is written than leaves."""
        self._pause(_Pause.OUTPUT)

    def resumeProducing(self) -> None:
        """What was written has left."""
        self._resume(_Pause.OUTPUT)

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    # --- what the listener and the budget call -----------------------------------------------

    def budget_freed(self) -> None:
        """There is room again."""
        self._resume(_Pause.BUDGET)

    def hold(self) -> None:
        """The store is away: read nothing; close, if that lasts."""
        if self._ended is None:
            self._pause(_Pause.HELD)
            self._end = self._timers.callLater(
                self._listening.settings.close_after_s, self._close, Closed.HELD
            )

    def release(self) -> None:
        """The store is back."""
        if self._ended is None:
            self._cancel_end()
        self._resume(_Pause.HELD)

    def drain(self) -> None:
        """Read no more; close when every reply that is owed has left."""
        self._finish(Closed.DRAINED)

    @property
    def quiet_s(self) -> float:
        """How long it could be that nobody is at the other end; 0 where there is work to do."""
        if self._ended is not None or self._lost or self._owed or self._arrived:
            return 0.0
        return self._deadlines.quiet_s(self._timers.seconds())

    def give_way(self) -> None:
        """A newer connection of the same peer takes its place."""
        self._finish(Closed.REPLACED)

    # --- messages and replies ----------------------------------------------------------------

    def _pump(self) -> None:
        """Hand over what has arrived, as far as `in_flight` allows, and send what is known."""
        if self._pumping:  # a reply became known while its message was handed over
            return
        self._pumping = True
        arrived, owed, limit = self._arrived, self._owed, self._limits.in_flight
        out: list[bytes] = []
        owed.collect(out)
        while arrived and len(owed) < limit and not owed.silent:
            item = arrived.popleft()
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
            self._deadlines.answered(self._timers.seconds())
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
        self._unanswered_bytes -= sum(
            len(item) for item in self._arrived if isinstance(item, bytes)
        )
        self._arrived.clear()

    # --- reading, and not reading ------------------------------------------------------------

    def _settle(self) -> None:
        """After every change: read on, or not; and until when."""
        partial = self._decoder.buffered_bytes
        if self._share.may_read(0 if self._lost else partial, self._unanswered_bytes):
            self._resume(_Pause.BUDGET)
        else:
            self._pause(_Pause.BUDGET)
        if len(self._owed) >= self._limits.in_flight:
            self._pause(_Pause.IN_FLIGHT)
        else:
            self._resume(_Pause.IN_FLIGHT)
        self._watch()

    def _pause(self, why: _Pause) -> None:
        if self._lost:
            return
        if not self._paused:
            self._wire.pauseProducing()
            self._deadlines.stop(self._timers.seconds())
        self._paused.add(why)

    def _resume(self, why: _Pause) -> None:
        if self._lost or why not in self._paused:
            return
        self._paused.discard(why)
        if not self._paused:
            self._wire.resumeProducing()
            self._deadlines.go_on(self._timers.seconds())
            self._watch()

    # --- time and the end --------------------------------------------------------------------

    def _watch(self) -> None:
        """Have the alarm go off no later than the next deadline."""
        due = None if self._lost else self._deadlines.next(busy=bool(self._owed))
        if due is None:
            return  # an alarm that is set finds nothing due, and is not set again
        delay_s = max(0.0, due[0] - self._timers.seconds())
        if self._alarm is None or not self._alarm.active():
            self._alarm = self._timers.callLater(delay_s, self._check)
        elif self._alarm.getTime() > due[0]:
            self._alarm.reset(delay_s)

    def _check(self) -> None:
        due = self._deadlines.next(busy=bool(self._owed))
        if due is not None and due[0] <= self._timers.seconds():
            self._finish(due[1])
        else:
            self._watch()

    def _finish(self, why: Closed) -> None:
        """Read no more; close when nothing is owed, or after the grace period."""
        if self._ended is not None or self._lost:
            return
        self._ended = why
        if why is not Closed.OVERSIZE:
            self._pause(_Pause.ENDING)
        self._cancel_end()
        self._end = self._timers.callLater(self._listening.settings.close_after_s, self._close, why)
        if not self._pumping:
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._owed.silent or self._owed or self._arrived or self._lost:
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
        self._pause(_Pause.ENDING)
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
