"""A child process as the supervisor sees it, and when it is started again.

Law: a child that ran before is never given up, and never started in a storm: one that dies young
waits longer each time.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from typing import Protocol

from engine.errors import EngineError

#: A child that lived this long, in seconds, did not die young.
GROWN_S = 60.0

#: The wait before the second restart of a child that dies young; it doubles up to the last.
FIRST_WAIT_S = 0.5
LAST_WAIT_S = 30.0


class NotStartedError(EngineError):
    """The system gave no process or no descriptors for a child."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            "process-not-started",
            f"A process of the engine could not be started ({error.strerror or 'no reason'}).",
            "See the limits of processes, open files and memory of the engine's user (`ulimit -a`)"
            " and of its unit or container.",
        )


class Worker(Protocol):
    """A worker process, seen from here."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def control(self) -> socket.socket:
        """Our end of the socket pair."""

    def poll(self) -> int | None:
        """Its exit code once it has ended, else None."""

    def kill(self) -> None:
        """End it now."""


class Restarts:
    """How long to wait before the next restart of one child."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def wait_s(self, lived_s: float) -> float:
        """A child that lived `lived_s` has died: 0, then doubling while they die young."""
        self._in_a_row = 0 if lived_s >= GROWN_S else self._in_a_row + 1
        if self._in_a_row <= 1:
            return 0.0
        return min(FIRST_WAIT_S * 2.0 ** (self._in_a_row - 2), LAST_WAIT_S)


class WorkerProcess:
    """A worker as a child process of its own session, so that a terminal's Ctrl-C is ours alone."""

    def __init__(self, command: Sequence[str], inherited: Sequence[int], plan: bytes) -> None:
        """Start `command` with the descriptors in `inherited`, and `plan` on standard input.

        The worker's end of the control channel is passed as its last argument. Raises
        `NotStartedError`; nothing is left open then.
        """
        try:
            self._control, theirs = socket.socketpair()
        except OSError as error:
            raise NotStartedError(error) from None
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [*command, str(theirs.fileno())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[*inherited, theirs.fileno()],
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                raise NotStartedError(error) from None
        stdin = self._process.stdin
        if stdin is not None:
            try:
                stdin.write(plan)
                stdin.close()
            except BrokenPipeError:
                self.kill()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def control(self) -> socket.socket:
        """Our end of the socket pair."""
        return self._control

    def poll(self) -> int | None:
        """Its exit code once it has ended, else None."""
        return self._process.poll()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.wait()
