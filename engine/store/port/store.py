"""The store itself: the operations of a batch, their results, and how a store fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.errors import StoreError
from engine.store.port.archive import (
    Backlog,
    Contents,
    KeepForArchive,
    LetGo,
    Unarchived,
    Unfinished,
)
from engine.store.port.asking import (
    Beat,
    Control,
    Entry,
    Item,
    Items,
    LaneView,
    ReadLedger,
    Survey,
    View,
    Waiting,
)
from engine.store.port.held import (
    Fetch,
    ForgetReleased,
    NextReleased,
    Recall,
    Reopen,
    Resolve,
    Unlearn,
)
from engine.store.port.intake import Accept, Accepted
from engine.store.port.lanes import Advance, Claim, Claimed, Halted, Opened
from engine.store.port.registry import Changed, Enter, Entered, News, Rebuild, Release, Trust


class StoreUnavailable(StoreError):
    """The store did not answer in time, or not at all. Repeat the batch."""


class StoreFull(StoreUnavailable):
    """There is no room for more messages; lanes still drain.

    Unlike its parent it tells what is known: the operations at the indexes `refused` (each an
    `Accept`) did nothing at all and may be repeated by themselves, in their order; every other
    operation was done, durably, and has its answer in `results`. Once one `Accept` of a batch is
    refused, so are all that follow it, so that the order of arrival stands. Repeating the whole
    batch instead is safe too, but then lanes wait for room that only they can make.
    """

    def __init__(self, results: Sequence[Result], refused: Sequence[int]) -> None:
        super().__init__(
            "store-full",
            "the store is full and takes no more messages; what it holds is still delivered.",
            "Give the store more memory (maxmemory), or bring the stuck channels back.",
        )
        self.results = tuple(results)
        self.refused = frozenset(refused)


Operation = (
    Accept
    | Claim
    | Advance
    | Recall
    | Unlearn
    | NextReleased
    | Fetch
    | Resolve
    | Reopen
    | ForgetReleased
    | Enter
    | News
    | Rebuild
    | Trust
    | Release
    | Control
    | Beat
    | Survey
    | Items
    | Waiting
    | ReadLedger
    | KeepForArchive
    | Contents
    | LetGo
    | Unfinished
    | Backlog
)

Result = (
    Accepted
    | Claimed
    | Opened
    | Halted
    | tuple["bytes | None", ...]
    | tuple[str, ...]
    | tuple[LaneView, ...]
    | tuple[Item, ...]
    | tuple[Entry, ...]
    | tuple[tuple[str, bytes], ...]
    | View
    | Unarchived
    | Entered
    | Changed
    | bytes
    | bool
    | int
    | None
)


class Store(Protocol):
    """The port."""

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        """What does all of `batch`, durably, in order, when it is called; one result each.

        To prepare is to compute and waits for nothing, so that only what waits is left for
        another thread. The call raises `StoreUnavailable` when it is not known whether it was done.
        """

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        """Prepare `batch` and do it."""

    def close(self) -> None:
        """Let go of connections; nothing is lost by it."""
