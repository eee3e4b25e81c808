"""Rows into the chain, within a transaction of `Database.writing`.

Law: the chain has one end, and who adds to it holds its lock. What a transaction adds is signed in
the same transaction, so that every committed row is under a checkpoint. A new checkpoint takes the
place of the one before, but for the last of each thousand rows and of each hour.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.chain import Checkpoint, Head, Mark, body_of, link
from engine.archive.entries import Entry
from engine.archive.signing import Signer

#: A checkpoint is kept for every so many rows, and for every so many milliseconds.
KEPT_ROWS = 1000
KEPT_MS = 3_600_000


class Appender:
    """Adds rows; `finish` signs them."""

    def __init__(self, connection: Connection, signer: Signer) -> None:
        self._connection = connection
        self._signer = signer
        row = connection.execute(
            sa.select(schema.head.c.seq, schema.head.c.hash, schema.head.c.position)
        ).one()
        self._head = Head(row.seq, row.hash)
        self.position: str = row.position
        self._rows: list[dict[str, object]] = []
        self._patients: list[dict[str, object]] = []
        self._has_added = False

    @property
    def head(self) -> Head:
        """The end of the chain as it will be."""
        return self._head

    def add(self, entries: Iterable[Entry]) -> None:
        """Put rows at the end."""
        for entry in entries:
            seq = self._head.seq + 1
            columns = {
                "at_ms": entry.at_ms,
                "kind": entry.kind,
                "receipt": entry.receipt,
                "channel": entry.channel,
            }
            body = body_of(seq, {**entry.members, **columns, "patients": list(entry.patients)})
            self._head = Head(seq, link(self._head.hash, body))
            row = {"seq": seq, "body": body.decode("ascii"), "hash": self._head.hash, **columns}
            self._rows.append(row)
            self._patients += [
                {"patient": bytes.fromhex(term), "seq": seq} for term in entry.patients
            ]

    def write(self) -> None:
        """Write what was added so far, for who asks within the transaction; `finish` signs it."""
        self._has_added = self._has_added or bool(self._rows)
        if self._rows:
            self._connection.execute(schema.ledger.insert(), self._rows)
        if self._patients:
            self._connection.execute(schema.ledger_patients.insert(), self._patients)
        self._rows, self._patients = [], []

    def finish(self, at_ms: int, position: str | None = None) -> Head:
        """Write and sign; `position`: how far the store's ledger has been read."""
        connection = self._connection
        self.write()
        change = {"seq": self._head.seq, "hash": self._head.hash}
        if position is not None:
            self.position = change["position"] = position
        connection.execute(schema.head.update(), change)
        if self._has_added:
            self._thin(at_ms)
            self.sign(self._signer.checkpoint(Mark.HEAD, self._head, at_ms))
        self._has_added = False
        return self._head

    def sign(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""
        row = {
            "seq": checkpoint.seq,
            "kind": checkpoint.mark.value,
            "at_ms": checkpoint.at_ms,
            "hash": checkpoint.hash,
            "key_id": checkpoint.key_id,
            "signature": checkpoint.signature,
        }
        self._connection.execute(schema.checkpoints.insert(), row)

    def signed(self, mark: Mark, head: Head, at_ms: int) -> Checkpoint:
        """A checkpoint of any head, signed."""
        return self._signer.checkpoint(mark, head, at_ms)

    def _thin(self, at_ms: int) -> None:
        """Drop the newest checkpoint if the one to come may stand for it."""
        table = schema.checkpoints
        newest = self._connection.execute(
            sa.select(table.c.seq, table.c.at_ms)
            .where(table.c.kind == Mark.HEAD.value)
            .order_by(table.c.seq.desc())
            .limit(1)
        ).first()
        if newest is None:
            return
        same_rows = newest.seq // KEPT_ROWS == self._head.seq // KEPT_ROWS
        if same_rows and newest.at_ms // KEPT_MS == at_ms // KEPT_MS:
            head_of = (table.c.kind == Mark.HEAD.value) & (table.c.seq == newest.seq)
            self._connection.execute(table.delete().where(head_of))
