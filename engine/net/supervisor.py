"""The supervisor: owns the listening sockets, and keeps a worker and a store alive behind them.

Law: no message passes through it, so nothing that a peer sends can end it. It never gives up on a
child that ran before, and never starts one in a storm: a child that dies young waits longer each
time. Asked to end, it lets the worker answer what is committed, then stops the store, then exits 0;
asked twice, it ends at once, and what was acknowledged is on disk all the same.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from engine.errors import EngineError, Exit
from engine.logs import Event, Log
from engine.net.control import DRAIN, Failed, Listening, Reports

#: How often children are looked at, in seconds; signals and reports wake it at once.
LOOK_S = 0.2

#: A child that lived this long, in seconds, did not die young.
GROWN_S = 60.0

#: The wait before the second restart of a child that dies young; it doubles up to the last.
FIRST_WAIT_S = 0.5
LAST_WAIT_S = 30.0

#: How long a worker may take to drain, in seconds, before it is ended.
DRAIN_S = 15.0

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoreServer(Protocol):
    """The store's server process, where it is ours to run."""

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""

    @property
    def adopted(self) -> bool:
        """It was found running, orphaned by an engine that was killed."""

    def start(self) -> None:
        """Start it, or adopt the one that runs; raises `StoreError`."""

    def alive(self) -> bool:
        """It runs."""

    def stop(self) -> None:
        """End it in order: everything on disk, then gone."""


class DiskReserve(Protocol):
    """Room on the store's disk that is kept for deliveries."""

    def look_after(self, *, store_ended: bool = False) -> bool | None:
        """Give it up (False) or take it back (True), if it is time."""


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


class Beside(Protocol):
    """A process that runs beside the workers: `engine.net.companion.Companion`."""

    def start(self) -> None:
        """Start it."""

    def look_after(self) -> None:
        """See how it does; called often."""

    def finished(self) -> bool:
        """Tell it to finish, the first time; whether it has ended."""

    def end(self) -> None:
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


@dataclass(slots=True)
class _Child:
    """What the supervisor remembers of one child."""

    restarts: Restarts
    started_s: float = 0.0
    again_at_s: float | None = None  # set while it is down


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
        beside: Beside | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self._beside = beside
        self._reserve = reserve
        self._sockets = sockets
        self._store = store
        self._spawn = spawn
        self._announce = announce
        self._log = log
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._worker: Worker | None = None
        self._reports = Reports()
        self._worker_child = _Child(Restarts())
        self._store_child = _Child(Restarts())
        self._announced = False
        self._drain_began_s: float | None = None
        self._drain_until_s: float | None = None
        self._hurried = False

    def run(self) -> int:
        """Start everything, watch it, end it; the exit code.

        Raises `EngineError` when the first worker says that it cannot work.
        """
        with _woken_by_signals(self._selector) as received:
            try:
                self._look_after_reserve()
                if not self._begin_store(received):
                    return Exit.OK
                self._start_worker()
                code = self._watch(received)
            finally:
                self._end_worker()
                if self._beside is not None:
                    self._beside.end()
                if self._store is not None and not self._hurried:
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
                    self._log(Event.RELOAD_UNSUPPORTED)
                elif self._drain_until_s is None:
                    self._begin_drain()
                else:
                    self._hurried = True  # the store goes on by itself, for the next engine
                    return Exit.FAILED
            self._look_after_reserve()
            self._look_after_store()
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
        self._worker_child.started_s = self._monotonic()
        self._worker_child.again_at_s = None
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
        child = self._worker_child
        if self._worker is not None:
            code = self._worker.poll()
            if code is None:
                return
            lived_s = now_s - child.started_s
            self._forget_worker(self._worker)
            if self._drain_until_s is not None:
                return
            self._log(Event.WORKER_ENDED, code=str(code), seconds=round(lived_s, 3))
            child.again_at_s = now_s + child.restarts.wait_s(lived_s)
        if child.again_at_s is not None and now_s >= child.again_at_s:
            self._start_worker()

    def _forget_worker(self, worker: Worker) -> None:
        if worker.control in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(worker.control)
        worker.control.close()
        self._worker = None

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._forget_worker(self._worker)

    # --- the store ----------------------------------------------------------------------------

    def _start_store(self, store: StoreServer) -> None:
        store.start()
        self._store_child.started_s = self._monotonic()
        self._store_child.again_at_s = None
        self._log(Event.STORE_ADOPTED if store.adopted else Event.STORE_STARTED, pid=store.pid)

    def _begin_store(self, received: Callable[[], list[int]]) -> bool:
        """The first start; False when we are told to end meanwhile.

        A server that has just been forked may get a Ctrl-C that is for us: then it is no failure.
        """
        if self._store is None:
            return True
        try:
            self._start_store(self._store)
        except EngineError:
            if set(ENDING_SIGNALS).isdisjoint(received()):
                raise
            return False
        return True

    def _look_after_store(self) -> None:
        store, child, now_s = self._store, self._store_child, self._monotonic()
        if store is None or (child.again_at_s is None and store.alive()):
            return
        if child.again_at_s is None:
            lived_s = now_s - child.started_s
            self._log(Event.STORE_ENDED, seconds=round(lived_s, 3))
            self._look_after_reserve(store_ended=True)
            child.again_at_s = now_s + child.restarts.wait_s(lived_s)
        if now_s >= child.again_at_s:
            try:
                self._start_store(store)
            except EngineError as error:
                self._log.failure(Event.STORE_ENDED, error)
                self._look_after_reserve(store_ended=True)
                child.again_at_s = self._monotonic() + child.restarts.wait_s(0.0)

    def _look_after_reserve(self, *, store_ended: bool = False) -> None:
        if self._reserve is None:
            return
        is_back = self._reserve.look_after(store_ended=store_ended)
        if is_back is not None:
            self._log(Event.DISK_RESERVED if is_back else Event.DISK_FULL)

    # --- the end ------------------------------------------------------------------------------

    def _begin_drain(self) -> None:
        self._log(Event.ENGINE_DRAINING)
        self._drain_began_s = self._monotonic()
        self._drain_until_s = self._drain_began_s + DRAIN_S
        for listening in self._sockets:
            listening.close()
        self._worker_child.again_at_s = None
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


class WorkerProcess:
    """A worker as a child process of its own session, so that a terminal's Ctrl-C is ours alone."""

    def __init__(self, command: Sequence[str], inherited: Sequence[int], plan: bytes) -> None:
        """Start `command` with the descriptors in `inherited`, and `plan` on standard input.

        The worker's end of the control channel is passed as its last argument.
        """
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[*inherited, theirs.fileno()],
                start_new_session=True,
            )
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


def _as_error(report: Failed) -> EngineError:
    error = EngineError(report.code, report.what, report.mend)
    error.exit_code = Exit(report.exit_code)
    return error


@contextmanager
def _woken_by_signals(selector: selectors.BaseSelector) -> Iterator[Callable[[], list[int]]]:
    """Let signals wake the selector; the function gives those that came, in order."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    former_descriptor = signal.set_wakeup_fd(writing)
    numbers = (*ENDING_SIGNALS, signal.SIGHUP)
    former = {number: signal.signal(number, _do_nothing) for number in numbers}
    selector.register(reading, selectors.EVENT_READ)

    def received() -> list[int]:
        try:
            return list(os.read(reading, 64))
        except BlockingIOError:
            return []

    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_descriptor)
        os.close(reading)
        os.close(writing)


def _do_nothing(_number: int, _frame: object) -> None:
    """The wake-up pipe carries the signal; a handler must exist for it to be written."""
