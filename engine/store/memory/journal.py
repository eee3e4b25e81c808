"""What arrived, as long as it is kept, and the ledger of what became of it.

Law: content is kept while a part of it is unfinished, and where there is an archive until that
lets go of it; a position of the ledger is never given twice.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from engine.store.port import (
    Backlog,
    Contents,
    Fetch,
    KeepForArchive,
    LetGo,
    ReadLedger,
    Unarchived,
    Unfinished,
)


class Journal:
    """Content by receipt, the parts of it that are unfinished, and the ledger."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.kept: dict[str, bytes] = {}
        self.ledger: list[tuple[int, bytes]] = []  # when, and the record
        self._pending: dict[str, int] = {}
        self._let_go = 0  # how many records are gone
        self._archives = False
        self._head = ""

    def keep(self, receipt: str, sealed: bytes, parts: int) -> None:
        """Keep what arrived, of which `parts` are unfinished."""
        if parts or self._archives:
            self.kept[receipt] = sealed
        if parts:
            self._pending[receipt] = parts

    def keep_again(self, receipt: str, sealed: bytes, parts: int) -> None:
        """Keep what arrived once, of which `parts` more are unfinished."""
        if parts:
            self.kept[receipt] = sealed
            self._pending[receipt] = self._pending.get(receipt, 0) + parts

    def finish(self, receipt: str, parts: int) -> None:
        """So many more parts are done; below nothing, so many were added."""
        self._pending[receipt] -= parts
        if not self._pending[receipt]:
            del self._pending[receipt]
            if not self._archives:
                del self.kept[receipt]

    def write(self, record: bytes) -> None:
        """Add `record` to the ledger."""
        self.ledger.append((self._now_ms(), record))

    def fetch(self, op: Fetch) -> bytes | None:
        """What arrived under one receipt."""
        return self.kept.get(op.receipt)

    def read(self, op: ReadLedger) -> tuple[tuple[str, bytes], ...]:
        """The records after a position, oldest first."""
        after = max(int(op.after or 0), self._let_go)
        start = after - self._let_go
        found = enumerate(islice(self.ledger, start, start + op.limit), after + 1)
        return tuple((str(position), record) for position, (_, record) in found)

    # --- what an archive asks ---

    def keep_for_archive(self, op: KeepForArchive) -> None:
        """From now on finished content is kept, or no longer."""
        self._archives = op.on

    def contents(self, op: Contents) -> tuple[bytes | None, ...]:
        """What arrived under several receipts, as much as may go in one answer."""
        found: list[bytes | None] = []
        size_bytes = 0
        for receipt in op.receipts:
            sealed = self.kept.get(receipt)
            size_bytes += len(sealed or b"")
            if size_bytes > op.limit_bytes and found:
                break
            found.append(sealed)
        return tuple(found)

    def let_go(self, op: LetGo) -> None:
        """Forget what an archive has."""
        gone = max(0, int(op.upto) - self._let_go)
        del self.ledger[:gone]
        self._let_go += gone
        for receipt in op.receipts:
            if receipt not in self._pending:
                self.kept.pop(receipt, None)
        self._head = op.head or self._head

    def backlog(self, _: Backlog) -> Unarchived:
        """How much an archive has yet to take."""
        oldest_ms = self.ledger[0][0] if self.ledger else 0
        return Unarchived(len(self.ledger), oldest_ms, self._head)

    def unfinished(self, _: Unfinished) -> tuple[str, ...]:
        """All receipts with unfinished parts, as the one and last page."""
        return ("", *self._pending)
