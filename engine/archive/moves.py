"""The ledger's rows that tell where parts of messages went.

Law: every one of them in order, as `engine.archive.standing` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.standing import MOVES


def read_moves(connection: Connection, receipts: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By receipt. Of what was delivered only that it was: these rows are most, and long."""
    table = schema.ledger
    body = sa.case((table.c.kind == "delivered", "{}"), else_=table.c.body).label("body")
    asked = (
        sa.select(table.c.receipt, table.c.kind, table.c.channel, body)
        .where(table.c.receipt.in_(receipts), table.c.kind.in_(sorted(MOVES)))
        .order_by(table.c.receipt, table.c.seq)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(asked):
        said = {**json.loads(row.body), "kind": row.kind, "channel": row.channel}
        found.setdefault(row.receipt, []).append(said)
    return found
