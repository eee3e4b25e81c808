"""The supervisor: owns the listening sockets, and keeps a worker and a store alive behind them.

Law: no message passes through it, so nothing that a peer sends can end it. It never gives up on a
child that ran before, and never starts one in a storm: a child that dies young waits longer each
time. A site that is loaded anew gets another worker once the former one has drained; the listening
sockets stay open meanwhile. Asked to end, it lets the worker answer what is committed, then stops
the store, then exits 0; asked twice, it ends at once, and what was acknowledged is on disk all the
same.
"""

from __future__ import annotations

import selectors
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from engine.errors import EngineError, Exit
from engine.logs import Event, Log
from engine.net.control import DRAIN, Failed, Listening, Reports
from engine.net.kept_store import DiskReserve, KeptStore, StoreServer
from engine.net.process import NotStartedError, Restarts, Worker
from engine.net.signals import ENDING_SIGNALS, woken_by_signals

#: How often children are looked at, in seconds; signals and reports wake it at once.
LOOK_S = 0.2

#: How long a worker may take to drain, in seconds, before it is ended.
DRAIN_S = 15.0


class Beside(Protocol):
    """A process that runs beside the workers: `engine.net.companion.Companion`."""

    def start(self) -> None:
        """Start it."""

    def restart(self) -> None:
        """Start it anew, if it runs."""

    def look_after(self) -> None:
        """See how it does; called often."""

    def finished(self) -> bool:
        """Tell it to finish, the first time; whether it has ended."""

    def end(self) -> None:
        """End it now."""


class Reloads(Protocol):
    """The site in force, and how it is loaded anew: `engine.cli.reloading.RunningSite`."""

    @property
    def revision(self) -> str:
        """Of the policy in force."""

    @property
    def place(self) -> str:
        """Where in the files the last refusal was, `file:line:column`; empty: in no one place."""

    def load_anew(self) -> bool:
        """Put the site's files in force; whether they changed. If it raises, the former stay."""


