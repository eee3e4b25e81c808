"""What an archive asks: the ledger and messages that are done with, then that they may go.

Law: nothing leaves the store for an archive before `LetGo` names it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeepForArchive:
    """Say whether an archive takes what is done with. Answers None.

    While one does, no message leaves the store before `LetGo` names it, final or not, and a
    message that no channel gets is kept, too. Ledger records leave by `LetGo` only, always.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """The sealed messages of `receipts`, in order: a tuple, None for one that is not there.

    It ends before the message that would make it larger than `limit_bytes`, but never before the
    first, so that no answer stalls the store; ask again for the rest.
    """

    receipts: tuple[str, ...]
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """An archive has the ledger up to the position `upto`, durably: the store may forget it.

    Of `receipts`, the messages go of which every channel is final; the records that make others
    final come later and name them again. `head` is what the archive says of itself then (no PHI);
    the last one is kept, so that an archive that has lost its end is found out. Answers None.
    """

    upto: str
    receipts: tuple[str, ...] = ()
    head: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Ask how much an archive has yet to take; answers `Unarchived`. Changes nothing."""


@dataclass(frozen=True, slots=True)
class Unarchived:
    """Ledger records in the store, since when (Unix milliseconds; 0: none), and the last head."""

    records: int
    oldest_ms: int
    head: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Ask which messages have parts that are not final, a page at a time; changes nothing.

    Answers a tuple of texts: where the next page begins, empty after the last one, then receipts.
    Whatever is unfinished from the first page to the last is in one of them, perhaps in several.
    """

    page: str = ""
