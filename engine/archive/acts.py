"""Acts and looks of people, in the chain before anything is shown or done.

Law: a look at content, an accounting and an export are rows of the ledger, with who and why, and
are durable before the first byte is printed: whoever cannot record cannot look.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.archive.chain import Head
from engine.archive.database import Database
from engine.archive.entries import Entry
from engine.archive.ledger import Appender
from engine.archive.signing import Signer


def record(database: Database, signer: Signer, entry: Entry) -> Head:
    """Add one row; the head that it made. Raises `ArchiveUnavailableError`."""
    return record_all(database, signer, [entry])


def record_all(database: Database, signer: Signer, entries: Sequence[Entry]) -> Head:
    """Add rows, all or none; the head that they made. Raises `ArchiveUnavailableError`."""
    with database.writing() as connection:
        appender = Appender(connection, signer)
        appender.add(entries)
        return appender.finish(entries[-1].at_ms)
