"""The privacy registry: a change, what is new, and its rebuilding. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.commands.call import DOUBT, Command, Table, call, identity, yes
from engine.store.port import Changed, Enter, Entered, News, OpenAttempt, Rebuild, Trust


def _enter(op: Enter) -> list[Command]:
    names = [
        keys.PRIVACY, keys.PRIVACY_VERSIONS, keys.WAITS, keys.RELEASED, keys.RELEASED_NEWS,
        keys.META, keys.LEDGER, *keys.RECEIPTS,
    ]  # fmt: skip
    for channel in op.channels:
        names += [keys.lane(channel), keys.out(channel)]
    itself = identity(b"enter", op.patient, op.record)
    change: Command = [itself, op.patient, op.expects, op.sealed, op.record]
    return [call(scripts.ENTER, names, *change, *op.channels)]


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
        DOUBT,
    ]


def _changed(_: News, replies: Sequence[Any]) -> Changed:
    flat, last, doubt = replies
    patients = tuple(zip(flat[::2], map(int, flat[1::2]), strict=True))
    return Changed(patients, int(last[1]) if last else 0, doubt or b"")


def _rebuild(op: Rebuild) -> list[Command]:
    names = [keys.PRIVACY, keys.PRIVACY_VERSIONS, keys.META]
    flat = [value for snapshot in op.snapshots for value in snapshot]
    return [call(scripts.REBUILD, names, op.doubt, *flat)]


def _trust(op: Trust) -> list[Command]:
    return [call(scripts.TRUST, [keys.META, keys.LEDGER], op.record)]


TABLE: Table = {
    Enter: (_enter, _entered),
    News: (_news, _changed),
    Rebuild: (_rebuild, lambda _, replies: int(replies[0])),
    Trust: (_trust, yes),
}
