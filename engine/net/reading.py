"""When a connection is read, and when its peer has had its time.

Law: nothing is read while there is any reason not to. An alarm goes off no later than the next
deadline (`engine.net.deadlines`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from engine.config.model import Limits
from engine.net.deadlines import Deadlines
from engine.net.observer import Closed
from engine.net.ports import Timer, Timers, Wire


class Pause(Enum):
    """Why nothing is read just now."""

    IN_FLIGHT = 0
    BUDGET = 1
    HELD = 2
    OUTPUT = 3
    ENDING = 4


class Reading:
    """The reading of one connection, from when it is made until `end`.

    `is_busy`: whether a reply is outstanding; `expire` is called when the peer has had its time.
    """

    __slots__ = (
        "_alarm",
        "_deadlines",
        "_ended",
        "_expire",
        "_is_busy",
        "_paused",
        "_timers",
        "_wire",
    )

    def __init__(
        self,
        wire: Wire,
        limits: Limits,
        timers: Timers,
        is_busy: Callable[[], bool],
        expire: Callable[[Closed], None],
    ) -> None:
        self._wire = wire
        self._timers = timers
        self._is_busy = is_busy
        self._expire = expire
        self._deadlines = Deadlines(limits, timers.seconds())
        self._paused: set[Pause] = set()
        self._alarm: Timer | None = None
        self._ended = False

    @property
    def quiet_s(self) -> float:
        """For how long nothing was said on either side; 0 within a frame or while paused."""
        return self._deadlines.quiet_s(self._timers.seconds())

    def came(self, *, in_frame: bool, completed: bool) -> None:
        """Bytes came; `completed`: a frame ended with them, `in_frame`: one is unfinished now."""
        self._deadlines.read(self._timers.seconds(), in_frame=in_frame, completed=completed)

    def answered(self) -> None:
        """A reply left."""
        self._deadlines.answered(self._timers.seconds())

    def pause(self, why: Pause) -> None:
        """Do not read, until this and every other reason is gone."""
        if self._ended:
            return
        if not self._paused:
            self._wire.pauseProducing()
            self._deadlines.stop(self._timers.seconds())
        self._paused.add(why)

    def resume(self, why: Pause) -> None:
        """This reason is gone."""
        if self._ended or why not in self._paused:
            return
        self._paused.discard(why)
        if not self._paused:
            self._wire.resumeProducing()
            self._deadlines.go_on(self._timers.seconds())
            self.watch()

    def watch(self) -> None:
        """Have the alarm go off no later than the next deadline."""
        due = None if self._ended else self._deadlines.next(busy=self._is_busy())
        if due is None:
            return  # an alarm that is set finds nothing due, and is not set again
        delay_s = max(0.0, due[0] - self._timers.seconds())
        if self._alarm is None or not self._alarm.active():
            self._alarm = self._timers.callLater(delay_s, self._check)
        elif self._alarm.getTime() > due[0]:
            self._alarm.reset(delay_s)

    def end(self) -> None:
        """The connection is gone."""
        self._ended = True
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()

    def _check(self) -> None:
        due = self._deadlines.next(busy=self._is_busy())
        if due is not None and due[0] <= self._timers.seconds():
            self._expire(due[1])
        else:
            self.watch()
