"""The demo's child processes: the engine and the insurers, started as a person would start them.

Law: whoever starts a process here ends it here: asked first, then made to. Each has a process
group of its own, so that Ctrl-C reaches the demo alone, which ends them in order, and so that
nothing a child started is left behind.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO

from engine.errors import EngineError

#: How long a process may take to end when asked to.
_ENDING_S = 20.0


class Child:
    """One `payergate` command as a process. Its output goes to files in `logs`."""

    def __init__(self, name: str, arguments: Sequence[str], logs: pathlib.Path) -> None:
        self.name = name
        self.output = logs / f"{name}.out"
        self.errors = logs / f"{name}.err"
        with contextlib.ExitStack() as files:
            output = files.enter_context(self.output.open("wb"))
            errors = files.enter_context(self.errors.open("wb"))
            self._process = _start(arguments, output, errors)

    @property
    def alive(self) -> bool:
        """It runs."""
        return self._process.poll() is None

    def line(self, marker: str, timeout_s: float) -> str:
        """Wait for a line of its output that holds `marker`.

        Raises `EngineError` when it ends before, or says nothing for `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            alive = self.alive
            for line in self.output.read_text("utf-8", "replace").splitlines(keepends=True):
                if marker in line and line.endswith("\n"):
                    return line
            if not alive:
                break
            time.sleep(0.02)
        raise EngineError(
            "demo-child",
            f"The process {self.name!r} did not get ready.",
            f"What it said is in {self.errors}.",
        )

    def end(self) -> bool:
        """Ask it to end, wait, and make sure; answers whether it ended in order.

        That is with code 0, or by our own signal where it had not yet begun to listen to any.
        """
        in_order = {0}
        if self.alive:
            self._process.terminate()
            in_order.add(-signal.SIGTERM)
        try:
            code = self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        return code in in_order


def _start(
    arguments: Sequence[str], output: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command, our own arguments
        [sys.executable, "-m", "engine.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )
