"""The supervisor's conduct towards children that die, on fakes: no process is started here."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from engine.clock import SystemClock
from engine.errors import EngineError, Exit
from engine.logs import Log
from engine.net.control import DRAIN, Failed, Listening, encode
from engine.net.process import FIRST_WAIT_S, GROWN_S, LAST_WAIT_S, Restarts
from engine.net.supervisor import DRAIN_S, Supervisor


def test_the_first_death_is_mended_at_once() -> None:
    assert Restarts().wait_s(lived_s=1.0) == 0.0


def test_who_dies_young_again_and_again_waits_longer_each_time_up_to_a_bound() -> None:
    restarts = Restarts()
    waits = [restarts.wait_s(lived_s=1.0) for _ in range(12)]
    assert waits[:4] == [0.0, FIRST_WAIT_S, FIRST_WAIT_S * 2, FIRST_WAIT_S * 4]
    assert waits[-1] == LAST_WAIT_S


def test_who_lived_long_is_mended_at_once_again() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.wait_s(lived_s=1.0)
    assert restarts.wait_s(lived_s=GROWN_S) == 0.0


class FakeWorker:
    """A worker whose life a test scripts through `theirs`, its end of the control channel."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.control, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.exit_code: int | None = None
        self.killed = False
        self.drained_code = 0
        self.looks_to_drain = 0
        self.is_draining = False
        self.on_drain: Callable[[], None] = lambda: None

    def poll(self) -> int | None:
        if self.exit_code is None and not self.is_draining and self.heard() == DRAIN:
            self.is_draining = True
            self.on_drain()
        elif self.exit_code is None and self.is_draining:
            self.looks_to_drain -= 1
        if self.exit_code is None and self.is_draining and self.looks_to_drain <= 0:
            self.end(self.drained_code)
        return self.exit_code

    def kill(self) -> None:
        self.killed = True
        self.end(-9)

    def end(self, code: int) -> None:
        self.exit_code = code
        self.theirs.close()

    def heard(self) -> bytes:
        try:
            return self.theirs.recv(100)
        except (BlockingIOError, OSError):
            return b""


@dataclass
class FakeStore:
    """A store server that dies when told to."""

    pid: int = 99
    adopted: bool = False
    runs: bool = False
    starts: int = 0
    stops: int = 0

    def start(self) -> None:
        self.runs = True
        self.starts += 1

    def alive(self) -> bool:
        return self.runs

    def stop(self) -> None:
        self.runs = False
        self.stops += 1


