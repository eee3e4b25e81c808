"""`MemoryStore`: each operation goes to the part of the state that it is about.

Law: a batch is done in order, unless an outage that is played says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any

from engine.clock import Clock, SystemClock
from engine.store.memory.intake import Intake
from engine.store.memory.journal import Journal
from engine.store.memory.lanes import Lanes
from engine.store.memory.orders import Orders
from engine.store.memory.registry import Registry
from engine.store.memory.views import Views
from engine.store.memory.waits import Waits
from engine.store.port import (
    Accept,
    Advance,
    Backlog,
    Beat,
    Claim,
    Contents,
    Control,
    Enter,
    Fetch,
    ForgetReleased,
    Items,
    KeepForArchive,
    LetGo,
    News,
    NextReleased,
    Operation,
    ReadLedger,
    Rebuild,
    Recall,
    Release,
    Reopen,
    Resolve,
    Result,
    StoreFull,
    StoreUnavailable,
    Survey,
    Trust,
    Unfinished,
    Unlearn,
    Waiting,
)


class Outage(Enum):
    """How a `MemoryStore` fails for as long as its `outage` is set."""

    REFUSES = "nothing is done"
    LOSES_THE_ANSWER = "everything is done"
    STOPS_HALFWAY = "the first half is done"


class MemoryStore:
    """Implements `engine.store.port.Store`; tests look at its parts, and spoil them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.outage: Outage | None = None
        self.full = False
        self.journal = Journal(self._now_ms)
        self.waits = Waits()
        self.registry = Registry(self.journal, self.waits)
        self.lanes = Lanes(self._now_ms, self.journal, self.registry)
        self._do = self._table()

    def _table(self) -> dict[type[Any], Callable[[Any], Result]]:
        journal, waits, registry, lanes = self.journal, self.waits, self.registry, self.lanes
        intake = Intake(self._now_ms, journal, waits, registry, lanes)
        orders = Orders(self._now_ms, journal, waits, registry, lanes)
        views = Views(self._now_ms, lanes)
        return {
            Accept: intake.accept,
            Claim: lanes.claim,
            Advance: lanes.advance,
            Recall: lambda op: (*waits.recall(op.keys), *registry.recall(op.patients)),
            Unlearn: waits.unlearn,
            NextReleased: waits.next_released,
            ForgetReleased: waits.forget,
            Release: lambda op: waits.release(op.key),
            Fetch: journal.fetch,
            Resolve: orders.resolve,
            Reopen: orders.reopen,
            Control: orders.control,
            Enter: lambda op: registry.enter(op, lanes.open_attempts(op.patient, op.channels)),
            News: registry.news,
            Rebuild: registry.rebuild,
            Trust: registry.trust,
            Beat: views.beat,
            Survey: views.survey,
            Items: views.items,
            Waiting: views.waiting,
            ReadLedger: journal.read,
            KeepForArchive: journal.keep_for_archive,
            Contents: journal.contents,
            LetGo: journal.let_go,
            Backlog: journal.backlog,
            Unfinished: journal.unfinished,
        }

    def _now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        """What does all of `batch`."""
        return partial(self.execute, batch)

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        """Do all of `batch` in order, unless `outage` or `full` says otherwise."""
        if self.outage is Outage.REFUSES:
            raise _unavailable()
        if self.outage is Outage.STOPS_HALFWAY:
            batch = batch[: len(batch) // 2]
        refused = [i for i, op in enumerate(batch) if self.full and isinstance(op, Accept)]
        results = [
            None if self.full and isinstance(op, Accept) else self._do[type(op)](op) for op in batch
        ]
        if self.outage is not None:
            raise _unavailable()
        if refused:
            raise StoreFull(results, refused)
        return results

    def close(self) -> None:
        """Nothing to let go of."""


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable(
        "store-unavailable", "the store does not answer.", "It is tried again until it does."
    )
