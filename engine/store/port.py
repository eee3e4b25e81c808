"""The store as a port: a store is a function from a batch of operations to their results.

Law: a batch is one durability barrier. When its call returns, everything in the batch is on disk
(fsync, or the replicas that the site demands), in the order given; only then may anybody be told.
When it raises `StoreUnavailable` nothing may be assumed: some, all or none of the batch may have
happened. Therefore every operation is idempotent, and the caller repeats the same batch until it
is answered. No key and no unsealed value holds PHI (I7).

A store is synchronous; it lives behind `engine.commit.GroupCommit` on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from engine.errors import StoreError


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


# --- intake ------------------------------------------------------------------------------------


class Footing(NamedTuple):
    """What of the privacy registry a decision knew, so that the store can tell when it knew less.

    `version` is that of the registry (`News`), -1 where nobody looked; `patients` are the keyed
    hashes, 16 bytes each, of everybody whose entries matter to it. It is stale once one of them
    was changed after `version`, or, unless that is 0, at `until_ms` of the store's clock, when an
    entry begins or ends by itself. A tuple, since every message makes one.
    """

    version: int = -1
    patients: tuple[bytes, ...] = ()
    until_ms: int = 0


#: Of what is older than the registry: stale as soon as there is anything in it.
NOBODY_LOOKED = Footing()


@dataclass(frozen=True, slots=True)
class Copy:
    """One disclosure, cut and sealed, for the end of a channel's lane.

    `part` counts the patients of the message from 0. `note` is the JSON that the ledger record of
    the delivery will carry (rules, basis, purpose, revision, digest of the bytes); no PHI.
    """

    channel: str
    part: int
    sealed: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Hold:
    """A copy that waits for a person or for facts. `waits_for`: coverage keys that release it."""

    channel: str
    reason: str
    waits_for: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """What a message taught: of coverage, or of what was disclosed of a visit.

    `key` is a keyed hash; `sealed` replaces what stood under it, and holds nothing unsealed but
    receipts.
    """

    key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Entering:
    """What a message changes of the privacy registry, in one step with its acceptance.

    As `Enter`; that nobody else changed `patient` meanwhile the footing of the message says, which
    names it.
    """

    patient: bytes
    sealed: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Accept:
    """Take responsibility for one message: journal, every outbox and hold, record, receipt.

    `duplicate_key` is a keyed hash of sender and MSH-10, `digest` that of the payload. `withheld`
    lists the channels that get nothing, for their counters. `record` is the decision record that
    names every channel's outcome. The `receipt` is the operation's identity: the same one twice
    is one acceptance with one answer, whatever became of its copies in between.
    """

    receipt: str
    duplicate_key: bytes
    digest: bytes
    sealed: bytes
    record: bytes
    copies: tuple[Copy, ...] = ()
    holds: tuple[Hold, ...] = ()
    withheld: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()
    footing: Footing = NOBODY_LOOKED
    enters: tuple[Entering, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be told to be stale: a change of somebody nobody looked at."""
        if any(one.patient not in self.footing.patients for one in self.enters):
            raise ValueError("a message changes only what its decision rests on")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to `Accept`.

    `receipt` is the one that stands: for a `duplicate` (same sender, id and digest) it is the
    first one's, and nothing was stored. `reused_id`: same sender and id, other content; stored as
    a new message. `released`: receipts of held messages that what was learned or entered may
    release (this one too, if something it waits for was learned since it was decided); they are
    also on the durable list that `NextReleased` reads. `stale`: it was decided on facts of privacy
    that have changed; nothing was stored, decide again and submit it anew.
    """

    receipt: str
    duplicate: bool = False
    reused_id: bool = False
    released: tuple[str, ...] = ()
    stale: bool = False


# --- lanes -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """Become the holder of a channel's lane, under the next fence.

    `holder` names one life of one process. `takeover`: the former holder is known to be dead. An
    attempt that was open has an unknown outcome from now on. Turns begin again at 1.
    """

    channel: str
    holder: str
    lease_ms: int
    takeover: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """`fence` 0: somebody else holds the lane for another `wait_ms`."""

    fence: int
    wait_ms: int = 0


class Final(Enum):
    """How an entry leaves its lane."""

    DELIVERED = "delivered"
    PARKED = "parked"
    WITHHELD = "withheld"  # the last look allowed nothing any more


@dataclass(frozen=True, slots=True)
class Settle:
    """The entry is done. `record` is its ledger record; `reason` is set unless delivered.

    `answered` is the acknowledgment code that came, or empty.
    """

    entry: str
    final: Final
    record: bytes
    reason: str = ""
    answered: str = ""


@dataclass(frozen=True, slots=True)
class Postpone:
    """The entry stays at the head, to be tried again after `delay_ms`.

    `unknown`: bytes left and no definite answer came, so the next attempt is a possible duplicate.
    `keep_attempt`: the attempt counts, as a byte of it may have left; else it was opened in vain.
    """

    entry: str
    delay_ms: int
    error: str
    unknown: bool
    answered: str = ""
    keep_attempt: bool = True


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of a lane: close what was open, then open an attempt on the head.

    `turn` counts the holder's steps from 1 under one fence; the same turn twice is one step, and
    its second answer equals the first. The lease is prolonged by `lease_ms`. A step that makes no
    sense under the fence (another turn than the next, a close of what is not open, something open
    and no close) changes nothing and is answered FENCED: claim again. With `open_next` false
    nothing is opened; the answer says why nothing would be, or WAIT for 0 ms.
    """

    channel: str
    fence: int
    turn: int
    lease_ms: int
    close: Settle | Postpone | None = None
    open_next: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt is open, durably: send `sealed` now.

    `attempt` counts from 1 over restarts; a replay of a parked item counts anew.
    `possible_duplicate`: an earlier attempt's outcome is not known, also one before the replay.
    `waited_ms` is the entry's age. `stale`: the facts of privacy that it was cut under have changed
    (`Footing`); this alone is as of the answer, also when a step is answered for a second time.
    """

    entry: str
    receipt: str
    part: int
    sealed: bytes
    note: bytes
    attempt: int
    possible_duplicate: bool
    waited_ms: int
    stale: bool = False


class Halt(Enum):
    """Why a lane has nothing to send just now; of several reasons, the first in this order.

    FENCED, PAUSED (or killed), EMPTY, WAIT.
    """

    EMPTY = "empty"
    PAUSED = "paused"
    WAIT = "wait"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Halted:
    """Nothing was opened. With WAIT, `wait_ms` until the head may be tried again."""

    why: Halt
    wait_ms: int = 0


# --- facts, holds, replay ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recall:
    """Read what was learned, by key; answers a tuple of what stands there or None, in order.

    Then, for each of `patients` (as in `Footing`), what the privacy registry holds: None, or the
    version of it, a space, and what `Enter` sealed; empty if it must hold something and does not.
    """

    keys: tuple[bytes, ...]
    patients: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlearn:
    """Take back what stands under `key` if it is still `sealed`; answers None."""

    key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class NextReleased:
    """Up to `limit` receipts whose holds should be decided again, oldest first; not removed.

    `Recall` after this, never before: what is learned from now on keeps the receipt on the list
    even if it is forgotten meanwhile, so no release is lost.
    """

    limit: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """The sealed message of a receipt, or None once it has left the store.

    It leaves when every channel is final and, where an archive takes it, it has been archived.
    """

    receipt: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """Put a new decision in the place of one parked or held item; answers whether it was there.

    Exactly one of `copies` (back to the end of the lane), `hold` (held again) or `discard` (a
    person's reason) is set, or none: then the item is withheld. An item that is held (again)
    keeps its id and its place. `forget_release` takes the receipt off the released list.
    `record` is the identity of the order: the same one twice is one order with one answer.
    `learned` is what the copies teach; it releases nobody.
    """

    channel: str
    item: str
    record: bytes
    copies: tuple[Copy, ...] = ()
    hold: Hold | None = None
    discard: str = ""
    forget_release: str = ""
    learned: tuple[Learned, ...] = ()
    footing: Footing = NOBODY_LOOKED

    def __post_init__(self) -> None:
        """Refuse what could never be right: a copy that was cut for another channel."""
        if any(copy.channel != self.channel for copy in self.copies) or (
            self.hold is not None and self.hold.channel != self.channel
        ):
            raise ValueError("a copy or hold goes back to its own channel only")
        if bool(self.copies) + (self.hold is not None) + bool(self.discard) > 1:
            raise ValueError("copies, hold and discard exclude each other")
        if self.learned and not self.copies:
            raise ValueError("only copies teach anything")


@dataclass(frozen=True, slots=True)
class ForgetReleased:
    """Take a receipt off the released list: all its holds were decided again. Answers None."""

    receipt: str


# --- the privacy registry ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enter:
    """Change what the registry holds of one patient; answers `Entered`.

    `patient` is a keyed hash; `sealed` takes the place of what stood there under the version
    `expects` (0: nothing did). Whatever waits for `patient` is released. `record` goes to the
    ledger and is the change's identity, as in `Resolve`. `channels`: whose open attempts to list.
    """

    patient: bytes
    expects: int
    sealed: bytes
    record: bytes
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that was open when a change came: of this entry a byte may still leave."""

    channel: str
    entry: str
    receipt: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Entered:
    """The registry's version that the change made; 0: `expects` was wrong, nothing was changed.

    `open`: attempts on copies about this patient that were open at that moment. Any that is opened
    later is looked at with the change.
    """

    version: int
    open: tuple[OpenAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Ask which patients were changed last after the version `since`; answers `Changed`."""

    since: int
    limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Changed:
    """Up to `limit` patients with their versions, oldest first, and the registry's newest version.

    Ask again from the last of them until there are none.
    """

    patients: tuple[tuple[bytes, int], ...]
    newest: int


@dataclass(frozen=True, slots=True)
class Release:
    """Put whoever waits for `key` on the released list; answers their receipts."""

    key: bytes


# --- what people and monitors ask --------------------------------------------------------------


class Order(Enum):
    """What a person may order of a lane."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"  # paused for cause; only `resume` lifts it


@dataclass(frozen=True, slots=True)
class Control:
    """Give a lane an order, in force at its next `Advance`; `reason` is shown in status.

    Answers whether it took effect: PAUSE does nothing to a killed lane. RESUME also lets the head
    be tried at once. `record` goes to the ledger and is the order's identity, as in `Resolve`.
    """

    channel: str
    order: Order
    reason: str
    record: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """Publish the engine's state (JSON, no PHI) for `ttl_ms`; answers `LaneView`s in order."""

    engine: str
    state: bytes
    ttl_ms: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Read what `status` shows; answers `View`. Changes nothing."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane from outside. Times are Unix milliseconds by the store's clock; 0: never.

    `depth` counts entries, `attempts` those on the head. `parked`, `held`, `waiting`, `delivered`
    and `withheld` count messages, each in exactly one, so that their sum is the number of messages
    decided for this channel; with several parts the first of that order that holds for a part
    holds for the message, and what a person discards is withheld. `duplicates` counts attempts
    that were opened as possible duplicates and of which at least a byte left.
    """

    channel: str
    depth: int
    oldest_ms: int
    open_entry: str
    attempts: int
    not_before_ms: int
    last_error: str
    order: Order | None
    order_reason: str
    last_ack: str
    last_ack_ms: int
    parked: int
    held: int
    delivered: int
    withheld: int
    duplicates: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What `status` reads: live engines' states (engine id → JSON), lanes, the store's clock."""

    engines: tuple[tuple[str, bytes], ...]
    lanes: tuple[LaneView, ...]
    now_ms: int


class Kept(Enum):
    """Why an item waits for a person."""

    PARKED = "parked"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Item:
    """A dead letter or a hold. `sealed` is empty for holds: nothing was cut."""

    channel: str
    id: str
    kind: Kept
    receipt: str
    part: int
    reason: str
    since_ms: int
    attempts: int
    sealed: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Items:
    """List parked and held items of a channel, oldest first, after `after` (an item id or "").

    `receipt` non-empty narrows it to one message. Answers a tuple of `Item`.
    """

    channel: str
    after: str = ""
    limit: int = 100
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """List a lane's entries, head first; answers a tuple of `Entry`."""

    channel: str
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a lane from outside."""

    entry: str
    receipt: str
    part: int
    size_bytes: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """Ledger records after `after` (a position or ""), oldest first: tuple of (position, JSON)."""

    after: str = ""
    limit: int = 1000


# --- what an archive asks --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeepForArchive:
    """Say whether an archive takes what is done with. Answers None.

    While one does, no message leaves the store before `LetGo` names it, final or not, and a
    message that no channel gets is kept, too. Ledger records leave by `LetGo` only, always.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """The sealed messages of `receipts`, in order: a tuple, None for one that is not there.

    It ends before the message that would make it larger than `limit_bytes`, but never before the
    first, so that no answer stalls the store; ask again for the rest.
    """

    receipts: tuple[str, ...]
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """An archive has the ledger up to the position `upto`, durably: the store may forget it.

    Of `receipts`, the messages go of which every channel is final; the records that make others
    final come later and name them again. `head` is what the archive says of itself then (no PHI);
    the last one is kept, so that an archive that has lost its end is found out. Answers None.
    """

    upto: str
    receipts: tuple[str, ...] = ()
    head: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Ask how much an archive has yet to take; answers `Unarchived`. Changes nothing."""


@dataclass(frozen=True, slots=True)
class Unarchived:
    """Ledger records in the store, since when (Unix milliseconds; 0: none), and the last head."""

    records: int
    oldest_ms: int
    head: str


Operation = (
    Accept
    | Claim
    | Advance
    | Recall
    | Unlearn
    | NextReleased
    | Fetch
    | Resolve
    | ForgetReleased
    | Enter
    | News
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
