"""Every channel's lane: who holds it, its one open attempt, its end.

Law: only the latest fence moves a lane, and a step is done once however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.store.memory.journal import Journal
from engine.store.memory.lane import KeptItem, Lane, Queued
from engine.store.memory.registry import Registry
from engine.store.port import (
    Advance,
    Claim,
    Claimed,
    Copy,
    Final,
    Footing,
    Halt,
    Halted,
    Item,
    Kept,
    OpenAttempt,
    Opened,
    Postpone,
    Settle,
)


class Lanes:
    """The lanes by channel; one that nothing was ever said of is empty."""

    def __init__(self, now_ms: Callable[[], int], journal: Journal, registry: Registry) -> None:
        self._now_ms = now_ms
        self._journal = journal
        self._registry = registry
        self._lanes: dict[str, Lane] = {}
        self._last_entry = 0

    def of(self, channel: str) -> Lane:
        """The lane of `channel`."""
        if channel not in self._lanes:
            self._lanes[channel] = Lane(channel)
        return self._lanes[channel]

    def enqueue(
        self, receipt: str, copy: Copy, footing: Footing, *, doubtful: bool = False
    ) -> None:
        """Put a copy at the end of its channel's lane."""
        now_ms = self._now_ms()
        self._last_entry += 1
        entry = f"{now_ms}-{self._last_entry}"
        self.of(copy.channel).enqueue(
            Queued(entry, receipt, copy.part, copy.sealed, copy.note, now_ms, doubtful, footing)
        )

    def open_attempts(self, patient: bytes, channels: Iterable[str]) -> tuple[OpenAttempt, ...]:
        """Of these channels the open attempts that a change of the patient comes too late for."""
        found = (self.of(channel).open_attempt_about(patient) for channel in channels)
        return tuple(attempt for attempt in found if attempt is not None)

    def claim(self, op: Claim) -> Claimed:
        """Become a lane's holder."""
        lane, now_ms = self.of(op.channel), self._now_ms()
        lane.until_ms = min(lane.until_ms, now_ms + op.lease_ms)  # the clock may have been set back
        if lane.until_ms > now_ms and lane.holder != op.holder and not op.takeover:
            return Claimed(0, lane.until_ms - now_ms)
        lane.fence += 1
        lane.holder, lane.until_ms = op.holder, now_ms + op.lease_ms
        lane.turn, lane.answer = 0, None
        if lane.open_entry:
            lane.open_entry, lane.unknown = "", True
        return Claimed(lane.fence)

    def advance(self, op: Advance) -> Opened | Halted:
        """One step: close what was open, open the next."""
        lane, now_ms = self.of(op.channel), self._now_ms()
        if op.fence != lane.fence:
            return Halted(Halt.FENCED)
        if now_ms < lane.postponed_ms:  # the clock was set back: wait as long as was meant
            lane.not_before_ms = now_ms + max(0, lane.not_before_ms - lane.postponed_ms)
            lane.postponed_ms = now_ms
        if op.turn == lane.turn and lane.answer is not None:
            lane.until_ms = now_ms + op.lease_ms
            return self._as_of_now(lane, lane.answer)
        closes = op.close.entry if op.close else ""
        # A turn too many is of a holder that knows more than this store: an old copy was put back.
        if op.turn != lane.turn + 1 or closes != lane.open_entry:
            return Halted(Halt.FENCED)
        if isinstance(op.close, Settle):
            self._settle(lane, op.close)
        elif op.close:
            self._postpone(lane, op.close)
        lane.open_entry, lane.turn, lane.until_ms = "", op.turn, now_ms + op.lease_ms
        lane.answer = self._next(lane, op.open_next)
        return lane.answer

    def _as_of_now(self, lane: Lane, answer: Opened | Halted) -> Opened | Halted:
        if isinstance(answer, Halted):
            return answer
        footing = lane.entries[answer.entry].footing
        return replace(answer, stale=self._registry.is_outdated(footing, self._now_ms()))

    def _settle(self, lane: Lane, close: Settle) -> None:
        queued = lane.entries.pop(close.entry)
        parts = lane.parts[queued.receipt]
        before = parts.state
        parts.waiting -= 1
        if close.final is Final.PARKED:
            parts.parked += 1
            item = Item(
                lane.channel, "", Kept.PARKED, queued.receipt, queued.part, close.reason,
                self._now_ms(), lane.attempts, queued.sealed, queued.note,
            )  # fmt: skip
            lane.keep(KeptItem(item, lane.unknown or queued.doubtful))
        elif close.final is Final.DELIVERED:
            parts.delivered += 1
        lane.recount(queued.receipt, before)
        self._journal.finish(queued.receipt, 0 if close.final is Final.PARKED else 1)
        lane.acknowledged(close.answered, self._now_ms())
        lane.forget_head()
        self._journal.write(close.record)

    def _postpone(self, lane: Lane, close: Postpone) -> None:
        if not close.keep_attempt:
            lane.attempts -= 1
            if isinstance(lane.answer, Opened) and lane.answer.possible_duplicate:
                lane.count("duplicates", -1)
        lane.unknown = lane.unknown or close.unknown
        lane.postponed_ms = self._now_ms()
        lane.not_before_ms = lane.postponed_ms + close.delay_ms
        lane.last_error = close.error
        lane.acknowledged(close.answered, self._now_ms())

    def _next(self, lane: Lane, open_next: bool) -> Opened | Halted:
        if lane.order is not None:
            return Halted(Halt.PAUSED)
        if not lane.entries:
            return Halted(Halt.EMPTY)
        now_ms = self._now_ms()
        if lane.not_before_ms > now_ms or not open_next:
            return Halted(Halt.WAIT, max(0, lane.not_before_ms - now_ms))
        head = next(iter(lane.entries.values()))
        possible_duplicate = lane.unknown or head.doubtful
        lane.open_entry, lane.opened_ms = head.entry, now_ms
        lane.attempts += 1
        lane.count("duplicates", int(possible_duplicate))
        return Opened(
            head.entry, head.receipt, head.part, head.sealed, head.note, lane.attempts,
            possible_duplicate, max(0, now_ms - head.since_ms),
            self._registry.is_outdated(head.footing, now_ms),
        )  # fmt: skip
