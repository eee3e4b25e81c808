"""Carries out what a lane says: submits, looks, exchanges, rests, renews the lease.

Law: it decides nothing. One thing at a time, in the order the lane gives; whatever breaks here
gives the lane up and claims it again, so that no lane stands still in silence.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.clock import Clock
from engine.commit import GroupCommit, Timer
from engine.delivery.answers import Outcome, Sender
from engine.delivery.command import Ask, Command, Finished, Rest, State, Transmit
from engine.delivery.lane import LEASE_S, Lane
from engine.delivery.look import Look, ParkIt, Sight
from engine.store.port import (
    Advance,
    Claimed,
    Halt,
    Halted,
    LaneView,
    Opened,
    Order,
    Postpone,
    Settle,
)

#: Why an entry is parked when the last look itself failed: nothing is sent unlooked at.
LOOK_FAILED = "last-look-failed"

#: States of a lane in which a byte may leave without another word from the store.
_ATTEMPTING = (State.LOOKING, State.EXCHANGING)


class Observer(Protocol):
    """Who is told what a lane did: logs and metrics."""

    def closed(self, channel: str, close: Settle | Postpone) -> None:
        """An attempt was settled or postponed, durably."""

    def broke(self, channel: str, failure: Failure) -> None:
        """Something failed that must not; the lane was given up and will be claimed again."""

    def forgotten(self, channel: str) -> None:
        """The store knows less than it did: it was emptied, or an old copy of it put back."""


class Courier:
    """One lane at work."""

    def __init__(
        self,
        lane: Lane,
        commit: GroupCommit,
        sender: Sender,
        look: Look,
        *,
        timer: Timer,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._lane = lane
        self._commit = commit
        self._sender = sender
        self._look = look
        self._timer = timer
        self._clock = clock
        self._observer = observer
        self._rest: Rest | None = None
        self._alarm: DelayedCall | None = None
        self._ticker: DelayedCall | None = None
        self._woken = False
        self._renewing = False
        self._last_fence = 0
        self._fenced = False
        self._stops: list[Deferred[None]] = []
        self._closed: Deferred[None] | None = None

    @property
    def channel(self) -> str:
        """Whose lane it is."""
        return self._lane.channel

    def start(self, *, takeover: bool = False) -> None:
        """Claim the lane and deliver. `takeover`: its former holder is known to be dead."""
        self._tick()
        self._do(self._lane.start(takeover=takeover))

    def wake(self) -> None:
        """Something was committed for this channel. Does not cut a back-off short."""
        self._woken = True
        if self._rest is not None and self._rest.why is Halt.EMPTY:
            self._rested()

    def observe(self, view: LaneView) -> None:
        """What the store says of the lane: an order, its end, or work that others put there."""
        if view.order is Order.KILL and self._lane.state in _ATTEMPTING:
            self._lane.withdraw()  # within a second nothing more leaves
            self._sender.drop()
        rest = self._rest
        if rest is None or view.order is not None:
            return
        if (
            rest.why is Halt.PAUSED
            or (rest.why is Halt.EMPTY and view.depth)
            or (rest.why is Halt.WAIT and not view.not_before_ms)
        ):
            self._rested()

    def stop(self, grace_s: float) -> Deferred[None]:
        """Settle the attempt in flight, waiting `grace_s` for its answer, and let go of the lane.

        Fires once the lane is given back and the connection closed.
        """
        done: Deferred[None] = Deferred()
        self._stops.append(done)
        if self._lane.state is State.FINISHED:
            self._finished()
            return done
        command = self._lane.stop()
        if command is not None:
            self._cancel_alarm()
            self._do(command)
        elif self._lane.state is State.EXCHANGING:
            self._alarm = self._later(grace_s, self._close)
        return done

    # --- commands ---

    def _do(self, command: Command | None) -> None:
        if isinstance(command, Ask):
            self._ask(command)
        elif isinstance(command, Transmit):
            exchange = self._sender.send(command.payload, self._lane.may_send)
            exchange.addCallback(self._answered).addErrback(self._broke)
        elif isinstance(command, Rest):
            self._begin_rest(command)
        elif isinstance(command, Finished):
            self._finished()
        elif command is not None:
            self._take_look(command.opened)

    def _ask(self, command: Ask) -> None:
        if command.drop:
            self._sender.drop()
        operation = command.operation
        self._woken = False
        asked: Deferred[Any] = self._commit.submit(operation)
        if isinstance(operation, Advance):
            asked.addCallback(self._advanced, operation.close)
        else:
            asked.addCallback(self._told)
        asked.addErrback(self._broke)

    def _advanced(self, result: Opened | Halted, close: Settle | Postpone | None) -> None:
        self._fenced = isinstance(result, Halted) and result.why is Halt.FENCED
        if close is not None and not self._fenced:
            self._observer.closed(self._lane.channel, close)
        self._do(self._lane.told(result))

    def _told(self, result: Claimed) -> None:
        if result.fence:
            # A store that remembers only counts up, and fences off only for another holder.
            if self._last_fence and result.fence <= self._last_fence + self._fenced:
                self._observer.forgotten(self._lane.channel)
            self._last_fence, self._fenced = result.fence, False
        self._do(self._lane.told(result))

    def _take_look(self, opened: Opened) -> None:
        try:
            sight = self._look(opened)
        except Exception:  # noqa: BLE001 - told, and the entry is parked: never sent unlooked at
            sight = self._look_failed(Failure())  # type: ignore[no-untyped-call]
        if isinstance(sight, Deferred):
            sight.addErrback(self._look_failed).addCallback(self._looked).addErrback(self._broke)
        else:
            self._looked(sight)

    def _look_failed(self, failure: Failure) -> Sight:
        self._observer.broke(self._lane.channel, failure)
        return ParkIt(LOOK_FAILED)

    def _looked(self, sight: Sight) -> None:
        self._do(self._lane.looked(sight))

    def _answered(self, exchange: Outcome) -> None:
        if self._alarm is not None:
            self._cancel_alarm()
        self._do(self._lane.answered(exchange))

    def _broke(self, failure: Failure) -> None:
        self._observer.broke(self._lane.channel, failure)
        command = self._lane.lose()
        self._sender.drop()
        self._do(command)

    def _finished(self) -> None:
        self._cancel_alarm()
        if self._ticker is not None and self._ticker.active():
            self._ticker.cancel()
        closed = self._close()
        for done in self._stops:
            closed.chainDeferred(done)
        self._stops = []

    def _close(self) -> Deferred[None]:
        if self._closed is None:
            self._closed = self._sender.close()
        return self._closed

    # --- rest ---

    def _begin_rest(self, rest: Rest) -> None:
        self._rest = rest
        if self._woken and rest.why is Halt.EMPTY:
            self._rested()  # what woke it was committed after the store looked
        else:
            self._alarm = self._later(rest.seconds, self._rested)

    def _rested(self) -> None:
        self._cancel_alarm()
        self._do(self._lane.rested())

    def _cancel_alarm(self) -> None:
        self._rest = None
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None

    def _later(self, seconds: float, function: Any) -> DelayedCall:
        return cast("DelayedCall", self._timer.callLater(seconds, function))

    # --- lease ---

    def _tick(self) -> None:
        self._ticker = self._later(LEASE_S / 3, self._tick)
        renewal = self._lane.renewal()
        if renewal is not None and not self._renewing:
            self._renewing = True
            asked_s = self._clock.monotonic()
            self._commit.submit(renewal).addCallbacks(
                self._renewed, self._not_renewed, callbackArgs=(asked_s,)
            )

    def _renewed(self, result: Opened | Halted, asked_s: float) -> None:
        self._renewing = False
        if not self._lane.renewed(result, asked_s) and self._lane.state is State.EXCHANGING:
            self._sender.drop()  # its answer could not be settled here

    def _not_renewed(self, failure: Failure) -> None:
        """The deadline stands; the next step finds out whether the lane is still held."""
        self._renewing = False
        self._observer.broke(self._lane.channel, failure)
