"""What people and later decisions order: an item is resolved, a lane paused or resumed.

Law: an order is known by itself; given twice it is carried out once and answered alike.
"""

from __future__ import annotations

from dataclasses import replace

from engine.store.memory.journal import Journal
from engine.store.memory.lane import KeptItem
from engine.store.memory.lanes import Lanes
from engine.store.memory.registry import Registry
from engine.store.memory.waits import Waits
from engine.store.port import Control, Footing, ForgetReleased, Hold, Kept, Order, Resolve


class Orders:
    """The orders that were carried out, and how they are."""

    def __init__(self, journal: Journal, waits: Waits, registry: Registry, lanes: Lanes) -> None:
        self._journal = journal
        self._waits = waits
        self._registry = registry
        self._lanes = lanes
        self._acts: dict[tuple[str, str, bytes], bool] = {}

    def resolve(self, op: Resolve) -> bool:
        """Take up an item again: copies, another hold, or nothing more."""
        act = (op.channel, op.item, op.record)
        if act in self._acts:
            return True
        lane = self._lanes.of(op.channel)
        kept = lane.items.get(op.item)
        if kept is None:
            return False
        item = kept.item
        parts = lane.parts[item.receipt]
        before = parts.state
        setattr(parts, item.kind.value, getattr(parts, item.kind.value) - 1)
        self._waits.stop(op.channel, op.item, kept.waits_for)
        if op.hold:
            parts.held += 1
            self._hold_again(kept, op.hold, op.footing)
        else:
            del lane.items[op.item]
        for copy in op.copies:
            self._lanes.enqueue(item.receipt, copy, op.footing, doubtful=kept.doubtful)
        self._waits.learn(op.learned)
        lane.recount(item.receipt, before)
        self._journal.finish(item.receipt, 0 if op.hold else 1 - len(op.copies))
        if op.forget_release:
            self._waits.forget(ForgetReleased(op.forget_release))
        self._journal.write(op.record)
        self._acts[act] = True
        return True

    def _hold_again(self, kept: KeptItem, hold: Hold, footing: Footing) -> None:
        """A new wait for what is already known is over at once; an old one waits for news."""
        new = set(hold.waits_for) - set(kept.waits_for)
        item = replace(kept.item, kind=Kept.HELD, reason=hold.reason, sealed=b"", note=b"")
        kept.item, kept.waits_for = item, hold.waits_for
        self._waits.wait(item.channel, item.id, item.receipt, hold.waits_for)
        is_stale = bool(hold.waits_for) and self._registry.is_stale(footing)
        if is_stale or self._waits.knows_any(new):
            self._waits.release_at_once(item.receipt)

    def control(self, op: Control) -> bool:
        """Pause, kill or resume a lane."""
        act = (op.channel, op.order.value, op.record)
        if act in self._acts:
            return self._acts[act]
        lane = self._lanes.of(op.channel)
        effective = not (op.order is Order.PAUSE and lane.order is Order.KILL)
        if op.order is Order.RESUME:
            lane.order, lane.order_reason, lane.not_before_ms = None, "", 0
        elif effective:
            lane.order, lane.order_reason = op.order, op.reason
        self._journal.write(op.record)
        self._acts[act] = effective
        return effective
