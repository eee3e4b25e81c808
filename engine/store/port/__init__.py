"""The store as a port: a store is a function from a batch of operations to their results.

Law: a batch is one durability barrier. When its call returns, everything in the batch is on disk
(fsync, or the replicas that the site demands), in the order given; only then may anybody be told.
When it raises `StoreUnavailable` nothing may be assumed: some, all or none of the batch may have
happened. Therefore every operation is idempotent, and the caller repeats the same batch until it
is answered. No key and no unsealed value holds PHI (I7).

A store is synchronous; it lives behind `engine.commit.GroupCommit` on a thread of its own.
"""

from __future__ import annotations

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
    Kept,
    LaneView,
    Order,
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
from engine.store.port.intake import (
    NOBODY_LOOKED,
    Accept,
    Accepted,
    Copy,
    Entering,
    Footing,
    Hold,
    Learned,
)
from engine.store.port.lanes import (
    Advance,
    Claim,
    Claimed,
    Final,
    Halt,
    Halted,
    Opened,
    Postpone,
    Settle,
)
from engine.store.port.registry import (
    Changed,
    Enter,
    Entered,
    News,
    OpenAttempt,
    Rebuild,
    Release,
    Snapshot,
    Trust,
)
from engine.store.port.store import Operation, Result, Store, StoreFull, StoreUnavailable

__all__ = [
    "NOBODY_LOOKED",
    "Accept",
    "Accepted",
    "Advance",
    "Backlog",
    "Beat",
    "Changed",
    "Claim",
    "Claimed",
    "Contents",
    "Control",
    "Copy",
    "Enter",
    "Entered",
    "Entering",
    "Entry",
    "Fetch",
    "Final",
    "Footing",
    "ForgetReleased",
    "Halt",
    "Halted",
    "Hold",
    "Item",
    "Items",
    "KeepForArchive",
    "Kept",
    "LaneView",
    "Learned",
    "LetGo",
    "News",
    "NextReleased",
    "OpenAttempt",
    "Opened",
    "Operation",
    "Order",
    "Postpone",
    "ReadLedger",
    "Rebuild",
    "Recall",
    "Release",
    "Reopen",
    "Resolve",
    "Result",
    "Settle",
    "Snapshot",
    "Store",
    "StoreFull",
    "StoreUnavailable",
    "Survey",
    "Trust",
    "Unarchived",
    "Unfinished",
    "Unlearn",
    "View",
    "Waiting",
]
