"""The store without a server: the same answers, nothing durable. For tests of everything else.

Law: it passes the contract that `RedisStore` passes, and it can play a store that fails: refuse,
do all and lose the answer, do half, or be full.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from itertools import islice
from typing import Any

from engine.clock import Clock, SystemClock
from engine.store.port import (
    NOBODY_LOOKED,
    Accept,
    Accepted,
    Advance,
    Backlog,
    Beat,
    Changed,
    Claim,
    Claimed,
    Contents,
    Control,
    Copy,
    Enter,
    Entered,
    Entry,
    Fetch,
    Final,
    Footing,
    ForgetReleased,
    Halt,
    Halted,
    Hold,
    Item,
    Items,
    KeepForArchive,
    Kept,
    LaneView,
    LetGo,
    News,
    NextReleased,
    OpenAttempt,
    Opened,
    Operation,
    Order,
    Postpone,
    ReadLedger,
    Rebuild,
    Recall,
    Release,
    Resolve,
    Result,
    Settle,
    StoreFull,
    StoreUnavailable,
    Survey,
    Trust,
    Unarchived,
    Unfinished,
    Unlearn,
    View,
    Waiting,
)
from engine.store.tally import Parts


class Outage(Enum):
    """How a `MemoryStore` fails for as long as its `outage` is set."""

    REFUSES = "nothing is done"
    LOSES_THE_ANSWER = "everything is done"
    STOPS_HALFWAY = "the first half is done"


@dataclass(slots=True)
class _Queued:
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
class _Kept:
    item: Item
    doubtful: bool = False
    waits_for: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Lane:
    """Everything of one channel."""

    entries: OrderedDict[str, _Queued] = field(default_factory=OrderedDict)
    items: dict[str, _Kept] = field(default_factory=dict)
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
        self.counts[name] = self.counts.get(name, 0) + by

    def forget_head(self) -> None:
        """What is known of the head goes with it."""
        self.attempts, self.unknown, self.not_before_ms, self.last_error = 0, False, 0, ""


class MemoryStore:
    """Implements `engine.store.port.Store`."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self.outage: Outage | None = None
        self.full = False
        self.doubt = b""  # why the privacy registry is doubted
        self._lanes: dict[str, _Lane] = {}
        self._seen: dict[bytes, tuple[bytes, Accepted]] = {}
        self._seen_again: dict[tuple[bytes, bytes], Accepted] = {}
        self._journal: dict[str, bytes] = {}
        self._pending: dict[str, int] = {}
        self._ledger: list[tuple[int, bytes]] = []  # when, and the record
        self._let_go = 0  # how many records are gone
        self._archives = False
        self._head = ""
        self._coverage: dict[bytes, bytes] = {}
        self._privacy: dict[bytes, bytes] = {}
        self._versions: dict[bytes, int] = {}  # patient → the version of its last change
        self._entered: dict[tuple[bytes, bytes], Entered] = {}
        self._waits: dict[bytes, dict[tuple[str, str], str]] = {}
        self._released: dict[str, bool] = {}  # receipt → learned since it was last read
        self._acts: dict[tuple[str, str, bytes], bool] = {}
        self._engines: dict[str, tuple[int, bytes]] = {}
        self._last_entry = 0
        self._do: dict[type[Any], Callable[[Any], Result]] = {
            Accept: self._accept,
            Claim: self._claim,
            Advance: self._advance,
            Recall: self._recall,
            Unlearn: self._unlearn,
            NextReleased: self._next_released,
            Fetch: lambda op: self._journal.get(op.receipt),
            Resolve: self._resolve,
            ForgetReleased: self._forget_released,
            Enter: self._enter,
            News: self._news,
            Rebuild: self._rebuild,
            Trust: self._trust,
            Release: lambda op: self._release(op.key),
            Control: self._control,
            Beat: self._beat,
            Survey: self._survey,
            Items: self._items,
            Waiting: self._waiting,
            ReadLedger: self._read_ledger,
            KeepForArchive: self._keep_for_archive,
            Contents: self._contents,
            LetGo: self._forget_archived,
            Backlog: self._backlog,
            Unfinished: lambda _: ("", *self._pending),
        }

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

    @property
    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _lane(self, channel: str) -> _Lane:
        return self._lanes.setdefault(channel, _Lane())

    # --- intake ---

    def _accept(self, op: Accept) -> Accepted:
        key, digest = op.duplicate_key, op.digest
        first = self._seen.get(key)
        same = first[1] if first and first[0] == digest else self._seen_again.get((key, digest))
        if same is not None:
            return same if same.receipt == op.receipt else Accepted(same.receipt, duplicate=True)
        if self._is_stale(op.footing):
            return Accepted(op.receipt, stale=True)
        for copy in op.copies:
            self._enqueue(op.receipt, copy, op.footing)
        for hold in op.holds:
            self._keep_hold(op.receipt, hold)
        for channel in op.withheld:
            self._lane(channel).count("withheld", 1)
        channels = {copy.channel for copy in op.copies} | {hold.channel for hold in op.holds}
        for channel in channels:
            lane = self._lane(channel)
            lane.count(lane.parts[op.receipt].state, 1)
        parts = len(op.copies) + len(op.holds)
        if parts or self._archives:
            self._journal[op.receipt] = op.sealed
        if parts:
            self._pending[op.receipt] = parts
        released = self._learn(op)
        self._write(op.record)
        answer = Accepted(op.receipt, reused_id=first is not None, released=released)
        if first is None:
            self._seen[key] = (digest, answer)
        else:
            self._seen_again[key, digest] = answer
        return answer

    def _enqueue(
        self, receipt: str, copy: Copy, footing: Footing, *, doubtful: bool = False
    ) -> None:
        lane = self._lane(copy.channel)
        self._last_entry += 1
        entry = f"{self._now_ms}-{self._last_entry}"
        lane.entries[entry] = _Queued(
            entry, receipt, copy.part, copy.sealed, copy.note, self._now_ms, doubtful, footing
        )
        lane.parts.setdefault(receipt, Parts()).waiting += 1

    def _keep_hold(self, receipt: str, hold: Hold) -> None:
        lane = self._lane(hold.channel)
        item = Item(hold.channel, "", Kept.HELD, receipt, 0, hold.reason, self._now_ms, 0, b"", b"")
        self._keep(lane, _Kept(item, waits_for=hold.waits_for))
        lane.parts.setdefault(receipt, Parts()).held += 1

    def _keep(self, lane: _Lane, kept: _Kept) -> None:
        lane.last_item += 1
        kept.item = replace(kept.item, id=str(lane.last_item))
        lane.items[kept.item.id] = kept
        self._wait(kept)

    def _wait(self, kept: _Kept) -> None:
        for key in kept.waits_for:
            waits = self._waits.setdefault(key, {})
            waits[kept.item.channel, kept.item.id] = kept.item.receipt

    def _stop_waiting(self, kept: _Kept) -> None:
        for key in kept.waits_for:
            self._waits.get(key, {}).pop((kept.item.channel, kept.item.id), None)

    def _learn(self, op: Accept) -> tuple[str, ...]:
        """Store what was learned and what is entered; release who waited for it.

        This message too, if what it waits for was learned before it came.
        """
        released: dict[str, None] = {}
        for learned in op.learned:
            self._coverage[learned.key] = learned.sealed
            released.update(dict.fromkeys(self._release(learned.key)))
        if any(key in self._coverage for hold in op.holds for key in hold.waits_for):
            released[op.receipt] = None
            self._released[op.receipt] = True
        for entering in op.enters:
            self._hold(entering.patient, entering.sealed, entering.record)
            released.update(dict.fromkeys(self._release(entering.patient)))
        return tuple(released)

    def _release(self, key: bytes) -> tuple[str, ...]:
        """Release who waits for `key`, in order of arrival."""
        waiting = tuple(dict.fromkeys(sorted(self._waits.get(key, {}).values())))
        self._released.update(dict.fromkeys(waiting, True))
        return waiting

    # --- lanes ---

    def _claim(self, op: Claim) -> Claimed:
        lane, now_ms = self._lane(op.channel), self._now_ms
        lane.until_ms = min(lane.until_ms, now_ms + op.lease_ms)  # the clock may have been set back
        if lane.until_ms > now_ms and lane.holder != op.holder and not op.takeover:
            return Claimed(0, lane.until_ms - now_ms)
        lane.fence += 1
        lane.holder, lane.until_ms, lane.turn, lane.answer = (
            op.holder,
            now_ms + op.lease_ms,
            0,
            None,
        )
        if lane.open_entry:
            lane.open_entry, lane.unknown = "", True
        return Claimed(lane.fence)

    def _advance(self, op: Advance) -> Opened | Halted:
        lane, now_ms = self._lane(op.channel), self._now_ms
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
            self._settle(lane, op.channel, op.close)
        elif op.close:
            self._postpone(lane, op.close)
        lane.open_entry, lane.turn, lane.until_ms = "", op.turn, now_ms + op.lease_ms
        lane.answer = self._next(lane, op.open_next)
        return lane.answer

    def _as_of_now(self, lane: _Lane, answer: Opened | Halted) -> Opened | Halted:
        if isinstance(answer, Halted):
            return answer
        return replace(answer, stale=self._is_outdated(lane.entries[answer.entry].footing))

    def _settle(self, lane: _Lane, channel: str, close: Settle) -> None:
        queued = lane.entries.pop(close.entry)
        doubtful = lane.unknown or queued.doubtful
        parts = lane.parts[queued.receipt]
        before = parts.state
        parts.waiting -= 1
        if close.final is Final.PARKED:
            parts.parked += 1
            item = Item(
                channel, "", Kept.PARKED, queued.receipt, queued.part, close.reason, self._now_ms,
                lane.attempts, queued.sealed, queued.note,
            )  # fmt: skip
            self._keep(lane, _Kept(item, doubtful))
        elif close.final is Final.DELIVERED:
            parts.delivered += 1
        self._recount(lane, queued.receipt, before)
        self._finish(queued.receipt, 0 if close.final is Final.PARKED else 1)
        self._acknowledged(lane, close.answered)
        lane.forget_head()
        self._write(close.record)

    def _postpone(self, lane: _Lane, close: Postpone) -> None:
        if not close.keep_attempt:
            lane.attempts -= 1
            if isinstance(lane.answer, Opened) and lane.answer.possible_duplicate:
                lane.count("duplicates", -1)
        lane.unknown = lane.unknown or close.unknown
        lane.postponed_ms = self._now_ms
        lane.not_before_ms = lane.postponed_ms + close.delay_ms
        lane.last_error = close.error
        self._acknowledged(lane, close.answered)

    def _acknowledged(self, lane: _Lane, answered: str) -> None:
        if answered:
            lane.last_ack, lane.last_ack_ms = answered, self._now_ms

    def _next(self, lane: _Lane, open_next: bool) -> Opened | Halted:
        if lane.order is not None:
            return Halted(Halt.PAUSED)
        if not lane.entries:
            return Halted(Halt.EMPTY)
        now_ms = self._now_ms
        if lane.not_before_ms > now_ms or not open_next:
            return Halted(Halt.WAIT, max(0, lane.not_before_ms - now_ms))
        head = next(iter(lane.entries.values()))
        possible_duplicate = lane.unknown or head.doubtful
        lane.open_entry, lane.opened_ms = head.entry, now_ms
        lane.attempts += 1
        lane.count("duplicates", int(possible_duplicate))
        return Opened(
            head.entry, head.receipt, head.part, head.sealed, head.note, lane.attempts,
            possible_duplicate, max(0, now_ms - head.since_ms), self._is_outdated(head.footing),
        )  # fmt: skip

    def _recount(self, lane: _Lane, receipt: str, before: str) -> None:
        parts = lane.parts[receipt]
        if parts.state != before:
            lane.count(before, -1)
            lane.count(parts.state, 1)
        if parts.final:
            del lane.parts[receipt]

    def _finish(self, receipt: str, parts: int) -> None:
        self._pending[receipt] -= parts
        if not self._pending[receipt]:
            del self._pending[receipt]
            if not self._archives:
                del self._journal[receipt]

    # --- holds, releases, orders ---

    def _unlearn(self, op: Unlearn) -> None:
        if self._coverage.get(op.key) == op.sealed:
            del self._coverage[op.key]

    def _next_released(self, op: NextReleased) -> tuple[str, ...]:
        receipts = tuple(islice(self._released, op.limit))
        self._released.update(dict.fromkeys(receipts, False))
        return receipts

    def _forget_released(self, op: ForgetReleased) -> None:
        if not self._released.get(op.receipt, True):
            del self._released[op.receipt]

    def _resolve(self, op: Resolve) -> bool:
        act = (op.channel, op.item, op.record)
        if act in self._acts:
            return True
        lane = self._lane(op.channel)
        kept = lane.items.get(op.item)
        if kept is None:
            return False
        item = kept.item
        parts = lane.parts[item.receipt]
        before = parts.state
        setattr(parts, item.kind.value, getattr(parts, item.kind.value) - 1)
        self._stop_waiting(kept)
        if op.hold:
            parts.held += 1
            self._hold_again(kept, op.hold, op.footing)
        else:
            del lane.items[op.item]
        for copy in op.copies:
            self._enqueue(item.receipt, copy, op.footing, doubtful=kept.doubtful)
        self._coverage.update((learned.key, learned.sealed) for learned in op.learned)
        self._recount(lane, item.receipt, before)
        self._finish(item.receipt, 0 if op.hold else 1 - len(op.copies))
        if op.forget_release:
            self._forget_released(ForgetReleased(op.forget_release))
        self._write(op.record)
        self._acts[act] = True
        return True

    def _hold_again(self, kept: _Kept, hold: Hold, footing: Footing) -> None:
        """A new wait for what is already known is over at once; an old one waits for news."""
        new = set(hold.waits_for) - set(kept.waits_for)
        kept.item = replace(kept.item, kind=Kept.HELD, reason=hold.reason, sealed=b"", note=b"")
        kept.waits_for = hold.waits_for
        self._wait(kept)
        is_stale = bool(hold.waits_for) and self._is_stale(footing)
        if is_stale or any(key in self._coverage for key in new):
            self._released[kept.item.receipt] = True

    def _control(self, op: Control) -> bool:
        act = (op.channel, op.order.value, op.record)
        if act in self._acts:
            return self._acts[act]
        lane = self._lane(op.channel)
        effective = not (op.order is Order.PAUSE and lane.order is Order.KILL)
        if op.order is Order.RESUME:
            lane.order, lane.order_reason, lane.not_before_ms = None, "", 0
        elif effective:
            lane.order, lane.order_reason = op.order, op.reason
        self._write(op.record)
        self._acts[act] = effective
        return effective

    # --- the privacy registry ---

    def _is_stale(self, footing: Footing) -> bool:
        if self.doubt and (footing.patients or footing.version < 0):
            return True
        newest = max(self._versions.values(), default=0)
        if footing.version < 0:
            return newest > 0
        return footing.version > newest or any(
            self._versions.get(patient, 0) > footing.version for patient in footing.patients
        )

    def _is_outdated(self, footing: Footing) -> bool:
        ended = 0 < footing.until_ms <= self._now_ms
        return ended or self._is_stale(footing)

    def _recall(self, op: Recall) -> tuple[bytes | None, ...]:
        return (
            *(self._coverage.get(key) for key in op.keys),
            *(
                b""
                if self.doubt
                else self._privacy.get(patient, b"" if patient in self._versions else None)
                for patient in op.patients
            ),
        )

    def _enter(self, op: Enter) -> Entered:
        act = (op.patient, op.record)
        if act in self._entered:
            return self._entered[act]
        if self.doubt or self._versions.get(op.patient, 0) != op.expects:
            return Entered(0)
        found = (
            (channel, self._lane(channel), self._lane(channel).open_entry)
            for channel in op.channels
        )
        attempts = tuple(
            OpenAttempt(channel, entry, lane.entries[entry].receipt, lane.opened_ms)
            for channel, lane, entry in found
            if entry and _concerns(lane.entries[entry].footing, op.patient)
        )
        version = self._hold(op.patient, op.sealed, op.record)
        self._release(op.patient)
        self._entered[act] = Entered(version, attempts)
        return self._entered[act]

    def _hold(self, patient: bytes, sealed: bytes, record: bytes) -> int:
        """What is held of a patient from now on, under the next version."""
        version = max(self._versions.values(), default=0) + 1
        self._privacy[patient] = b"%d %b" % (version, sealed)
        self._versions[patient] = version
        self._write(b'{"version":%d,%b' % (version, record[1:]))
        return version

    def _news(self, op: News) -> Changed:
        found = sorted(
            (version, patient) for patient, version in self._versions.items() if version > op.since
        )
        newest = max(self._versions.values(), default=0)
        patients = tuple((patient, version) for version, patient in found[: op.limit])
        return Changed(patients, newest, self.doubt)

    def _rebuild(self, op: Rebuild) -> int:
        if not self.doubt:
            return -1
        newest, number = max(self._versions.values(), default=0), 0
        for patient, version, sealed in op.snapshots:
            if self._versions.get(patient, 0) < version:
                newest = self._versions[patient] = max(version, newest + 1)
                self._privacy[patient] = b"%d %b" % (newest, sealed)
                number += 1
        self.doubt = op.doubt or self.doubt
        return number

    def _trust(self, op: Trust) -> bool:
        if not self.doubt:
            return False
        self.doubt = b""
        self._write(op.record)
        return True

    # --- what people and monitors ask ---

    def _beat(self, op: Beat) -> tuple[LaneView, ...]:
        self._engines[op.engine] = (self._now_ms + op.ttl_ms, op.state)
        return tuple(self._view(channel) for channel in op.channels)

    def _survey(self, op: Survey) -> View:
        now_ms = self._now_ms
        engines = sorted(
            (engine, state) for engine, (until, state) in self._engines.items() if until > now_ms
        )
        return View(tuple(engines), tuple(self._view(channel) for channel in op.channels), now_ms)

    def _view(self, channel: str) -> LaneView:
        lane = self._lanes.get(channel) or _Lane()
        head = next(iter(lane.entries.values()), None)
        count = lane.counts.get
        return LaneView(
            channel,
            depth=len(lane.entries),
            oldest_ms=head.since_ms if head else 0,
            open_entry=lane.open_entry,
            attempts=lane.attempts,
            not_before_ms=lane.not_before_ms,
            last_error=lane.last_error,
            order=lane.order,
            order_reason=lane.order_reason,
            last_ack=lane.last_ack,
            last_ack_ms=lane.last_ack_ms,
            parked=count("parked", 0),
            held=count("held", 0),
            delivered=count("delivered", 0),
            withheld=count("withheld", 0),
            duplicates=count("duplicates", 0),
            waiting=count("waiting", 0),
        )

    def _items(self, op: Items) -> tuple[Item, ...]:
        lane = self._lanes.get(op.channel) or _Lane()
        after = int(op.after or 0)
        found = (
            kept.item
            for id_, kept in lane.items.items()
            if int(id_) > after and op.receipt in {"", kept.item.receipt}
        )
        return tuple(islice(found, op.limit))

    def _waiting(self, op: Waiting) -> tuple[Entry, ...]:
        lane = self._lanes.get(op.channel) or _Lane()
        return tuple(
            Entry(queued.entry, queued.receipt, queued.part, len(queued.sealed), queued.since_ms)
            for queued in islice(lane.entries.values(), op.limit)
        )

    # --- the ledger, and what an archive asks ---

    def _write(self, record: bytes) -> None:
        self._ledger.append((self._now_ms, record))

    def _read_ledger(self, op: ReadLedger) -> tuple[tuple[str, bytes], ...]:
        after = max(int(op.after or 0), self._let_go)
        start = after - self._let_go
        found = enumerate(islice(self._ledger, start, start + op.limit), after + 1)
        return tuple((str(position), record) for position, (_, record) in found)

    def _keep_for_archive(self, op: KeepForArchive) -> None:
        self._archives = op.on

    def _contents(self, op: Contents) -> tuple[bytes | None, ...]:
        found: list[bytes | None] = []
        size_bytes = 0
        for receipt in op.receipts:
            sealed = self._journal.get(receipt)
            size_bytes += len(sealed or b"")
            if size_bytes > op.limit_bytes and found:
                break
            found.append(sealed)
        return tuple(found)

    def _forget_archived(self, op: LetGo) -> None:
        gone = max(0, int(op.upto) - self._let_go)
        del self._ledger[:gone]
        self._let_go += gone
        for receipt in op.receipts:
            if receipt not in self._pending:
                self._journal.pop(receipt, None)
        self._head = op.head or self._head

    def _backlog(self, _: Backlog) -> Unarchived:
        oldest_ms = self._ledger[0][0] if self._ledger else 0
        return Unarchived(len(self._ledger), oldest_ms, self._head)


def _concerns(footing: Footing, patient: bytes) -> bool:
    """Whether a copy is about `patient`, or it is not known whom it is about."""
    return footing.version < 0 or patient in footing.patients


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable(
        "store-unavailable", "the store does not answer.", "It is tried again until it does."
    )
