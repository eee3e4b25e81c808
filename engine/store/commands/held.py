"""What was learned and what waits: facts, holds, the released list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.commands.call import (
    DOUBT,
    Command,
    Table,
    call,
    footing_arguments,
    identity,
    nothing,
    receipts,
    yes,
)
from engine.store.port import (
    Fetch,
    ForgetReleased,
    NextReleased,
    Recall,
    Release,
    Reopen,
    Resolve,
    Unlearn,
)


def _recall(op: Recall) -> list[Command]:
    """Versions before what they are of: what has a version by then is there."""
    found: list[Command] = [["HMGET", keys.COVERAGE, *op.keys]] if op.keys else []
    if op.patients:
        found += [
            ["ZMSCORE", keys.PRIVACY_VERSIONS, *op.patients],
            ["HMGET", keys.PRIVACY, *op.patients],
            DOUBT,
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
    return [call(scripts.UNLEARN, [keys.COVERAGE], op.key, op.sealed)]


def _next_released(op: NextReleased) -> list[Command]:
    return [call(scripts.RELEASED, [keys.RELEASED, keys.RELEASED_NEWS], op.limit)]


def _forget_released(op: ForgetReleased) -> list[Command]:
    return [call(scripts.FORGET, [keys.RELEASED, keys.RELEASED_NEWS], op.receipt)]


def _release(op: Release) -> list[Command]:
    names = [keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS, keys.META]
    return [call(scripts.RELEASE, names, op.key)]


def _names(channel: str) -> list[str]:
    """The keys of a new decision for a channel."""
    return [
        keys.out(channel), keys.counts(channel), keys.parts(channel), keys.parked(channel),
        keys.parked_order(channel), keys.JOURNAL, keys.PENDING, keys.LEDGER, keys.COVERAGE,
        keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS, keys.META, *keys.RECEIPTS,
        keys.PRIVACY_VERSIONS,
    ]  # fmt: skip


def _decision(op: Resolve | Reopen) -> Command:
    """What was decided, as the scripts read it."""
    decision: Command = ["withhold"]
    if op.copies:
        decision = ["copies", len(op.copies)]
        for copy in op.copies:
            decision += [copy.part, copy.sealed, copy.note]
        for learned in op.learned:
            decision += [learned.key, learned.sealed]
    elif op.hold is not None:
        decision = ["hold", op.hold.reason, *op.hold.waits_for]
    return decision


def _resolve(op: Resolve) -> list[Command]:
    channel = op.channel
    itself = identity(channel.encode(), op.item.encode(), op.record)
    order: Command = [itself, channel, op.item, op.record, op.forget_release]
    arguments = [*order, *footing_arguments(op.footing), *_decision(op)]
    return [call(scripts.RESOLVE, _names(channel), *arguments)]


def _reopen(op: Reopen) -> list[Command]:
    channel, receipt = op.channel, op.receipt
    itself = identity(b"reopen", channel.encode(), receipt.encode(), b"%d" % op.time)
    delivered: int | str = "" if op.delivered is None else op.delivered
    order: Command = [itself, identity(op.record), channel, receipt, op.sealed, op.record]
    order += [delivered, int(op.doubtful)]
    arguments = [*order, *footing_arguments(op.footing), *_decision(op)]
    return [call(scripts.REOPEN, _names(channel), *arguments)]


TABLE: Table = {
    Recall: (_recall, _recalled),
    Unlearn: (_unlearn, nothing),
    NextReleased: (_next_released, receipts),
    ForgetReleased: (_forget_released, nothing),
    Release: (_release, receipts),
    Fetch: (lambda op: [["HGET", keys.JOURNAL, op.receipt]], lambda _, replies: replies[0]),
    Resolve: (_resolve, yes),
    Reopen: (_reopen, yes),
}
