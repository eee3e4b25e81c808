"""Everything of one channel: what waits to go out, what is kept aside, who holds the lane.

Law: what it counts and what it holds change together, by its own methods.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from itertools import islice

from engine.store.port import (
    NOBODY_LOOKED,
    Entry,
    Footing,
    Halted,
    Item,
    LaneView,
    OpenAttempt,
    Opened,
    Order,
)
from engine.store.tally import Parts


@dataclass(slots=True)
class Queued:
    """One entry of a lane; `doubtful`: an attempt before a replay has an unknown outcome."""

    entry: str
    receipt: str
    part: int
    sealed: bytes
    note: bytes
    since_ms: int
    doubtful: bool = False
    footing: Footing = NOBODY_LOOKED


@dataclass(slots=True)
class KeptItem:
    """A held or parked item, and what else must be known to take it up again."""

    item: Item
    doubtful: bool = False
    waits_for: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Lane:
    """One channel's entries, items and counters, and the state of its head."""

    channel: str
    entries: OrderedDict[str, Queued] = field(default_factory=OrderedDict)
    items: dict[str, KeptItem] = field(default_factory=dict)
    parts: dict[str, Parts] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    last_item: int = 0
    holder: str = ""
    fence: int = 0
    until_ms: int = 0
    turn: int = 0
    answer: Opened | Halted | None = None
    open_entry: str = ""
    opened_ms: int = 0
    attempts: int = 0
    unknown: bool = False
    not_before_ms: int = 0
    postponed_ms: int = 0
    last_error: str = ""
    order: Order | None = None
    order_reason: str = ""
    last_ack: str = ""
    last_ack_ms: int = 0

    def count(self, name: str, by: int) -> None:
        """Change a counter."""
        self.counts[name] = self.counts.get(name, 0) + by

    def recount(self, receipt: str, before: str) -> None:
        """The parts of a message have changed: it may count in another state than `before`."""
        parts = self.parts[receipt]
        if parts.state != before:
            self.count(before, -1)
            self.count(parts.state, 1)
        if parts.final:
            del self.parts[receipt]

    def enqueue(self, queued: Queued) -> None:
        """One more at the end."""
        self.entries[queued.entry] = queued
        self.parts.setdefault(queued.receipt, Parts()).waiting += 1

    def keep(self, kept: KeptItem) -> None:
        """Keep an item aside, under the next number."""
        self.last_item += 1
        kept.item = replace(kept.item, id=str(self.last_item))
        self.items[kept.item.id] = kept

    def acknowledged(self, answered: str, now_ms: int) -> None:
        """Remember what the insurer answered, if it did."""
        if answered:
            self.last_ack, self.last_ack_ms = answered, now_ms

    def forget_head(self) -> None:
        """What is known of the head goes with it."""
        self.attempts, self.unknown, self.not_before_ms, self.last_error = 0, False, 0, ""

    def open_attempt_about(self, patient: bytes) -> OpenAttempt | None:
        """The open attempt, if it is on a copy about `patient`, or nobody knows about whom."""
        if not self.open_entry:
            return None
        head = self.entries[self.open_entry]
        if head.footing.version >= 0 and patient not in head.footing.patients:
            return None
        return OpenAttempt(self.channel, head.entry, head.receipt, self.opened_ms)

    # --- what people and monitors see ---

    def view(self) -> LaneView:
        """The lane as it stands."""
        head = next(iter(self.entries.values()), None)
        count = self.counts.get
        return LaneView(
            self.channel,
            depth=len(self.entries),
            oldest_ms=head.since_ms if head else 0,
            open_entry=self.open_entry,
            attempts=self.attempts,
            not_before_ms=self.not_before_ms,
            last_error=self.last_error,
            order=self.order,
            order_reason=self.order_reason,
            last_ack=self.last_ack,
            last_ack_ms=self.last_ack_ms,
            parked=count("parked", 0),
            held=count("held", 0),
            delivered=count("delivered", 0),
            withheld=count("withheld", 0),
            duplicates=count("duplicates", 0),
            waiting=count("waiting", 0),
        )

    def list_items(self, after: int, receipt: str, limit: int) -> tuple[Item, ...]:
        """What is kept aside after an item, of one message or of all."""
        found = (
            kept.item
            for id_, kept in self.items.items()
            if int(id_) > after and receipt in {"", kept.item.receipt}
        )
        return tuple(islice(found, limit))

    def list_waiting(self, limit: int) -> tuple[Entry, ...]:
        """What waits to go out, from the head on."""
        return tuple(
            Entry(queued.entry, queued.receipt, queued.part, len(queued.sealed), queued.since_ms)
            for queued in islice(self.entries.values(), limit)
        )
