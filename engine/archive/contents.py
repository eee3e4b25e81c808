"""Contents of archived messages one by one, and what is known of each now.

Law: content is opened one message at a time and forgotten at once; what is known is asked of the
store as whoever decides again asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from engine.archive import schema
from engine.archive.database import Database
from engine.archive.search import read_content
from engine.intake.receipts import earliest_receipt
from engine.privacy.facts import Facts
from engine.redecision.kept_message import Answers, KeptMessage, recalling
from engine.redecision.redecide import Redecision
from engine.store.port import Store

#: How many names of messages one question reads; their contents are read one by one.
PAGE = 1000


def contents(
    database: Database, from_ms: int, to_ms: int
) -> Iterator[tuple[str, str, bytes | None]]:
    """Receipt, type and sealed content of every message of a time, oldest first.

    Each content is a question of its own, so that no view of the archive is kept for long.
    """
    table = schema.messages
    after, end = earliest_receipt(from_ms), earliest_receipt(to_ms)
    while True:
        asked = sa.select(table.c.receipt, table.c.type)
        asked = asked.where(table.c.receipt > after, table.c.receipt < end)
        with database.reading() as connection:
            page = connection.execute(asked.order_by(table.c.receipt).limit(PAGE)).all()
        for row in page:
            with database.reading() as connection:
                sealed = read_content(connection, row.receipt)
            yield row.receipt, row.type, sealed
        if len(page) < PAGE:
            return
        after = page[-1].receipt


def kept_facts(redecision: Redecision, store: Store, kept: KeptMessage, at: datetime) -> Facts:
    """What is known now of whatever the policy asks, for a decision as of `at`."""
    answers: Answers = ()
    if kept.names or kept.patients:
        kept, answers = redecision.gather(kept, recalling(store))
    return redecision.facts(kept, answers, at)
