"""Room on the disk that is kept for deliveries: a file to be given up when there is no other.

Law: what was acknowledged can be delivered although the disk is full, and delivering needs writes.
So messages are refused before the disk is full, and a file of some size is kept beside the store;
when it is full all the same, because others filled it, the file is emptied, and what it held is for
deliveries alone. While it is not there in full, no message is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from engine.store.port import (
    Accept,
    Operation,
    Result,
    Store,
    StoreFull,
)

#: The reserve is given up when less than this share of its size is free.
_LAST_SHARE = 8

#: What a server that ended must be able to write, in bytes, if it did not end for lack of room.
_PROBE_BYTES = 1024 * 1024


class DiskShort(StoreFull):
    """There is no room on the disk for more messages; lanes still drain."""

    def __init__(self, results: Sequence[Result], refused: Sequence[int]) -> None:
        super().__init__(results, refused)
        self.code = "store-disk-full"
        self.what = "the disk of var/ is full: no messages are taken; what is queued is delivered."
        self.mend = "Make room on that disk; the engine goes on by itself."


class Reserve:
    """The reserve of one var/ folder; `size_bytes` 0: none is kept, and nothing is refused."""

    def __init__(self, var: Path, size_bytes: int) -> None:
        self._folder = var
        self._file = var / "reserve"
        self._size_bytes = size_bytes
        self._was_short = False

    def is_held(self) -> bool:
        """The file is there in full."""
        try:
            return self._file.stat().st_size >= self._size_bytes
        except OSError:
            return not self._size_bytes

    def is_made(self) -> bool:
        """An engine has run here, and has kept it or would have."""
        return self._file.exists()

    def is_short(self) -> bool:
        """Whether a message must be refused; for a while yet when there is only just room again."""
        if not self._size_bytes:
            return False
        enough_bytes = self._size_bytes * 3 // 2 if self._was_short else self._size_bytes
        self._was_short = not self.is_held() or self._free_bytes() < enough_bytes
        return self._was_short

    def look_after(self, *, store_ended: bool = False) -> bool | None:
        """Give it up or take it back, if it is time. True: it is back, False: it is given up.

        `store_ended`: the server has just ended by itself.
        """
        if not self._size_bytes:
            return None
        free_bytes = self._free_bytes()
        if self.is_held():
            is_last = free_bytes < self._size_bytes // _LAST_SHARE
            if is_last or (store_ended and not self._can_write()):
                self._empty()
                return False
        else:
            was_told = self.is_made()
            if free_bytes >= 2 * self._size_bytes and not store_ended and self._fill():
                return True
            if not was_told:
                self._empty()
                return False
        return None

    def _fill(self) -> bool:
        try:
            with self._file.open("ab") as file:
                self._file.chmod(0o600)
                os.posix_fallocate(file.fileno(), 0, self._size_bytes)
        except OSError:  # a quota, or somebody was quicker
            self._empty()
            return False
        return True

    def _empty(self) -> None:
        with suppress(OSError), self._file.open("wb"):
            self._file.chmod(0o600)

    def _free_bytes(self) -> int:
        try:
            found = os.statvfs(self._folder)
        except OSError:  # nobody knows, so there is none
            return 0
        return found.f_bavail * found.f_frsize

    def _can_write(self) -> bool:
        """Also where a quota says no."""
        probe = self._folder / "probe"
        try:
            with probe.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _PROBE_BYTES)
        except OSError:
            return False
        finally:
            probe.unlink(missing_ok=True)
        return True


class ReservingStore:
    """Implements `engine.store.port.Store` over another one: refuses messages for want of disk."""

    def __init__(self, store: Store, reserve: Reserve) -> None:
        self._store = store
        self._reserve = reserve

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        """As the store beneath prepares it, or without its messages."""
        refused = [n for n, operation in enumerate(batch) if isinstance(operation, Accept)]
        if not refused or not self._reserve.is_short():
            return self._store.prepare(batch)
        others = [operation for operation in batch if not isinstance(operation, Accept)]
        return partial(_refuse, self._store.prepare(others), len(batch), refused)

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        """Do all of `batch`, or all but its messages."""
        return self.prepare(batch)()

    def close(self) -> None:
        """Let go of the store beneath."""
        self._store.close()


def _refuse(
    call: Callable[[], list[Result]], operations: int, refused: Sequence[int]
) -> list[Result]:
    done = iter(call())
    raise DiskShort([None if n in refused else next(done) for n in range(operations)], refused)
