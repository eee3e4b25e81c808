"""A var/ folder belongs to one engine at a time.

Law: two engines that are pointed at one var/ would deliver twice and fight over sockets; the
second does not start. The lock is the kernel's: it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.errors import StoreError
from engine.store.machine import private_folder


class VarLock:
    """The engine's hold on its var/ folder; released by `release` or by the process's end."""

    def __init__(self, var: Path) -> None:
        """Take it. Raises `StoreError` (`var-in-use`) when another process has it."""
        private_folder(var / "run")
        self._lock = os.open(
            var / "run" / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 32, 0).decode().strip() or "unknown"
            os.close(self._lock)
            raise StoreError(
                "var-in-use",
                f"another engine (process {owner}) uses {var}.",
                "Stop it first, or give this engine a var folder of its own.",
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another engine have the folder."""
        os.close(self._lock)
