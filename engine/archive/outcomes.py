"""Where each message stands in each channel, as the records tell it. Pure but for loading.

Law: the same five states as in the store (engine/store/tally.py); a message is open until no part
of it is parked, held or waiting in any channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.store.tally import Parts

Key = tuple[str, str]  # receipt, channel


class Outcomes:
    """The states that one batch of records touches."""

    def __init__(self) -> None:
        self._parts: dict[Key, Parts] = {}
        self._of: dict[str, dict[str, Parts]] = {}  # the same by receipt
        self._known: set[Key] = set()
        self._states: dict[Key, str] = {}

    def load(self, connection: Connection, receipts: Iterable[str]) -> None:
        """Read what the archive has of these messages."""
        table = schema.outcomes
        wanted = sorted(set(receipts))
        for row in connection.execute(table.select().where(table.c.receipt.in_(wanted))):
            key = (row.receipt, row.channel)
            self._put(key, Parts(row.parked, row.held, row.waiting, row.delivered))
            self._known.add(key)

    def decided(self, record: Mapping[str, Any]) -> int:
        """A message was decided; how many parts are open."""
        opened = 0
        channels = record.get("channels")
        for channel, said in (channels if isinstance(channels, dict) else {}).items():
            if said.get("state"):
                continue  # shadow: decided and recorded, nothing sent
            parts = Parts()
            if said.get("verdict") == "disclose":
                parts.waiting = int(said.get("parts", 1))
            elif said.get("verdict") == "hold":
                parts.held = 1
            else:
                continue  # named in the decision, nothing to follow
            opened += parts.waiting + parts.held
            self._put((str(record["receipt"]), str(channel)), parts)
        return opened

    def happened(self, record: Mapping[str, Any]) -> None:
        """One part of a message moved."""
        key = (str(record.get("receipt", "")), str(record.get("channel", "")))
        parts = self._parts.get(key) or self._put(key, Parts())
        match record["kind"]:
            case "delivered":
                parts.waiting -= 1
                parts.delivered += 1
            case "parked":
                parts.waiting -= 1
                parts.parked += 1
            case "withheld":
                parts.waiting -= 1
            case "discarded":
                _leave(parts, record)
            case "redecided":
                _leave(parts, record)
                if record.get("verdict") == "hold":
                    parts.held += 1
                elif record.get("verdict") == "disclose":
                    several = record.get("was") != "parked"
                    parts.waiting += int(record.get("parts", 1)) if several else 1

    def parts(self, receipt: str, channel: str) -> Parts:
        """How the parts of a message stand in a channel."""
        return self._parts.get((receipt, channel)) or Parts()

    def open(self, receipt: str) -> tuple[int, bool]:
        """How many parts of a message are open, and whether a person may be needed for one."""
        mine = self._of.get(receipt, {}).values()
        kept = sum(max(0, one.parked) + max(0, one.held) for one in mine)
        return kept + sum(max(0, one.waiting) for one in mine), kept > 0

    def _put(self, key: Key, parts: Parts) -> Parts:
        self._parts[key] = parts
        self._of.setdefault(key[0], {})[key[1]] = parts
        return parts

    def save(self, connection: Connection) -> None:
        """Write every state back."""
        table = schema.outcomes
        rows = [_row(key, parts) for key, parts in self._parts.items()]
        new = [row for row in rows if (row["receipt"], row["channel"]) not in self._known]
        old = [row for row in rows if (row["receipt"], row["channel"]) in self._known]
        if new:
            connection.execute(table.insert(), new)
        if old:
            change = table.update().where(
                table.c.receipt == sa.bindparam("of_receipt"),
                table.c.channel == sa.bindparam("of_channel"),
            )
            connection.execute(
                change.values({name: sa.bindparam(name) for name in _COUNTS}),
                [
                    {"of_receipt": row["receipt"], "of_channel": row["channel"]}
                    | {name: row[name] for name in _COUNTS}
                    for row in old
                ],
            )


_COUNTS = ("state", "waiting", "held", "parked", "delivered")


def _leave(parts: Parts, record: Mapping[str, Any]) -> None:
    """An item goes; of what was done with, and is taken up again, there is none."""
    match record.get("was"):
        case "held":
            parts.held -= 1
        case "parked":
            parts.parked -= 1


def _row(key: Key, parts: Parts) -> dict[str, Any]:
    return {
        "receipt": key[0],
        "channel": key[1],
        "state": parts.state,
        "waiting": max(0, parts.waiting),
        "held": max(0, parts.held),
        "parked": max(0, parts.parked),
        "delivered": max(0, parts.delivered),
    }
