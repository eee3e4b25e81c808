"""The privacy registry of a store that has lost something, made again of the archive's.

Law: nothing is sent meanwhile, as the store itself holds everything (engine/store/lua/footing.lua).
What is put back is of a whole chain; that it is all there is read back from the store. Where
nothing can be missing the registry is believed again by itself; where something may be, the store
is told what, and a person settles it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.chain import Head, Verify
from engine.archive.database import Database
from engine.archive.history import differing, extent, snapshots
from engine.clock import Clock
from engine.store.doubt import Doubt, Found
from engine.store.port import Backlog, Changed, News, Rebuild, Store, Trust, Unarchived

#: The kind of the record that ends a doubt.
REBUILT = "registry-rebuilt"


class Rebuilder:
    """Puts back what is missing, and says what may be; `step` is called often."""

    def __init__(self, database: Database, store: Store, is_good: Verify, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._is_good = is_good
        self._clock = clock
        self._told = b""

    def step(self) -> bool | None:
        """Rebuild if it is doubted; None when there was nothing to do, else if it is settled.

        Raises `ArchiveError`, `StoreUnavailable`.
        """
        said = read_doubt(self._store)
        if not said or said == self._told:
            return None
        doubt = self.rebuild(Doubt.read(said), only_sound=True)
        if doubt.is_settled and self._is_all_there():
            record = settled(doubt, self._clock.now(), "payergate", "the archive has all of it")
            self._store.execute([Trust(record)])
            return True
        self._told = doubt.write()
        return False

    def rebuild(self, doubt: Doubt, *, only_sound: bool) -> Doubt:
        """Put back what the archive has; what is known then. `only_sound`: of a whole chain."""
        with self._database.reading() as connection:
            found = self._found(connection, doubt)
            if not (only_sound and found.flaws):
                for page in snapshots(connection):
                    self._store.execute([Rebuild(page)])
        doubt = doubt.with_found(found)
        self._store.execute([Rebuild((), doubt.write())])
        return doubt

    def _found(self, connection: Connection, doubt: Doubt) -> Found:
        backlog = cast("Unarchived", self._store.execute([Backlog()])[0])
        expected = [Head.read(backlog.head)] if backlog.head else []
        flaws = sum(1 for _ in audit(connection, self._is_good, expected))
        flaws += differing(connection)
        known = extent(connection)
        carried_ms = _carried_ms(connection, doubt.since_ms)
        return Found(known.newest, known.patients, known.gaps, flaws, carried_ms)

    def _is_all_there(self) -> bool:
        """Whether the store has every patient's last snapshot, or a later one."""
        there = dict(_everybody(self._store))
        with self._database.reading() as connection:
            return all(
                there.get(snapshot.patient, 0) >= snapshot.version
                for page in snapshots(connection)
                for snapshot in page
            )


def read_doubt(store: Store) -> bytes:
    """Why a store's registry is doubted; empty when it is believed."""
    return cast("Changed", store.execute([News(0, 0)])[0]).doubt


def settled(doubt: Doubt, at: datetime, by: str, why: str) -> bytes:
    """The record that a doubt is over: what was known then, and who says so."""
    said = json.loads(doubt.write())
    return json.dumps(
        {"kind": REBUILT, "at": at.isoformat(timespec="milliseconds"), "by": by, "why": why} | said,
        separators=(",", ":"),
    ).encode()


def _carried_ms(connection: Connection, before_ms: int) -> int:
    """When the last record from before the doubt was made that came from a store; 0: none."""
    table = schema.ledger
    asked = sa.select(sa.func.max(table.c.at_ms)).where(
        table.c.at_ms < before_ms, table.c.kind.not_in(("policy", "gap"))
    )
    return int(connection.execute(asked).scalar() or 0)


def _everybody(store: Store) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    while True:
        since = found[-1][1] if found else 0
        changed = cast("Changed", store.execute([News(since)])[0])
        if not changed.patients:
            return found
        found += changed.patients
