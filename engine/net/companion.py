"""A process beside the workers, such as the archiver: kept alive, never waited for.

Law: whether it runs changes nothing for messages. It is started again when it dies, later each
time while it dies young; it is told to finish only when the workers have, and ended when that takes
long.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.logs import Event, Log
from engine.net.control import DRAIN, Failed, Reports
from engine.net.process import NotStartedError, Restarts, Worker

#: How long it may take to finish what it has, in seconds.
FINISH_S = 10.0


class Companion:
    """One such process."""

    def __init__(
        self, spawn: Callable[[], Worker], log: Log, monotonic: Callable[[], float]
    ) -> None:
        self._spawn = spawn
        self._log = log
        self._monotonic = monotonic
        self._restarts = Restarts()
        self._process: Worker | None = None
        self._reports = Reports()
        self._started_s = 0.0
        self._again_at_s: float | None = None
        self._until_s: float | None = None

    def start(self) -> None:
        """Start it; again later, each time, where the system gives no process."""
        try:
            self._process = self._spawn()
        except NotStartedError as error:
            self._log(Event.ARCHIVER_FAILED, code=error.code)
            self._again_at_s = self._monotonic() + self._restarts.wait_s(0.0)
            return
        self._process.control.setblocking(False)
        self._reports = Reports()
        self._started_s = self._monotonic()
        self._again_at_s = None
        self._log(Event.ARCHIVER_STARTED, pid=self._process.pid)

    def restart(self) -> None:
        """Start it anew if it runs; one that is about to start does so anew by itself."""
        if self._process is not None:
            self.end()
            self.start()

    def look_after(self) -> None:
        """See how it does; called often."""
        now_s = self._monotonic()
        if self._process is not None:
            self._hear(self._process)
            code = self._process.poll()
            if code is None:
                return
            lived_s = now_s - self._started_s
            self._forget()
            if self._until_s is None:
                self._log(Event.ARCHIVER_ENDED, code=str(code), seconds=round(lived_s, 3))
                self._again_at_s = now_s + self._restarts.wait_s(lived_s)
        if self._until_s is None and self._again_at_s is not None and now_s >= self._again_at_s:
            self.start()

    def finished(self) -> bool:
        """Tell it to finish, the first time; whether it has ended, or has been ended."""
        if self._until_s is None:
            self._until_s = self._monotonic() + FINISH_S
            if self._process is not None:
                try:
                    self._process.control.sendall(DRAIN)
                except OSError:
                    self.end()
        self.look_after()
        if self._process is not None and self._monotonic() >= self._until_s:
            self.end()
        return self._process is None

    def end(self) -> None:
        """End it now; it may be killed at any instant."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def _hear(self, process: Worker) -> None:
        try:
            data = process.control.recv(65536)
        except OSError:
            return
        for report in self._reports.feed(data):
            if isinstance(report, Failed):
                self._log(Event.ARCHIVER_FAILED, code=report.code)

    def _forget(self) -> None:
        if self._process is not None:
            self._process.control.close()
            self._process = None
