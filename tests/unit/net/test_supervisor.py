"""The supervisor's conduct towards children that die, on fakes: no process is started here."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from engine.errors import EngineError, Exit
from engine.net.control import Failed, encode
from engine.net.process import (
    FIRST_WAIT_S,
    GROWN_S,
    LAST_WAIT_S,
    NotStartedError,
    Restarts,
    WorkerProcess,
)
from tests.support.supervised import (
    FakeWorker,
    InterruptedStore,
    Scene,
    ends_the_run,
    listens,
    listens_and_dies,
)


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


def test_a_worker_that_dies_is_replaced_and_the_sockets_stay_open() -> None:
    open_at_replacement = []

    def last(scene: Scene, worker: FakeWorker) -> None:
        open_at_replacement.append(scene.listening.fileno() >= 0)
        ends_the_run(scene, worker)

    scene = Scene([listens_and_dies, last])
    assert scene.run() == Exit.OK
    assert len(scene.workers) == 2
    assert open_at_replacement == [True]
    assert scene.events().count("worker_ended") == 1


def test_the_engine_is_announced_once() -> None:
    scene = Scene([listens_and_dies, ends_the_run])
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


def test_a_first_worker_that_the_system_does_not_start_ends_the_engine_with_a_code() -> None:
    def no_process(_scene: Scene, worker: FakeWorker) -> None:
        worker.control.close()  # there is none
        raise NotStartedError(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))

    scene = Scene([no_process])
    with pytest.raises(EngineError) as caught:
        scene.run()
    assert caught.value.code == "process-not-started"
    assert "Resource temporarily unavailable" in caught.value.what
    assert scene.store.stops == 1


def test_a_later_worker_that_the_system_does_not_start_is_tried_again() -> None:
    def no_process(_scene: Scene, worker: FakeWorker) -> None:
        worker.control.close()  # there is none
        raise NotStartedError(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))

    scene = Scene([listens_and_dies, no_process, ends_the_run])
    assert scene.run() == Exit.OK
    failed = [one["code"] for one in scene.logged() if one["event"] == "worker_failed"]
    assert failed == ["process-not-started"]
    assert len(scene.workers) == 3


def test_a_command_that_cannot_be_run_is_told_by_its_code_and_leaves_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NotStartedError):
        WorkerProcess(["/nowhere/python"], inherited=[], plan=b"")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_store_that_dies_is_started_again() -> None:
    def store_dies(scene: Scene, worker: FakeWorker) -> None:
        scene.store.runs = False
        worker.end(1)

    scene = Scene([store_dies, ends_the_run])
    assert scene.run() == Exit.OK
    assert scene.store.starts == 2
    assert "store_ended" in scene.events()


def test_asked_to_end_it_tells_the_worker_closes_the_ports_and_stops_the_store_last() -> None:
    store_stops_when_drained: list[int] = []

    def asked(scene: Scene, worker: FakeWorker) -> None:
        listens(scene, worker)
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
        listens(scene, worker)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    scene = Scene([asked_twice])
    assert scene.run() == Exit.FAILED
    assert scene.workers[0].killed
    assert scene.store.stops == 0
    assert "engine_stopped" not in scene.events()


def test_an_interrupt_that_also_meets_the_starting_store_is_an_end_in_order() -> None:
    scene = Scene([], store=InterruptedStore())
    assert scene.run() == Exit.OK
    assert scene.workers == []
