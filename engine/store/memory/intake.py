"""What comes in: one message is accepted whole, once, and unless what it knew has changed.

Law: a receipt is one acceptance with one answer; a sender's control id with the same bytes is one
message.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.store.memory.journal import Journal
from engine.store.memory.lane import KeptItem
from engine.store.memory.lanes import Lanes
from engine.store.memory.registry import Registry
from engine.store.memory.waits import Waits
from engine.store.port import Accept, Accepted, Hold, Item, Kept
from engine.store.tally import Parts


class Intake:
    """What was accepted already, and the acceptance of what was not."""

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
        self._seen: dict[bytes, tuple[bytes, Accepted]] = {}
        self._seen_again: dict[tuple[bytes, bytes], Accepted] = {}

    def accept(self, op: Accept) -> Accepted:
        """Take responsibility for a message."""
        key, digest = op.duplicate_key, op.digest
        first = self._seen.get(key)
        same = first[1] if first and first[0] == digest else self._seen_again.get((key, digest))
        if same is not None:
            return same if same.receipt == op.receipt else Accepted(same.receipt, duplicate=True)
        if self._registry.is_stale(op.footing):
            return Accepted(op.receipt, stale=True)
        self._distribute(op)
        self._journal.keep(op.receipt, op.sealed, len(op.copies) + len(op.holds))
        released = self._learn(op)
        released, open_attempts = self._enter(op, released)
        self._journal.write(op.record)
        answer = Accepted(
            op.receipt, reused_id=first is not None, released=released, open_attempts=open_attempts
        )
        if first is None:
            self._seen[key] = (digest, answer)
        else:
            self._seen_again[key, digest] = answer
        return answer

    def _distribute(self, op: Accept) -> None:
        """What each channel gets, keeps aside or misses, and its counters."""
        for copy in op.copies:
            self._lanes.enqueue(op.receipt, copy, op.footing)
        for hold in op.holds:
            self._hold(op.receipt, hold)
        for channel in op.withheld:
            self._lanes.of(channel).count("withheld", 1)
        for channel in {copy.channel for copy in op.copies} | {hold.channel for hold in op.holds}:
            lane = self._lanes.of(channel)
            lane.count(lane.parts[op.receipt].state, 1)

    def _hold(self, receipt: str, hold: Hold) -> None:
        lane = self._lanes.of(hold.channel)
        since_ms = self._now_ms()
        item = Item(hold.channel, "", Kept.HELD, receipt, 0, hold.reason, since_ms, 0, b"", b"")
        kept = KeptItem(item, waits_for=hold.waits_for)
        lane.keep(kept)
        self._waits.wait(hold.channel, kept.item.id, receipt, hold.waits_for)
        lane.parts.setdefault(receipt, Parts()).held += 1

    def _learn(self, op: Accept) -> tuple[str, ...]:
        """Store what was learned; release who waited for it.

        This message too, if what it waits for was learned before it came.
        """
        released: dict[str, None] = {}
        self._waits.learn(op.learned)
        for learned in op.learned:
            released.update(dict.fromkeys(self._waits.release(learned.key)))
        if any(self._waits.knows_any(hold.waits_for) for hold in op.holds):
            released[op.receipt] = None
            self._waits.release_at_once(op.receipt)
        return tuple(released)

    def _enter(self, op: Accept, free: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """Change the registry; who is released besides, and how many attempts were open."""
        released = dict.fromkeys(free)
        number = 0
        for entering in op.enters:
            attempts = self._lanes.open_attempts(entering.patient, op.watches)
            number += len(attempts)
            self._registry.hold(entering.patient, entering.sealed, entering.record, attempts)
            released.update(dict.fromkeys(self._waits.release(entering.patient)))
        return tuple(released), number
