"""The supervisor's conduct when the site is to be loaded anew, on fakes."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from engine.clock import SystemClock
from engine.errors import EngineError, Exit
from engine.net.process import FIRST_WAIT_S
from engine.net.supervisor import DRAIN_S
from tests.support.supervised import (
    FakeReloads,
    FakeWorker,
    Scene,
    ends_the_run,
    listens,
    listens_and_dies,
)


def hung_up(scene: Scene, worker: FakeWorker) -> None:
    """SIGHUP once it listens."""
    listens(scene, worker)
    os.kill(os.getpid(), signal.SIGHUP)


def test_another_site_gets_another_worker_once_the_former_one_has_drained() -> None:
    scene = Scene([hung_up, ends_the_run], reloads=FakeReloads([True]))
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
        ends_the_run(scene, worker)

    scene = Scene([hung_up_and_ended], reloads=FakeReloads([outcome]))
    assert scene.run() == Exit.OK
    assert scene.beside.done == ["start", "end"]
    (line,) = [one for one in scene.logged() if one["event"] in {"site_reloaded", "reload_refused"}]
    assert {name: line[name] for name in line if name not in {"at", "level", "where"}} == said


def test_a_refusal_tells_where_in_the_files_it_was() -> None:
    def hung_up_and_ended(scene: Scene, worker: FakeWorker) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        ends_the_run(scene, worker)

    scene = Scene([hung_up_and_ended], reloads=FakeReloads([REFUSED], place="rules/all.yaml:3:1"))
    assert scene.run() == Exit.OK
    (line,) = [one for one in scene.logged() if one["event"] == "reload_refused"]
    assert (line["code"], line["place"]) == ("reload-wider", "rules/all.yaml:3:1")


def test_a_worker_that_does_not_drain_for_the_next_one_is_ended_and_that_is_told() -> None:
    seconds = iter(range(0, 10_000, 5))

    def stubborn(scene: Scene, worker: FakeWorker) -> None:
        hung_up(scene, worker)
        worker.theirs.shutdown(socket.SHUT_RD)  # never hears that it should

    scene = Scene(
        [stubborn, ends_the_run],
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
        hung_up(scene, worker)

    waits: list[float] = []
    clock = SystemClock()

    def last(scene: Scene, worker: FakeWorker) -> None:
        waits.append(clock.monotonic() - died_s[0])
        ends_the_run(scene, worker)

    died_s: list[float] = []

    def dies(scene: Scene, worker: FakeWorker) -> None:
        died_s.append(clock.monotonic())
        listens_and_dies(scene, worker)

    scene = Scene([dies_draining, dies, last], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert [one["code"] for one in scene.logged() if one["event"] == "worker_ended"] == ["1", "1"]
    assert waits[0] >= FIRST_WAIT_S  # the second that died young in a row


def test_a_second_site_during_one_drain_is_the_next_worker_s() -> None:
    revisions: list[str] = []

    def hung_up_twice(scene: Scene, worker: FakeWorker) -> None:
        worker.looks_to_drain = 2
        worker.on_drain = lambda: os.kill(os.getpid(), signal.SIGHUP)
        hung_up(scene, worker)

    def last(scene: Scene, worker: FakeWorker) -> None:
        revisions.append(scene.reloads.revision)
        ends_the_run(scene, worker)

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
        hung_up(scene, worker)

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
        hung_up(scene, worker)

    def clock() -> float:
        has_begun_to_end = scene.listening.fileno() == -1
        return now_s[0] + (2 if has_begun_to_end else 0)

    scene = Scene([asked_late], reloads=FakeReloads([True]), now_s=clock)
    assert scene.run() == Exit.OK
    assert not scene.workers[0].killed


def test_the_next_worker_is_watched_as_the_first_was() -> None:
    scene = Scene([hung_up, listens_and_dies, ends_the_run], reloads=FakeReloads([True]))
    assert scene.run() == Exit.OK
    assert scene.events().count("worker_ended") == 1


def test_an_engine_that_ends_loads_nothing() -> None:
    def ended_and_hung_up(scene: Scene, worker: FakeWorker) -> None:
        ends_the_run(scene, worker)
        os.kill(os.getpid(), signal.SIGHUP)

    scene = Scene([ended_and_hung_up])  # it has no outcome to give
    assert scene.run() == Exit.OK
