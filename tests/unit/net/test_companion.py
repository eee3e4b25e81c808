"""A companion is kept alive, never waited for, and ended in the end; on fakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.logs import Log
from engine.net.companion import FINISH_S, Companion
from engine.net.control import DRAIN, Failed, encode
from engine.net.process import NotStartedError
from tests.support.supervised import FakeWorker


@dataclass
class Clock:
    """A clock that a test moves."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Scene:
    clock: Clock = field(default_factory=Clock)
    stream: io.StringIO = field(default_factory=io.StringIO)
    children: list[FakeWorker] = field(default_factory=list)
    on_spawn: Callable[[FakeWorker], None] = lambda _: None

    def companion(self) -> Companion:
        log = Log(self.stream, self.clock)
        return Companion(self.spawn, log, self.clock.monotonic)

    def spawn(self) -> FakeWorker:
        child = FakeWorker(pid=len(self.children) + 1)
        self.children.append(child)
        self.on_spawn(child)
        return child

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]

    def close(self) -> None:
        for child in self.children:
            child.theirs.close()
            child.control.close()


def test_who_dies_is_started_again_later_each_time() -> None:
    scene = Scene()
    companion = scene.companion()
    companion.start()
    scene.children[0].end(-9)
    companion.look_after()
    assert len(scene.children) == 2
    scene.children[1].end(1)
    companion.look_after()
    assert len(scene.children) == 2
    scene.clock.seconds += 1.0
    companion.look_after()
    assert len(scene.children) == 3
    started, ended = "archiver_started", "archiver_ended"
    assert scene.events() == [started, ended, started, ended, started]
    companion.end()
    scene.close()


def test_one_that_runs_is_started_anew_and_one_that_does_not_is_left() -> None:
    scene = Scene()
    companion = scene.companion()
    companion.restart()
    assert scene.children == []
    companion.start()
    companion.restart()
    assert [child.killed for child in scene.children] == [True, False]
    companion.look_after()
    assert scene.events() == ["archiver_started", "archiver_started"]
    companion.end()
    scene.close()


def test_what_it_reports_is_logged_and_nothing_else_happens() -> None:
    scene = Scene()
    companion = scene.companion()
    companion.start()
    scene.children[0].theirs.sendall(encode(Failed("archive-newer", "w", "m", 5)))
    companion.look_after()
    assert scene.events() == ["archiver_started", "archiver_failed"]
    companion.end()
    scene.close()


def test_one_that_the_system_does_not_start_is_tried_again_later_each_time() -> None:
    scene = Scene()
    refusals = [NotStartedError(OSError(12, "Cannot allocate memory"))] * 2

    def refuse(_: FakeWorker) -> None:
        if refusals:
            raise refusals.pop()

    scene.on_spawn = refuse
    companion = scene.companion()
    companion.start()
    companion.look_after()
    companion.look_after()
    assert len(scene.children) == 2
    scene.clock.seconds += 1.0
    companion.look_after()
    assert scene.events() == ["archiver_failed", "archiver_failed", "archiver_started"]
    companion.end()
    scene.close()


def test_told_to_finish_it_is_not_started_again() -> None:
    scene = Scene()
    companion = scene.companion()
    companion.start()
    assert companion.finished()  # the fake ends as soon as it hears the order
    assert scene.children[0].exit_code == 0
    companion.look_after()
    assert len(scene.children) == 1
    assert "archiver_ended" not in scene.events()
    scene.close()


def test_who_takes_too_long_is_ended() -> None:
    scene = Scene()
    companion = scene.companion()
    companion.start()
    child = scene.children[0]
    child.poll = lambda: child.exit_code  # type: ignore[method-assign]
    assert not companion.finished()
    assert child.heard() == DRAIN
    scene.clock.seconds += FINISH_S
    assert companion.finished()
    assert child.killed
    scene.close()
