"""A var/ folder belongs to one engine at a time.

Law: two engines that are pointed at one var/ would deliver twice and fight over sockets; the
second does not start. The lock is the kernel's: it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from engine.errors import StoreError
from engine.store.machine import private_folder

#: How long an engine waits for a command that is stopping the store it had started, in seconds.
PATIENCE_S = 3.0
_POLL_S = 0.05


class VarLock:
    """The engine's hold on its var/ folder; released by `release` or by the process's end."""

    def __init__(self, var: Path, patience_s: float = 0.0) -> None:
        """Take it, within `patience_s`.

        Raises `StoreError`: `var-in-use` when another process has it, `store-folder` when it
        cannot be written.
        """
        private_folder(var)
        private_folder(var / "run")
        deadline_s = time.monotonic() + patience_s
        self._lock = _opened(var / "run" / "engine.lock")
        while not _taken(self._lock, fcntl.LOCK_EX):
            if time.monotonic() < deadline_s:
                time.sleep(_POLL_S)
                continue
            owner = os.pread(self._lock, 32, 0).decode().strip() or "unknown"
            os.close(self._lock)
            raise StoreError(
                "var-in-use",
                f"another engine (process {owner}) uses {var}.",
                "Stop it first. Another engine needs a site folder of its own.",
            )
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another engine have the folder."""
        os.close(self._lock)


def has_engine(var: Path) -> bool:
    """Whether an engine has the folder; changes nothing."""
    path = var / "run" / "engine.lock"
    if not path.exists():
        return False
    lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not _taken(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


class StoreUse:
    """A command's use of the embedded store of a var/ folder, beside that of other commands.

    Whoever started the server stops it, but only alone: not under another command, and not under an
    engine that has begun meanwhile and took the server for its own.
    """

    def __init__(self, var: Path) -> None:
        """Begin."""
        self._var = var
        private_folder(var)
        private_folder(var / "run")
        self._lock = _opened(var / "run" / "commands.lock")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def alone(self) -> VarLock | None:
        """The folder's lock if nobody else uses the store; while it is held, no engine begins."""
        if not _taken(self._lock, fcntl.LOCK_EX):
            return None
        try:
            return VarLock(self._var)
        except StoreError:
            return None

    def end(self) -> None:
        """It is over."""
        os.close(self._lock)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            "store-folder",
            f"{path} cannot be written ({error.strerror}).",
            "Mount its disk for writing, and let the engine's user write there.",
        ) from error


def _taken(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