class Supervisor:
    """Runs until it is told to end. `announce` is called once, when the first worker listens."""

    def __init__(
        self,
        *,
        sockets: Sequence[socket.socket],
        store: StoreServer | None,
        spawn: Callable[[], Worker],
        announce: Callable[[], None],
        log: Log,
        monotonic: Callable[[], float],
        reloads: Reloads,
        beside: Beside | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self._beside = beside
        self._sockets = sockets
        self._store = KeptStore(store, reserve, log, monotonic)
        self._spawn = spawn
        self._reloads = reloads
        self._announce = announce
        self._log = log
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._worker: Worker | None = None
        self._reports = Reports()
        self._restarts = Restarts()
        self._started_s = 0.0
        self._again_at_s: float | None = None  # set while there is no worker
        self._replace_until_s: float | None = None  # set while a worker drains for the next one
        self._announced = False
        self._drain_began_s: float | None = None
        self._drain_until_s: float | None = None
        self._hurried = False

    def run(self) -> int:
        """Start everything, watch it, end it; the exit code.

        Raises `EngineError` when the first worker cannot be started, or says that it cannot work.
        """
        with woken_by_signals(self._selector) as received:
            try:
                if not self._begin_store(received):
                    return Exit.OK
                self._start_worker()  # the first: what keeps it from starting is the end's reason
                code = self._watch(received)
            finally:
                self._end_worker()
                if self._beside is not None:
                    self._beside.end()
                if not self._hurried:
                    self._store.stop()
                self._selector.close()
        if self._drain_began_s is not None and not self._hurried:
            took_s = self._monotonic() - self._drain_began_s
            self._log(Event.ENGINE_STOPPED, seconds=round(took_s, 3))
        return code

    def _watch(self, received: Callable[[], list[int]]) -> int:
        while True:
            for key, _ in self._selector.select(LOOK_S):
                if key.data is not None:
                    self._hear(key.data)
            for number in received():
                if number == signal.SIGHUP:
                    self._reload()
                elif self._drain_until_s is None:
                    self._begin_drain()
                else:
                    self._hurried = True  # the store goes on by itself, for the next engine
                    return Exit.FAILED
            self._store.look_after()
            self._look_after_worker()
            if self._beside is not None and self._drain_until_s is None:
                self._beside.look_after()
            if self._drain_until_s is not None and self._drained(self._drain_until_s):
                return Exit.OK

    # --- the worker ---------------------------------------------------------------------------

    def _start_worker(self) -> None:
        worker = self._spawn()
        self._worker = worker
        self._reports = Reports()
        self._started_s = self._monotonic()
        self._again_at_s = None
        self._selector.register(worker.control, selectors.EVENT_READ, worker)
        self._log(Event.WORKER_STARTED, pid=worker.pid)

    def _hear(self, worker: Worker) -> None:
        """Read what the worker reports; nothing more comes once it has ended."""
        try:
            data = worker.control.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(worker.control)
            return
        for report in self._reports.feed(data):
            if isinstance(report, Listening) and not self._announced:
                self._announced = True
                self._announce()
                if self._beside is not None:
                    self._beside.start()  # only now: it would slow the start of what matters
            elif isinstance(report, Failed) and not self._announced:
                raise _as_error(report)
            elif isinstance(report, Failed):
                self._log(Event.WORKER_FAILED, code=report.code)

    def _look_after_worker(self) -> None:
        now_s = self._monotonic()
        if self._worker is not None:
            code = self._worker.poll()
            if code is None:
                if self._replace_until_s is not None and now_s >= self._replace_until_s:
                    self._worker.kill()
                return
            lived_s = now_s - self._started_s
            self._forget_worker(self._worker)
            if self._drain_until_s is not None:
                return
            has_drained = self._replace_until_s is not None and code == Exit.OK
            self._replace_until_s = None
            if has_drained:
                self._again_at_s = now_s
            else:
                self._log(Event.WORKER_ENDED, code=str(code), seconds=round(lived_s, 3))
                self._again_at_s = now_s + self._restarts.wait_s(lived_s)
        if self._again_at_s is not None and now_s >= self._again_at_s:
            self._try_worker()

    def _try_worker(self) -> None:
        """Start another one; the system may refuse, and is asked again later each time."""
        try:
            self._start_worker()
        except NotStartedError as error:
            self._log(Event.WORKER_FAILED, code=error.code)
            self._again_at_s = self._monotonic() + self._restarts.wait_s(0.0)

    def _forget_worker(self, worker: Worker) -> None:
        if worker.control in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(worker.control)
        worker.control.close()
        self._worker = None

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._forget_worker(self._worker)

    # --- another site ---------------------------------------------------------------------------

    def _reload(self) -> None:
        """Load the site anew; what it was stays in force if that cannot be, whatever the reason.

        Nobody looks after the children meanwhile, and a signal waits; the worker goes on. That
        takes about a second of processor time for 60 channels and 400 rules where some profiles
        change, and about six where the conditions of all of them do.
        """
        if self._drain_until_s is not None:
            return
        try:
            is_other = self._reloads.load_anew()
        except EngineError as error:
            place = self._reloads.place
            self._log(Event.RELOAD_REFUSED, code=error.code, **({"place": place} if place else {}))
            return
        except Exception as error:  # noqa: BLE001 - no file may end an engine that runs
            self._log.failure(Event.RELOAD_REFUSED, error, code="site-unreadable")
            return
        self._log(Event.SITE_RELOADED, revision=self._reloads.revision)
        if is_other:
            self._replace_worker()
            if self._beside is not None:
                self._beside.restart()

    def _replace_worker(self) -> None:
        """Let the worker drain; the next one, with the site as it is now, comes once it has."""
        if self._worker is not None and self._replace_until_s is None:
            self._replace_until_s = self._monotonic() + DRAIN_S
            with suppress(OSError):  # it has ended already, and is found so
                self._worker.control.sendall(DRAIN)

    # --- the beginning and the end --------------------------------------------------------------

    def _begin_store(self, received: Callable[[], list[int]]) -> bool:
        """The first start; False when we are told to end meanwhile.

        A server that has just been forked may get a Ctrl-C that is for us: then it is no failure.
        """
        try:
            self._store.begin()
        except EngineError:
            if set(ENDING_SIGNALS).isdisjoint(received()):
                raise
            return False
        return True

    def _begin_drain(self) -> None:
        self._log(Event.ENGINE_DRAINING)
        self._drain_began_s = self._monotonic()
        self._drain_until_s = self._drain_began_s + DRAIN_S
        self._replace_until_s = None  # no other comes, and this one has the time of the end
        for listening in self._sockets:
            listening.close()
        self._again_at_s = None
        if self._worker is not None:
            try:
                self._worker.control.sendall(DRAIN)
            except OSError:
                self._end_worker()

    def _drained(self, until_s: float) -> bool:
        if self._worker is not None and self._monotonic() >= until_s:
            self._end_worker()
        if self._worker is not None:
            return False
        return self._beside is None or self._beside.finished()


def _as_error(report: Failed) -> EngineError:
    error = EngineError(report.code, report.what, report.mend)
    error.exit_code = Exit(report.exit_code)
    return error
