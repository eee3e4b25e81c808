"""A site's archive, ready for use.

Law: secrets come from files and the environment, never from the site; nobody gets an archive whose
schema is not this engine's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.archive.database import LOCK_WAIT_S, SQLITE, ArchiveError, Database
from engine.config.model import ArchiveSettings, Installation


def database_of(site: Installation, waiting: Callable[[], object] | None = None) -> Database:
    """The site's archive, not yet checked; `waiting` as in `Database`. Raises `ArchiveError`."""
    if not site.archive.url:
        raise ArchiveError(
            "archive-none",
            "the site keeps no archive.",
            "Write `archive: {url: sqlite:var/archive.db}` in config.yaml.",
        )
    return Database(site.archive.url, site.root, _password(site.archive, site.root), waiting)


@contextmanager
def open_archive(site: Installation) -> Iterator[Database]:
    """The site's archive, checked, for a command, which says so if it waits. `ArchiveError`."""

    def say_waiting() -> None:
        until = f" for at most {LOCK_WAIT_S} s" if site.archive.url.startswith(SQLITE) else ""
        sys.stderr.write(f"The archive is locked by another process; waiting{until}.\n")

    database = database_of(site, say_waiting)
    try:
        database.check()
        yield database
    finally:
        database.close()


def signing_key_of(site: Installation) -> Path:
    """Where the ledger's signing key is."""
    return site.root / site.archive.signing_key_file


def _password(settings: ArchiveSettings, root: Path) -> str | None:
    if settings.password_env:
        found = os.environ.get(settings.password_env)
        if found is None:
            raise ArchiveError(
                "archive-password",
                f"the environment has no {settings.password_env}.",
                "Set it, or name another in archive.password_env.",
            )
        return found
    if settings.password_file:
        try:
            return (root / settings.password_file).read_text("utf-8").strip()
        except OSError as error:
            raise ArchiveError(
                "archive-password",
                f"the archive's password file cannot be read ({type(error).__name__}).",
                "Check archive.password_file.",
            ) from None
    return None
