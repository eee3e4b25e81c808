"""What an archive asks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.commands.call import Command, Table, call, nothing, since_ms
from engine.store.port import Backlog, Contents, KeepForArchive, LetGo, Unarchived, Unfinished


def _keep_for_archive(op: KeepForArchive) -> list[Command]:
    if op.on:
        return [["HSET", keys.JOURNAL, keys.ARCHIVE_FIELD, "1"]]
    return [["HDEL", keys.JOURNAL, keys.ARCHIVE_FIELD]]


def _contents(op: Contents) -> list[Command]:
    return [call(scripts.CONTENTS, [keys.JOURNAL], op.limit_bytes, *op.receipts)]


def _let_go(op: LetGo) -> list[Command]:
    names = [keys.LEDGER, keys.JOURNAL, keys.PENDING, keys.META]
    return [call(scripts.LETGO, names, op.upto, op.head, *op.receipts)]


def _backlog(_: Backlog) -> list[Command]:
    return [
        ["XLEN", keys.LEDGER],
        ["XRANGE", keys.LEDGER, "-", "+", "COUNT", 1],
        ["HGET", keys.META, "archive_head"],
    ]


def _unarchived(_: Backlog, replies: Sequence[Any]) -> Unarchived:
    records, oldest, head = replies
    return Unarchived(records, since_ms(oldest[0][0]) if oldest else 0, (head or b"").decode())


def _unfinished(op: Unfinished) -> list[Command]:
    return [["HSCAN", keys.PENDING, op.page or 0, "COUNT", 1000]]


def _page(_: Unfinished, replies: Sequence[Any]) -> tuple[str, ...]:
    following, found = replies[0]
    receipts = [receipt.decode("ascii") for receipt in found[::2]]
    return ("" if following == b"0" else following.decode("ascii"), *receipts)


TABLE: Table = {
    KeepForArchive: (_keep_for_archive, nothing),
    Contents: (_contents, lambda _, replies: tuple(replies[0])),
    LetGo: (_let_go, nothing),
    Backlog: (_backlog, _unarchived),
    Unfinished: (_unfinished, _page),
}
