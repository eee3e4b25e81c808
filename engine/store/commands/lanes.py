"""What goes out: a lane is claimed and advanced. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.commands.call import Command, Table, call
from engine.store.port import Advance, Claim, Claimed, Halt, Halted, Opened, Settle


def _claim(op: Claim) -> list[Command]:
    names = [keys.lane(op.channel)]
    return [call(scripts.CLAIM, names, op.holder, op.lease_ms, int(op.takeover))]


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
    return [call(scripts.ADVANCE, names, *step)]


def _advanced(_: Advance, replies: Sequence[Any]) -> Opened | Halted:
    word, *rest = replies[0]
    if word != b"opened":
        return Halted(Halt(word.decode()), rest[0])
    entry, receipt, part, sealed, note, attempt, possible_duplicate, waited_ms, stale = rest
    return Opened(
        entry.decode(), receipt.decode(), part, sealed, note, attempt,
        possible_duplicate == 1, waited_ms, stale == 1,
    )  # fmt: skip


TABLE: Table = {
    Claim: (_claim, _claimed),
    Advance: (_advance, _advanced),
}
