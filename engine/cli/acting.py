"""What a person does through a command, and why, in the ledger.

Law: who looks, exports or changes keys is recorded before anything is shown, and where a reason is
asked for there is none but by giving one.
"""

from __future__ import annotations

from datetime import datetime

from engine.archive.acts import record
from engine.archive.database import Database
from engine.archive.entries import act
from engine.archive.opening import signing_key_of
from engine.archive.signing import read_signer
from engine.cli.reach import operator
from engine.clock import SystemClock
from engine.config.model import Site
from engine.errors import UsageError


def need_reason(reason: str, text: str = "This is done for a reason only.") -> None:
    """Raise `UsageError` where there is none; `text` says what it is asked for."""
    if not reason.strip():
        raise UsageError("reason", text, "Say --reason TEXT.")


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
