"""What people and monitors ask: which engines live, and how the lanes stand.

Law: to ask changes nothing but how long an engine is known to live.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.store.memory.lanes import Lanes
from engine.store.port import Beat, Entry, Item, Items, LaneView, Survey, View, Waiting


class Views:
    """The engines by id, each until a moment, and the lanes."""

    def __init__(self, now_ms: Callable[[], int], lanes: Lanes) -> None:
        self._now_ms = now_ms
        self._lanes = lanes
        self._engines: dict[str, tuple[int, bytes]] = {}

    def beat(self, op: Beat) -> tuple[LaneView, ...]:
        """An engine lives; it learns how its lanes stand."""
        self._engines[op.engine] = (self._now_ms() + op.ttl_ms, op.state)
        return self._views(op.channels)

    def survey(self, op: Survey) -> View:
        """All engines that live, and the lanes asked about."""
        now_ms = self._now_ms()
        engines = sorted(
            (engine, state) for engine, (until, state) in self._engines.items() if until > now_ms
        )
        return View(tuple(engines), self._views(op.channels), now_ms)

    def _views(self, channels: tuple[str, ...]) -> tuple[LaneView, ...]:
        return tuple(self._lanes.of(channel).view() for channel in channels)

    def items(self, op: Items) -> tuple[Item, ...]:
        """What a channel keeps aside."""
        return self._lanes.of(op.channel).list_items(int(op.after or 0), op.receipt, op.limit)

    def waiting(self, op: Waiting) -> tuple[Entry, ...]:
        """What waits in a channel's lane."""
        return self._lanes.of(op.channel).list_waiting(op.limit)
