"""One channel's lane as a value: what came in, what to do next. It waits for nothing itself.

Laws: one message at a time, the head of the queue, in commit order (I3). An attempt is open in the
store before its first byte may leave, and only the holder of the fence opens or settles one (I5);
past its own deadline a holder sends nothing. An outcome that is not known is never guessed: the
same bytes go again, marked as a possible duplicate.

        claim ──► advance ──► look ──► exchange ──┐        Ask: hand `operation` to the store and
          ▲          ▲ │        │                 │        feed `told`; Look: feed `looked`;
          │          │ ▼        ▼                 ▼        Outcome: feed `answered`;
          └──────── rest      advance (close, open next)   Rest: feed `rested`; Finished: nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import Clock
from engine.delivery.answers import Failed, NotSent, Outcome
from engine.delivery.closing import postponed, settled, unsent, unused
from engine.delivery.command import (
    Ask,
    Command,
    Finished,
    Rest,
    State,
    TakeLook,
    Transmit,
)
from engine.delivery.ending import ending_of
from engine.delivery.look import NotYet, ParkIt, Send, Sight
from engine.delivery.schedule import Again, Happened, Schedule, next_step
from engine.mllp.framing import unframeable
from engine.store.port import (
    Advance,
    Claim,
    Claimed,
    Halt,
    Halted,
    Opened,
    Postpone,
    Settle,
)

#: A holder that is not heard of for so long may be replaced.
LEASE_S = 10.0

#: How often an empty or a paused lane looks again if nobody wakes it.
EMPTY_POLL_S = 1.0
PAUSED_POLL_S = 0.5

#: How long a lane that was lost is left alone.
LOST_WAIT_S = 1.0

#: How long a lane waits before it looks again at what it could not be told about.
NOT_YET_S = 2.0

#: Why an entry is parked when its bytes cannot be framed (docs/how-to/handle-dead-letters.md).
UNFRAMEABLE = "unframeable"

_ASKING = (State.CLAIMING, State.ADVANCING)
_ATTEMPTING = (State.LOOKING, State.EXCHANGING)


class Lane:
    """The lane of `channel`. `holder` names this life of this process; `uniform` is random."""

    def __init__(
        self,
        channel: str,
        holder: str,
        schedule: Schedule,
        *,
        clock: Clock,
        uniform: Callable[[], float],
        lease_s: float = LEASE_S,
    ) -> None:
        self.channel = channel
        self.state = State.NEW
        self._holder = holder
        self._schedule = schedule
        self._clock = clock
        self._uniform = uniform
        self._lease_s = lease_s
        self._lease_ms = int(lease_s * 1000)
        self._fence = 0
        self._turn = 0
        self._asked_s = 0.0
        self._deadline_s = 0.0
        self._last: Advance | None = None
        self._opened: Opened | None = None
        self._sent: Send | None = None
        self._unreached = 0
        self._stopping = False

    # --- inputs: each answers what to do next, or None when it was not waited for ---

    def start(self, *, takeover: bool = False) -> Command:
        """Begin by claiming the lane. `takeover`: its former holder is known to be dead."""
        return self._claim(takeover=takeover)

    def told(self, result: Claimed | Opened | Halted) -> Command | None:
        """The store's answer to what was asked."""
        if self.state not in _ASKING:
            return None
        if isinstance(result, Opened):
            self._deadline_s = self._asked_s + self._lease_s
            self._opened = result
            self.state = State.LOOKING
            return TakeLook(result)
        if isinstance(result, Claimed):
            return self._claimed(result)
        return self._halted(result)

    def looked(self, sight: Sight) -> Command | None:
        """What the last look allows."""
        if self.state is not State.LOOKING:
            return None
        opened = self._opened
        if opened is None:
            return self.lose()
        if isinstance(sight, Send):
            if unframeable(sight.payload):
                sight = ParkIt(UNFRAMEABLE)
            elif self._stopping or not self.may_send():
                why = "stopping" if self._stopping else "lease-over"
                return self._advance(unused(opened, why))
            else:
                self._sent = sight
                self.state = State.EXCHANGING
                return Transmit(sight.payload)
        if isinstance(sight, NotYet):
            return self._advance(unused(opened, sight.reason, NOT_YET_S))
        return self._advance(unsent(self.channel, opened, sight, self._clock.now()))

    def answered(self, exchange: Outcome) -> Command | None:
        """How the exchange ended."""
        if self.state is not State.EXCHANGING:
            return None
        opened, sent = self._opened, self._sent
        if opened is None or sent is None:
            return self.lose()
        if isinstance(exchange, NotSent) and exchange.reason is Failed.WITHDRAWN:
            return self._advance(unused(opened, exchange.reason.value))
        ending = ending_of(exchange, sent.control_id)
        happened = ending.happened
        self._unreached = self._unreached + 1 if happened is Happened.NOT_SENT else 0
        step = next_step(
            self._schedule,
            happened,
            self._unreached or opened.attempt,
            self._uniform(),
            code=ending.code,
            error_code=ending.error_code,
        )
        close: Settle | Postpone
        if isinstance(step, Again):
            close = postponed(opened, step, ending)
        else:
            now = self._clock.now()
            close = settled(self.channel, opened, step, now, ack=ending.code, note=sent.note)
        return self._advance(close, drop=happened is Happened.UNANSWERED)

    def may_send(self) -> bool:
        """Whether the first byte of the attempt may still be written; ask just before."""
        return self._opened is not None and self._clock.monotonic() < self._deadline_s

    def withdraw(self) -> None:
        """Have nothing of the open attempt written, if nothing was yet."""
        self._deadline_s = 0.0

    def rested(self) -> Command | None:
        """The rest is over, or somebody woke the lane."""
        if self.state is not State.RESTING:
            return None
        return self._advance() if self._fence else self._claim()

    def renewal(self) -> Advance | None:
        """What to submit so that the lease outlasts a long exchange; feed `renewed`.

        It is the last step once more: the store answers it as before, and prolongs the lease.
        """
        return self._last if self.state in _ATTEMPTING else None

    def renewed(self, result: Opened | Halted, asked_s: float) -> bool:
        """The answer to a renewal asked for at `asked_s`; False when the lane was lost.

        Then nothing of the attempt may be settled here, and its connection must be dropped.
        """
        if isinstance(result, Halted) and result.why is Halt.FENCED:
            if self.state in _ATTEMPTING:
                self._fence = 0
                self._opened = None
            return False
        if self._deadline_s:
            self._deadline_s = max(self._deadline_s, asked_s + self._lease_s)
        return True

    def lose(self) -> Command:
        """Somebody else holds the lane, or nobody knows who: claim it again after a while."""
        self._fence = 0
        self._opened = None
        self._sent = None
        return self._rest(Halt.FENCED, LOST_WAIT_S)

    def stop(self) -> Command | None:
        """Open nothing more, let go once the attempt in flight is settled.

        A command if the lane was at rest; otherwise the next input leads to the end.
        """
        self._stopping = True
        if self.state is State.NEW:
            return self._finish()
        return self.rested()

    # --- steps ---

    def _claim(self, *, takeover: bool = False) -> Command:
        if self._stopping:
            return self._finish()
        self.state = State.CLAIMING
        self._asked_s = self._clock.monotonic()
        return Ask(Claim(self.channel, self._holder, self._lease_ms, takeover))

    def _claimed(self, claimed: Claimed) -> Command:
        if not claimed.fence:
            return self._rest(Halt.FENCED, claimed.wait_ms / 1000)
        self._fence = claimed.fence
        self._turn = 0
        return self._advance()

    def _halted(self, halted: Halted) -> Command:
        if halted.why is Halt.FENCED:
            return self.lose()
        if self._stopping:
            return self._finish()
        return self._rest(halted.why, halted.wait_ms / 1000)

    def _advance(self, close: Settle | Postpone | None = None, *, drop: bool = False) -> Command:
        """The next step under this fence; the last one gives the lease back (it ends at once)."""
        self._opened = None
        self._sent = None
        self._turn += 1
        self.state = State.ADVANCING
        self._asked_s = self._clock.monotonic()
        self._last = Advance(
            self.channel,
            self._fence,
            self._turn,
            0 if self._stopping else self._lease_ms,
            close,
            not self._stopping,
        )
        return Ask(self._last, drop)

    def _rest(self, why: Halt, wait_s: float) -> Command:
        """Rest, but never so long that the lease runs out."""
        if self._stopping:
            return self._finish()
        self.state = State.RESTING
        poll_s = _POLL_S.get(why, self._lease_s / 3)
        return Rest(poll_s if why in _POLL_S else min(wait_s, poll_s), why)

    def _finish(self) -> Command:
        self.state = State.FINISHED
        return Finished()


#: Rests that end by themselves although the store named no time.
_POLL_S = {Halt.EMPTY: EMPTY_POLL_S, Halt.PAUSED: PAUSED_POLL_S}
