"""What the archive's messages are called by their senders: type and control id.

Law: no other value of a message.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema

#: How many receipts one question asks for.
_PAGE = 500


def read_names(connection: Connection, receipts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By receipt, type and control id of what the archive has."""
    table = schema.messages
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(receipts), _PAGE):
        some = receipts[start : start + _PAGE]
        asked = sa.select(table.c.receipt, table.c.type, table.c.control_id)
        for row in connection.execute(asked.where(table.c.receipt.in_(some))):
            found[row.receipt] = (row.type, row.control_id)
    return found
