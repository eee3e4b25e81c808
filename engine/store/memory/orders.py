"""What people and later decisions order: an item is resolved, a lane paused or resumed.

Law: an order is known by itself; given twice it is carried out once and answered alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.store.memory.journal import Journal
from engine.store.memory.lane import KeptItem, Lane
from engine.store.memory.lanes import Lanes
from engine.store.memory.registry import Registry
from engine.store.memory.waits import Waits
from engine.store.port import (
    Control,
    Footing,
    ForgetReleased,
    Hold,
    Item,
    Kept,
    Order,
    Reopen,
    Resolve,
)
from engine.store.tally import Parts


class Orders:
    """The orders that were carried out, and how they are."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        journal: Journal,
        waits: Waits,
        registry: Registry,
        lanes: Lanes,
    ) -> None:
        self._now_ms = now_ms
        self._journal = journal
        self._waits = waits
        self._registry = registry
        self._lanes = lanes
        self._acts: dict[tuple[str, str, bytes], bool] = {}
        self._reopened: dict[tuple[str, str, int], bytes] = {}

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

    def reopen(self, op: Reopen) -> bool:
        """Take up a message again that is done with for a channel."""
        act = (op.channel, op.receipt, op.time)
        if act in self._reopened:
            return self._reopened[act] == op.record
        lane = self._lanes.of(op.channel)
        if op.receipt in lane.parts:
            return False
        parts = lane.parts[op.receipt] = Parts(delivered=op.delivered or 0)
        before = "" if op.delivered is None else parts.state
        for copy in op.copies:
            self._lanes.enqueue(op.receipt, copy, op.footing, doubtful=op.doubtful)
        self._waits.learn(op.learned)
        if op.hold:
            self._hold(lane, op, op.hold)
        self._journal.keep_again(op.receipt, op.sealed, len(op.copies) + bool(op.hold))
        if not before:
            lane.count(parts.state, 1)
        lane.recount(op.receipt, before or parts.state)
        self._journal.write(op.record)
        self._reopened[act] = op.record
        return True

    def _hold(self, lane: Lane, op: Reopen, hold: Hold) -> None:
        """A new item, and what ends its wait."""
        since_ms = self._now_ms()
        item = Item(op.channel, "", Kept.HELD, op.receipt, 0, hold.reason, since_ms, 0, b"", b"")
        kept = KeptItem(item, op.doubtful, hold.waits_for)
        lane.keep(kept)
        lane.parts[op.receipt].held += 1
        self._waits.wait(op.channel, kept.item.id, op.receipt, hold.waits_for)
        is_stale = bool(hold.waits_for) and self._registry.is_stale(op.footing)
        if is_stale or self._waits.knows_any(hold.waits_for):
            self._waits.release_at_once(op.receipt)

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
