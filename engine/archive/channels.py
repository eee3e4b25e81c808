"""The channels that the ledger knows, whether the site still has them or not.

Law: found by leaps through an index: as many questions as there are channels.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema


def ledger_channels(connection: Connection) -> tuple[str, ...]:
    """The ids of all channels that any row is about, in order."""
    column = schema.ledger.c.channel
    found: list[str] = []
    while True:
        last = found[-1] if found else ""
        following = connection.execute(sa.select(sa.func.min(column)).where(column > last)).scalar()
        if following is None:
            return tuple(found)
        found.append(following)
