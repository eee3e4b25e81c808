"""One engine to one var/ folder.

Law: the lock is the kernel's, on an open file that no child inherits, so that it is gone in the
instant in which its engine is, however that ended. The file holds the engine's process id, for
people; nobody decides anything from it.
"""

from __future__ import annotations

import fcntl
import os
import pathlib

from engine.errors import EngineError

NAME = "engine.lock"


class VarLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, var: pathlib.Path) -> None:
        self._path = var / NAME
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock; raises `EngineError` naming the process that has it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise EngineError(
                "engine-running",
                f"An engine, process {pid or 'unknown'}, already runs on {self._path.parent}.",
                f"Stop it first (kill {pid or 'PID'}), or give this site a var folder of its own.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go, for the next engine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