@dataclass
class InterruptedStore(FakeStore):
    """Its server gets the terminal's Ctrl-C before it has left the terminal."""

    def start(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise EngineError("store-embedded-ended", "It ended while it started.", "See its log.")


@dataclass
class FakeReloads:
    """What comes of loading the site again: `outcomes`, one after the other."""

    outcomes: list[bool | Exception] = field(default_factory=list)
    number: int = 0

    @property
    def revision(self) -> str:
        return f"r{self.number}"

    def load_anew(self) -> bool:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        self.number += 1
        return outcome


@dataclass
class FakeBeside:
    """A process beside the worker, which ends as soon as it is told to."""

    done: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.done.append("start")

    def restart(self) -> None:
        self.done.append("restart")

    def look_after(self) -> None:
        pass

    def finished(self) -> bool:
        return True

    def end(self) -> None:
        self.done.append("end")


@dataclass
class Scene:
    """A supervisor on fakes. The n-th spawned worker does `script[n]`; the last ends the run."""

    script: list[Callable[[Scene, FakeWorker], None]]
    store: FakeStore = field(default_factory=FakeStore)
    workers: list[FakeWorker] = field(default_factory=list)
    announced: int = 0
    reloads: FakeReloads = field(default_factory=FakeReloads)
    beside: FakeBeside = field(default_factory=FakeBeside)
    now_s: Callable[[], float] = SystemClock().monotonic
    stream: io.StringIO = field(default_factory=io.StringIO)
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def spawn(self) -> FakeWorker:
        worker = FakeWorker(pid=len(self.workers) + 1)
        self.workers.append(worker)
        self.script[len(self.workers) - 1](self, worker)
        return worker

    def announce(self) -> None:
        self.announced += 1

    def run(self) -> int:
        supervisor = Supervisor(
            sockets=[self.listening],
            store=self.store,
            spawn=self.spawn,
            announce=self.announce,
            log=Log(self.stream, SystemClock()),
            monotonic=self.now_s,
            reloads=self.reloads,
            beside=self.beside,
        )
        try:
            return supervisor.run()
        finally:
            self.listening.close()
            for worker in self.workers:
                worker.theirs.close()

    def logged(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def events(self) -> list[object]:
        return [line["event"] for line in self.logged()]


def _listens(_scene: Scene, worker: FakeWorker) -> None:
    worker.theirs.sendall(encode(Listening()))


def _listens_and_dies(_scene: Scene, worker: FakeWorker) -> None:
    worker.theirs.sendall(encode(Listening()))
    worker.end(1)


def _ends_the_run(_scene: Scene, worker: FakeWorker) -> None:
    """As a person who presses Ctrl-C; a fake worker has nothing to drain."""
    worker.theirs.sendall(encode(Listening()))
    worker.end(0)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_worker_that_dies_is_replaced_and_the_sockets_stay_open() -> None:
    open_at_replacement = []

    def last(scene: Scene, worker: FakeWorker) -> None:
        open_at_replacement.append(scene.listening.fileno() >= 0)
        _ends_the_run(scene, worker)

    scene = Scene([_listens_and_dies, last])
    assert scene.run() == Exit.OK
    assert len(scene.workers) == 2
    assert open_at_replacement == [True]
    assert scene.events().count("worker_ended") == 1


def test_the_engine_is_announced_once() -> None:
    scene = Scene([_listens_and_dies, _ends_the_run])
    scene.run()
    assert scene.announced == 1


def test_a_worker_that_cannot_start_ends_the_engine_with_its_reason() -> None:
    def fails(_scene: Scene, worker: FakeWorker) -> None:
        worker.theirs.sendall(encode(Failed("store-unsafe", "It loses data.", "Mend it.", 5)))

    scene = Scene([fails])
    with pytest.raises(EngineError) as caught:
        scene.run()
    assert caught.value.code == "store-unsafe"
    assert caught.value.exit_code is Exit.STORE
    assert scene.workers[0].killed
    assert scene.store.stops == 1


def test_a_store_that_dies_is_started_again() -> None:
    def store_dies(scene: Scene, worker: FakeWorker) -> None:
        scene.store.runs = False
        worker.end(1)

    scene = Scene([store_dies, _ends_the_run])
    assert scene.run() == Exit.OK
    assert scene.store.starts == 2
    assert "store_ended" in scene.events()


def test_asked_to_end_it_tells_the_worker_closes_the_ports_and_stops_the_store_last() -> None:
    store_stops_when_drained: list[int] = []

    def asked(scene: Scene, worker: FakeWorker) -> None:
        _listens(scene, worker)
        worker.on_drain = lambda: store_stops_when_drained.append(scene.store.stops)
        os.kill(os.getpid(), signal.SIGTERM)

    scene = Scene([asked])
    assert scene.run() == Exit.OK
    assert store_stops_when_drained == [0]
    assert scene.store.stops == 1
    assert scene.listening.fileno() == -1
    assert scene.events()[-2:] == ["engine_draining", "engine_stopped"]


def test_asked_twice_it_ends_at_once_and_leaves_the_store_to_the_next_engine() -> None:
    def asked_twice(scene: Scene, worker: FakeWorker) -> None:
        _listens(scene, worker)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    scene = Scene([asked_twice])
    assert scene.run() == Exit.FAILED
    assert scene.workers[0].killed
    assert scene.store.stops == 0
    assert "engine_stopped" not in scene.events()


def _hung_up(_scene: Scene, worker: FakeWorker) -> None:
    """SIGHUP once it listens."""
    worker.theirs.sendall(encode(Listening()))
    os.kill(os.getpid(), signal.SIGHUP)


def test_another_site_gets_another_worker_once_the_former_one_has_drained() -> None:
    scene = Scene([_hung_up, _ends_the_run], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert len(scene.workers) == 2
    assert not scene.workers[0].killed
    assert scene.announced == 1
    assert scene.beside.done == ["start", "restart", "end"]
    assert "worker_ended" not in scene.events()
    assert '"revision": "r1", "event": "site_reloaded"' in scene.stream.getvalue()


REFUSED = EngineError("reload-wider", "It cannot be.")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (False, {"event": "site_reloaded", "revision": "r1"}),
        (REFUSED, {"event": "reload_refused", "code": "reload-wider"}),
        *(
            (
                error,
                {
                    "event": "reload_refused",
                    "code": "site-unreadable",
                    "error": type(error).__name__,
                },
            )
            for error in (PermissionError(), FileNotFoundError(), RecursionError(), KeyError("x"))
        ),
    ],
)
def test_what_changes_nothing_leaves_the_worker_alone(
    outcome: bool | Exception, said: dict[str, str]
) -> None:
    def hung_up_and_ended(scene: Scene, worker: FakeWorker) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        _ends_the_run(scene, worker)

    scene = Scene([hung_up_and_ended], reloads=FakeReloads([outcome]))
    assert scene.run() == Exit.OK
    assert scene.beside.done == ["start", "end"]
    (line,) = [one for one in scene.logged() if one["event"] in {"site_reloaded", "reload_refused"}]
    assert {name: line[name] for name in line if name not in {"at", "level", "where"}} == said


def test_a_worker_that_does_not_drain_for_the_next_one_is_ended_and_that_is_told() -> None:
    seconds = iter(range(0, 10_000, 5))

    def stubborn(scene: Scene, worker: FakeWorker) -> None:
        _hung_up(scene, worker)
        worker.theirs.shutdown(socket.SHUT_RD)  # never hears that it should

    scene = Scene(
        [stubborn, _ends_the_run],
        reloads=FakeReloads([True]),
        now_s=lambda: float(next(seconds)),
    )
    assert scene.run() == Exit.OK
    assert scene.workers[0].killed
    assert len(scene.workers) == 2
    assert [one["code"] for one in scene.logged() if one["event"] == "worker_ended"] == ["-9"]


def test_a_worker_that_dies_while_it_drains_for_the_next_one_is_told_and_counts() -> None:
    def dies_draining(scene: Scene, worker: FakeWorker) -> None:
        worker.drained_code = 1
        _hung_up(scene, worker)

    waits: list[float] = []
    clock = SystemClock()

    def last(scene: Scene, worker: FakeWorker) -> None:
        waits.append(clock.monotonic() - died_s[0])
        _ends_the_run(scene, worker)

    died_s: list[float] = []

    def dies(scene: Scene, worker: FakeWorker) -> None:
        died_s.append(clock.monotonic())
        _listens_and_dies(scene, worker)

    scene = Scene([dies_draining, dies, last], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert [one["code"] for one in scene.logged() if one["event"] == "worker_ended"] == ["1", "1"]
    assert waits[0] >= FIRST_WAIT_S  # the second that died young in a row


def test_a_second_site_during_one_drain_is_the_next_worker_s() -> None:
    revisions: list[str] = []

    def hung_up_twice(scene: Scene, worker: FakeWorker) -> None:
        worker.looks_to_drain = 2
        worker.on_drain = lambda: os.kill(os.getpid(), signal.SIGHUP)
        _hung_up(scene, worker)

    def last(scene: Scene, worker: FakeWorker) -> None:
        revisions.append(scene.reloads.revision)
        _ends_the_run(scene, worker)

    scene = Scene([hung_up_twice, last], reloads=FakeReloads([True, True]))
    assert scene.run() == Exit.OK
    assert revisions == ["r2"]
    assert not scene.workers[0].killed
    assert scene.beside.done == ["start", "restart", "restart", "end"]
    assert scene.events()[-6:] == [
        "worker_started",
        "site_reloaded",
        "site_reloaded",
        "worker_started",
        "engine_draining",
        "engine_stopped",
    ]


def test_asked_to_end_while_a_worker_is_replaced_it_lets_it_drain_and_starts_no_other() -> None:
    def asked_while_replaced(scene: Scene, worker: FakeWorker) -> None:
        worker.looks_to_drain = 2
        worker.on_drain = lambda: os.kill(os.getpid(), signal.SIGTERM)
        _hung_up(scene, worker)

    scene = Scene([asked_while_replaced], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert not scene.workers[0].killed
    assert scene.store.stops == 1
    assert scene.listening.fileno() == -1
    assert scene.events()[-3:] == ["site_reloaded", "engine_draining", "engine_stopped"]


def test_a_worker_that_is_replaced_has_the_time_of_an_end_once_the_engine_is_to_end() -> None:
    now_s = [0.0]

    def asked_late(scene: Scene, worker: FakeWorker) -> None:
        worker.looks_to_drain = 3

        def late() -> None:
            now_s[0] += DRAIN_S - 1
            os.kill(os.getpid(), signal.SIGTERM)

        worker.on_drain = late
        _hung_up(scene, worker)

    def clock() -> float:
        has_begun_to_end = scene.listening.fileno() == -1
        return now_s[0] + (2 if has_begun_to_end else 0)

    scene = Scene([asked_late], reloads=FakeReloads([True]), now_s=clock)
    assert scene.run() == Exit.OK
    assert not scene.workers[0].killed


def test_the_next_worker_is_watched_as_the_first_was() -> None:
    scene = Scene([_hung_up, _listens_and_dies, _ends_the_run], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert scene.events().count("worker_ended") == 1


def test_an_engine_that_ends_loads_nothing() -> None:
    def ended_and_hung_up(scene: Scene, worker: FakeWorker) -> None:
        _ends_the_run(scene, worker)
        os.kill(os.getpid(), signal.SIGHUP)

    scene = Scene([ended_and_hung_up])  # it has no outcome to give
    assert scene.run() == Exit.OK


def test_an_interrupt_that_also_meets_the_starting_store_is_an_end_in_order() -> None:
    scene = Scene([], store=InterruptedStore())
    assert scene.run() == Exit.OK
    assert scene.workers == []
