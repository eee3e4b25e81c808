"""Turns what listeners, lanes and the group commit tell into events of the log.

Law: only codes from closed sets and numbers get through; what goes well is not logged; and no peer
fills the disk with lines, however often it does the same thing.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.python.failure import Failure

from engine.logs import Event, Log, describe
from engine.net.observer import Closed, Notice, Refusal
from engine.store.port import Final, Postpone, Settle, StoreUnavailable

#: Ends of connections that are nobody's fault.
_ORDINARY = frozenset({Closed.PEER, Closed.DRAINED, Closed.IDLE})


#: What one peer does again and again is told at most so often, in seconds, with its count.
TOLD_EVERY_S = 10.0

#: How many peers' doings are counted at most; beyond that counting begins anew.
COUNTED = 4096


class ListenerLog:
    """Implements `engine.net.observer.Observer` for one listener."""

    def __init__(self, listener: str, log: Log, monotonic: Callable[[], float]) -> None:
        self._listener = listener
        self._log = log
        self._monotonic = monotonic
        #: Event, peer and reason → when it was told last, and how much of it was not.
        self._told: dict[tuple[Event, str, str], tuple[float, int]] = {}

    def connected(self, peer: str) -> None:
        """Ordinary."""

    def refused(self, peer: str, why: Refusal) -> None:
        """A connection was not admitted."""
        self._say(Event.CONNECTION_REFUSED, peer, why.value)

    def disconnected(self, peer: str, why: Closed) -> None:
        """An admitted connection is gone."""
        if why not in _ORDINARY:
            self._say(Event.CONNECTION_CLOSED, peer, why.value)

    def received(self, messages: int, size_bytes: int) -> None:
        """Ordinary."""

    def noticed(self, peer: str, what: Notice, count: int) -> None:
        """Something a person should see."""
        self._say(Event.WIRE_NOTICE, peer, what.value, count)

    def _say(self, event: Event, peer: str, reason: str, count: int = 1) -> None:
        key, now_s = (event, peer, reason), self._monotonic()
        told_s, untold = self._told.get(key, (float("-inf"), 0))
        if now_s - told_s < TOLD_EVERY_S:
            self._told[key] = (told_s, untold + count)
            return
        if len(self._told) >= COUNTED:
            self._told.clear()
        self._told[key] = (now_s, 0)
        self._log(event, listener=self._listener, peer=peer, reason=reason, count=untold + count)


class LaneLog:
    """Implements `engine.delivery.courier.Observer`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def closed(self, channel: str, close: Settle | Postpone) -> None:
        """An attempt was settled or postponed, durably."""
        if isinstance(close, Postpone):
            self._log(
                Event.DELIVERY_POSTPONED,
                channel=channel,
                reason=close.error,
                code=close.answered or None,
                seconds=round(close.delay_ms / 1000, 3),
            )
        elif close.final is not Final.DELIVERED:
            parked = close.final is Final.PARKED
            event = Event.DELIVERY_PARKED if parked else Event.DELIVERY_WITHHELD
            self._log(event, channel=channel, reason=close.reason, code=close.answered or None)

    def broke(self, channel: str, failure: Failure) -> None:
        """Something failed that must not."""
        said = {} if failure.value is None else describe(failure.value)
        self._log(Event.LANE_FAILED, channel=channel, **said)

    def forgotten(self, channel: str) -> None:
        """The store knows less than it did."""
        self._log(Event.STORE_FORGOT, channel=channel)


class StoreWatch:
    """Implements `engine.commit.Observer`; calls `changed(is_down)` each time it changes."""

    def __init__(
        self, changed: Callable[[bool], object], log: Log, monotonic: Callable[[], float]
    ) -> None:
        self._changed = changed
        self._log = log
        self._monotonic = monotonic
        self._since_s: float | None = None

    def store_down(self, error: StoreUnavailable) -> None:
        """A batch was not answered, for another reason than before; it is being repeated."""
        self._log(Event.STORE_UNAVAILABLE, code=error.code)
        if self._since_s is None:
            self._since_s = self._monotonic()
            self._changed(True)

    def store_up(self) -> None:
        """The repeated batch was answered."""
        since_s, self._since_s = self._since_s, None
        if since_s is None:
            return
        self._log(Event.STORE_BACK, seconds=round(self._monotonic() - since_s, 3))
        self._changed(False)
