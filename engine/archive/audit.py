"""The ledger read back and verified: `payergate ledger verify`.

Law: it trusts nothing in the database but what a known key has signed, and reads every row. What it
cannot know (rows cut off together with their checkpoints) it asks of heads kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.chain import Checkpoint, Finding, Head, Mark, Row, Verify, verify

#: How many rows one question asks for.
PAGE = 5000


def read_head(connection: Connection) -> Head:
    """The end of the chain, as the archive has it."""
    row = connection.execute(sa.select(schema.head.c.seq, schema.head.c.hash)).one()
    return Head(row.seq, row.hash)


def audit(
    connection: Connection, is_good: Verify, expected: Iterable[Head] = ()
) -> Iterator[Finding]:
    """Everything that is wrong with the ledger."""
    heads = [*expected, read_head(connection)]
    return verify(_rows(connection), _checkpoints(connection), is_good, heads)


def _checkpoints(connection: Connection) -> list[Checkpoint]:
    table = schema.checkpoints
    return [
        Checkpoint(Mark(row.kind), row.seq, row.hash, row.at_ms, row.key_id, row.signature)
        for row in connection.execute(table.select().order_by(table.c.seq))
    ]


def _rows(connection: Connection) -> Iterator[Row]:
    """Every row in order, page by page."""
    table, last = schema.ledger, -1
    while True:
        page = connection.execute(
            table.select().where(table.c.seq > last).order_by(table.c.seq).limit(PAGE)
        ).all()
        if not page:
            return
        patients = _patients(connection, page[0].seq, page[-1].seq)
        for row in page:
            columns = {
                "at_ms": row.at_ms,
                "kind": row.kind,
                "receipt": row.receipt,
                "channel": row.channel,
            }
            indexed = frozenset(patients.get(row.seq, ()))
            body = row.body.encode("utf-8", "surrogateescape")
            yield Row(row.seq, body, row.hash, columns, indexed)
        last = page[-1].seq


def _patients(connection: Connection, first: int, last: int) -> dict[int, list[str]]:
    table = schema.ledger_patients
    found: dict[int, list[str]] = {}
    asked = table.select().where(table.c.seq.between(first, last))
    for row in connection.execute(asked):
        found.setdefault(row.seq, []).append(row.patient.hex())
    return found
