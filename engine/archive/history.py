"""The history of the privacy registry: every change, and what was held of the patient after it.

Law: a change's number is the registry's version that it made, so that one that never came is a gap
in the numbers. The snapshots are sealed for their patients; that none was taken out, put in or
exchanged is seen in the chain, which has them, too, for as long as its rows are kept. These rows
are never erased: what a patient has signed or refused does not end with a record's time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.entries import time_of
from engine.store.port import Snapshot

#: The kind of such a record, and of such a row of the chain.
CHANGED = "registry"

#: How many rows one question reads.
PAGE = 500

_TOLD = ("entries", "by", "why", "document", "change")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a registry there is: the latest version, the changes, the patients."""

    newest: int
    changes: int
    patients: int

    @property
    def gaps(self) -> int:
        """How many changes before the latest one are not there."""
        return self.newest - self.changes


def keep_changes(connection: Connection, records: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Add the changes among a batch's records, which come with their positions."""
    rows = [_row(at, record) for at, record in records if record["kind"] == CHANGED]
    if rows:
        connection.execute(schema.registry.insert(), rows)


def extent(connection: Connection) -> Extent:
    """How much there is."""
    table = schema.registry
    numbers = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.max(table.c.id), 0),
            sa.func.count(),
            sa.func.count(sa.distinct(table.c.subject)),
        )
    ).one()
    return Extent(*numbers)


def snapshots(connection: Connection) -> Iterator[tuple[Snapshot, ...]]:
    """The last of each patient, in the order of their versions, page by page."""
    table = schema.registry
    last_of = sa.select(sa.func.max(table.c.id)).group_by(table.c.subject).scalar_subquery()
    asked = sa.select(table.c.subject, table.c.id, table.c.sealed).where(table.c.id.in_(last_of))
    after = 0
    while True:
        page = connection.execute(
            asked.where(table.c.id > after).order_by(table.c.id).limit(PAGE)
        ).all()
        if not page:
            return
        yield tuple(Snapshot(row.subject, row.id, row.sealed) for row in page)
        after = page[-1].id


def differing(connection: Connection) -> int:
    """How many changes the chain has otherwise, or not although it is old enough to have them."""
    chain = schema.ledger
    known = _rows(connection)
    wrong, oldest = 0, 0
    bodies = sa.select(chain.c.body).where(chain.c.kind == CHANGED).order_by(chain.c.seq)
    for body in connection.execute(bodies).scalars():
        said = json.loads(body)
        version = int(said["version"])
        oldest = min(oldest or version, version)
        sealed = base64.b64decode(said["sealed"])
        wrong += known.pop(version, None) != (bytes.fromhex(said["patient"]), sealed)
    return wrong + sum(version > oldest for version in known if oldest)


def _rows(connection: Connection) -> dict[int, tuple[bytes, bytes]]:
    table = schema.registry
    found = connection.execute(sa.select(table.c.id, table.c.subject, table.c.sealed))
    return {row.id: (row.subject, row.sealed) for row in found}


def _row(at: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": int(record["version"]),
        "at_ms": time_of(record, at),
        "kind": CHANGED,
        "subject": bytes.fromhex(record["patient"]),
        "sealed": base64.b64decode(record["sealed"], validate=True),
        "record": json.dumps({name: record.get(name) for name in _TOLD}, separators=(",", ":")),
    }
