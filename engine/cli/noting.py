"""What a person does through a command, in the ledger.

Law: who looks, exports or changes keys is recorded before anything is shown.
"""

from __future__ import annotations

from datetime import datetime

from engine.archive.acts import record
from engine.archive.database import Database
from engine.archive.entries import act
from engine.archive.opening import signing_key_of
from engine.archive.signing import read_signer
from engine.cli.acting import operator
from engine.clock import SystemClock
from engine.config.model import Site


def note(
    site: Site,
    archive: Database,
    kind: str,
    reason: str,
    *,
    at: datetime | None = None,
    **members: object,
) -> None:
    """Add the row of an act of whoever gives the command. Raises `ArchiveUnavailableError`."""
    entry = act(kind, at or SystemClock().now(), operator(), reason, **members)
    record(archive, read_signer(signing_key_of(site)), entry)
