"""Every other operation as Redis commands, and their replies as results. Pure.

Law: one table, from the type of an operation to its commands and to how their replies are read;
every key of a script is declared, every number is decimal text, content is passed as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.accepting import Argument, Command, footing_arguments
from engine.store.port import (
    Advance,
    Backlog,
    Beat,
    Changed,
    Claim,
    Claimed,
    Contents,
    Control,
    Enter,
    Entered,
    Entry,
    Fetch,
    ForgetReleased,
    Halt,
    Halted,
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
    ReadLedger,
    Rebuild,
    Recall,
    Release,
    Resolve,
    Result,
    Settle,
    Survey,
    Trust,
    Unarchived,
    Unfinished,
    Unlearn,
    View,
    Waiting,
)
from engine.store.scripts import Script


def commands_for(operation: Operation) -> list[Command]:
    """The commands that do `operation` (any but `Accept`), in order; often one, at times none."""
    return _TABLE[type(operation)][0](operation)


def read_replies(operation: Operation, replies: Sequence[Any]) -> Result:
    """The result of `operation` from the replies to its commands."""
    return _TABLE[type(operation)][1](operation, replies)


def _call(script: Script, names: Sequence[str], *arguments: Argument) -> Command:
    return ["EVALSHA", script.sha, len(names), *names, *arguments]


def _identity(*parts: bytes) -> bytes:
    """What an order is known by: itself. No key of a message is as long."""
    return b"order:" + hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


# --- lanes ---


def _claim(op: Claim) -> list[Command]:
    names = [keys.lane(op.channel)]
    return [_call(scripts.CLAIM, names, op.holder, op.lease_ms, int(op.takeover))]


def _claimed(_: Claim, replies: Sequence[Any]) -> Claimed:
    fence, wait_ms = replies[0]
    return Claimed(fence, wait_ms)


def _advance(op: Advance) -> list[Command]:
    channel, close = op.channel, op.close
    names = [
        keys.lane(channel), keys.out(channel), keys.counts(channel), keys.parts(channel),
        keys.parked(channel), keys.parked_order(channel), keys.JOURNAL, keys.PENDING, keys.LEDGER,
        keys.PRIVACY_VERSIONS, keys.META,
    ]  # fmt: skip
    how: Command = [""]
    if isinstance(close, Settle):
        how = ["settle", close.entry, close.final.value, close.record, close.reason]
        how.append(close.answered)
    elif close is not None:
        how = ["postpone", close.entry, close.delay_ms, close.error, int(close.unknown)]
        how += [close.answered, int(close.keep_attempt)]
    step = (op.fence, op.turn, op.lease_ms, int(op.open_next), *how)
    return [_call(scripts.ADVANCE, names, *step)]


def _advanced(_: Advance, replies: Sequence[Any]) -> Opened | Halted:
    word, *rest = replies[0]
    if word != b"opened":
        return Halted(Halt(word.decode()), rest[0])
    entry, receipt, part, sealed, note, attempt, possible_duplicate, waited_ms, stale = rest
    return Opened(
        entry.decode(), receipt.decode(), part, sealed, note, attempt,
        possible_duplicate == 1, waited_ms, stale == 1,
    )  # fmt: skip


# --- facts, holds, orders ---


#: Why the privacy registry is doubted; nothing while it is believed.
_DOUBT: Command = ["HGET", keys.META, "registry"]


def _recall(op: Recall) -> list[Command]:
    """Versions before what they are of: what has a version by then is there."""
    found: list[Command] = [["HMGET", keys.COVERAGE, *op.keys]] if op.keys else []
    if op.patients:
        found += [
            ["ZMSCORE", keys.PRIVACY_VERSIONS, *op.patients],
            ["HMGET", keys.PRIVACY, *op.patients],
            _DOUBT,
        ]
    return found


def _recalled(op: Recall, replies: Sequence[Any]) -> tuple[bytes | None, ...]:
    found = tuple(replies[0]) if op.keys else ()
    if not op.patients:
        return found
    versions, held, doubt = replies[-3:]
    if doubt is not None:
        return (*found, *(b"" for _ in op.patients))
    return (
        *found,
        *(
            b"" if version is not None and one is None else one
            for version, one in zip(versions, held, strict=True)
        ),
    )


def together(recalls: Sequence[Recall]) -> Recall:
    """Several questions as one, so that a batch asks once however many messages it is about."""
    return Recall(
        tuple(key for one in recalls for key in one.keys),
        tuple(patient for one in recalls for patient in one.patients),
    )


def read_recalls(
    recalls: Sequence[Recall], replies: Sequence[Any]
) -> Iterator[tuple[bytes | None, ...]]:
    """The answer to each of the questions from the replies to them `together`."""
    asked = together(recalls)
    answers = _recalled(asked, replies)
    key, patient = 0, len(asked.keys)
    for one in recalls:
        next_key, next_patient = key + len(one.keys), patient + len(one.patients)
        yield (*answers[key:next_key], *answers[patient:next_patient])
        key, patient = next_key, next_patient


def _unlearn(op: Unlearn) -> list[Command]:
    return [_call(scripts.UNLEARN, [keys.COVERAGE], op.key, op.sealed)]


def _next_released(op: NextReleased) -> list[Command]:
    return [_call(scripts.RELEASED, [keys.RELEASED, keys.RELEASED_NEWS], op.limit)]


def _forget_released(op: ForgetReleased) -> list[Command]:
    return [_call(scripts.FORGET, [keys.RELEASED, keys.RELEASED_NEWS], op.receipt)]


def _resolve(op: Resolve) -> list[Command]:
    channel = op.channel
    names = [
        keys.out(channel), keys.counts(channel), keys.parts(channel), keys.parked(channel),
        keys.parked_order(channel), keys.JOURNAL, keys.PENDING, keys.LEDGER, keys.COVERAGE,
        keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS, keys.META, *keys.RECEIPTS,
        keys.PRIVACY_VERSIONS,
    ]  # fmt: skip
    identity = _identity(channel.encode(), op.item.encode(), op.record)
    decision: Command = ["withhold"]
    if op.copies:
        decision = ["copies", len(op.copies)]
        for copy in op.copies:
            decision += [copy.part, copy.sealed, copy.note]
        for learned in op.learned:
            decision += [learned.key, learned.sealed]
    elif op.hold is not None:
        decision = ["hold", op.hold.reason, *op.hold.waits_for]
    order: Command = [identity, channel, op.item, op.record, op.forget_release]
    return [_call(scripts.RESOLVE, names, *order, *footing_arguments(op.footing), *decision)]


def _control(op: Control) -> list[Command]:
    names = [keys.lane(op.channel), keys.LEDGER, keys.META, *keys.RECEIPTS]
    identity = _identity(op.channel.encode(), op.order.value.encode(), op.record)
    return [_call(scripts.CONTROL, names, identity, op.order.value, op.reason, op.record)]


def _yes(_: Operation, replies: Sequence[Any]) -> bool:
    return bool(replies[0] == 1)


# --- the privacy registry ---


def _enter(op: Enter) -> list[Command]:
    names = [
        keys.PRIVACY, keys.PRIVACY_VERSIONS, keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS,
        keys.META, keys.LEDGER, *keys.RECEIPTS,
    ]  # fmt: skip
    for channel in op.channels:
        names += [keys.lane(channel), keys.out(channel)]
    identity = _identity(b"enter", op.patient, op.record)
    change: Command = [identity, op.patient, op.expects, op.sealed, op.record]
    return [_call(scripts.ENTER, names, *change, *op.channels)]


def _entered(_: Enter, replies: Sequence[Any]) -> Entered:
    version, *words = replies[0].decode().split(" ")
    attempts = zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True)
    return Entered(
        int(version),
        tuple(
            OpenAttempt(channel, entry, receipt, int(since_ms))
            for channel, entry, receipt, since_ms in attempts
        ),
    )


def _news(op: News) -> list[Command]:
    bounds = (f"({op.since}", "+inf", "WITHSCORES", "LIMIT", 0, op.limit)
    return [
        ["ZRANGEBYSCORE", keys.PRIVACY_VERSIONS, *bounds],
        ["ZREVRANGE", keys.PRIVACY_VERSIONS, 0, 0, "WITHSCORES"],
        _DOUBT,
    ]


def _changed(_: News, replies: Sequence[Any]) -> Changed:
    flat, last, doubt = replies
    patients = tuple(zip(flat[::2], map(int, flat[1::2]), strict=True))
    return Changed(patients, int(last[1]) if last else 0, doubt or b"")


def _rebuild(op: Rebuild) -> list[Command]:
    names = [keys.PRIVACY, keys.PRIVACY_VERSIONS, keys.META]
    flat = [value for snapshot in op.snapshots for value in snapshot]
    return [_call(scripts.REBUILD, names, op.doubt, *flat)]


def _trust(op: Trust) -> list[Command]:
    return [_call(scripts.TRUST, [keys.META, keys.LEDGER], op.record)]


def _release(op: Release) -> list[Command]:
    names = [keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS, keys.META]
    return [_call(scripts.RELEASE, names, op.key)]


def _receipts(_: Operation, replies: Sequence[Any]) -> tuple[str, ...]:
    return tuple(receipt.decode() for receipt in replies[0])


# --- what people and monitors ask ---


def _survey(op: Survey | Beat) -> list[Command]:
    names = [keys.ENGINES]
    for channel in op.channels:
        names += [keys.lane(channel), keys.out(channel), keys.counts(channel)]
    return [_call(scripts.SURVEY, names)]


def _beat(op: Beat) -> list[Command]:
    return [_call(scripts.BEAT, [keys.ENGINES], op.engine, op.state, op.ttl_ms), *_survey(op)]


def _read_survey(op: Survey, replies: Sequence[Any]) -> View:
    now_ms, engines, *lanes = replies[0]
    states = sorted(
        (id_.decode(), state) for id_, state in zip(engines[::2], engines[1::2], strict=True)
    )
    return View(tuple(states), tuple(map(_lane_view, op.channels, lanes)), now_ms)


def _read_beat(op: Beat, replies: Sequence[Any]) -> tuple[LaneView, ...]:
    _, _, *lanes = replies[1]
    return tuple(map(_lane_view, op.channels, lanes))


def _lane_view(channel: str, reply: Sequence[Any]) -> LaneView:
    depth, head, *fields = reply
    entry, attempts, not_before_ms, error, order, reason, ack, ack_ms, *counters = (
        field.decode() for field in fields
    )
    parked, held, waiting, delivered, withheld, duplicates = (int(n or 0) for n in counters)
    return LaneView(
        channel, depth, _since_ms(head) if head else 0, entry, int(attempts or 0),
        int(not_before_ms or 0), error, Order(order) if order else None, reason, ack,
        int(ack_ms or 0), parked, held, delivered, withheld, duplicates, waiting,
    )  # fmt: skip


def _since_ms(entry: bytes) -> int:
    """A stream's ids begin with the server's time."""
    return int(entry.partition(b"-")[0])


def _items(op: Items) -> list[Command]:
    names = [keys.parked(op.channel), keys.parked_order(op.channel)]
    return [_call(scripts.ITEMS, names, op.after or "0", op.limit, op.receipt)]


def _read_items(op: Items, replies: Sequence[Any]) -> tuple[Item, ...]:
    return tuple(_item(op.channel, *reply) for reply in replies[0])


def _item(channel: str, id_: bytes, description: bytes, sealed: bytes, note: bytes) -> Item:
    kind, part, attempts, since_ms, _, receipt, reason = description.decode().split(" ", 6)
    return Item(
        channel, id_.decode(), Kept(kind), receipt, int(part), reason, int(since_ms),
        int(attempts), sealed, note,
    )  # fmt: skip


def _waiting(op: Waiting) -> list[Command]:
    return [_call(scripts.WAITING, [keys.out(op.channel)], op.limit)]


def _read_waiting(_: Waiting, replies: Sequence[Any]) -> tuple[Entry, ...]:
    return tuple(
        Entry(entry.decode(), receipt.decode(), part, size_bytes, _since_ms(entry))
        for entry, receipt, part, size_bytes in replies[0]
    )


def _read_ledger(op: ReadLedger) -> list[Command]:
    start = f"({op.after}" if op.after else "-"
    return [["XRANGE", keys.LEDGER, start, "+", "COUNT", op.limit]]


def _records(_: ReadLedger, replies: Sequence[Any]) -> tuple[tuple[str, bytes], ...]:
    return tuple((position.decode(), fields[1]) for position, fields in replies[0])


# --- what an archive asks ---


def _keep_for_archive(op: KeepForArchive) -> list[Command]:
    if op.on:
        return [["HSET", keys.JOURNAL, keys.ARCHIVE_FIELD, "1"]]
    return [["HDEL", keys.JOURNAL, keys.ARCHIVE_FIELD]]


def _contents(op: Contents) -> list[Command]:
    return [_call(scripts.CONTENTS, [keys.JOURNAL], op.limit_bytes, *op.receipts)]


def _let_go(op: LetGo) -> list[Command]:
    names = [keys.LEDGER, keys.JOURNAL, keys.PENDING, keys.META]
    return [_call(scripts.LETGO, names, op.upto, op.head, *op.receipts)]


def _backlog(_: Backlog) -> list[Command]:
    return [
        ["XLEN", keys.LEDGER],
        ["XRANGE", keys.LEDGER, "-", "+", "COUNT", 1],
        ["HGET", keys.META, "archive_head"],
    ]


def _unarchived(_: Backlog, replies: Sequence[Any]) -> Unarchived:
    records, oldest, head = replies
    return Unarchived(records, _since_ms(oldest[0][0]) if oldest else 0, (head or b"").decode())


def _unfinished(op: Unfinished) -> list[Command]:
    return [["HSCAN", keys.PENDING, op.page or 0, "COUNT", 1000]]


def _page(_: Unfinished, replies: Sequence[Any]) -> tuple[str, ...]:
    following, found = replies[0]
    receipts = [receipt.decode("ascii") for receipt in found[::2]]
    return ("" if following == b"0" else following.decode("ascii"), *receipts)


_TABLE: dict[
    type[Operation],
    tuple[Callable[[Any], list[Command]], Callable[[Any, Sequence[Any]], Result]],
] = {
    Claim: (_claim, _claimed),
    Advance: (_advance, _advanced),
    Recall: (_recall, _recalled),
    Unlearn: (_unlearn, lambda _op, _replies: None),
    NextReleased: (_next_released, _receipts),
    ForgetReleased: (_forget_released, lambda _op, _replies: None),
    Fetch: (lambda op: [["HGET", keys.JOURNAL, op.receipt]], lambda _, replies: replies[0]),
    Resolve: (_resolve, _yes),
    Enter: (_enter, _entered),
    News: (_news, _changed),
    Rebuild: (_rebuild, lambda _, replies: int(replies[0])),
    Trust: (_trust, _yes),
    Release: (_release, _receipts),
    Control: (_control, _yes),
    Beat: (_beat, _read_beat),
    Survey: (_survey, _read_survey),
    Items: (_items, _read_items),
    Waiting: (_waiting, _read_waiting),
    ReadLedger: (_read_ledger, _records),
    KeepForArchive: (_keep_for_archive, lambda _, replies: None),
    Contents: (_contents, lambda _, replies: tuple(replies[0])),
    LetGo: (_let_go, lambda _, replies: None),
    Backlog: (_backlog, _unarchived),
    Unfinished: (_unfinished, _page),
}
