"""A supervisor on fakes: its workers, store and companion do what a test scripts."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.clock import SystemClock
from engine.errors import EngineError
from engine.logs import Log
from engine.net.control import DRAIN, Listening, encode
from engine.net.supervisor import Supervisor


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
    place: str = ""

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


def listens(_scene: Scene, worker: FakeWorker) -> None:
    """It works."""
    worker.theirs.sendall(encode(Listening()))


def listens_and_dies(_scene: Scene, worker: FakeWorker) -> None:
    """It works, and dies at once."""
    worker.theirs.sendall(encode(Listening()))
    worker.end(1)


def ends_the_run(_scene: Scene, worker: FakeWorker) -> None:
    """As a person who presses Ctrl-C; a fake worker has nothing to drain."""
    worker.theirs.sendall(encode(Listening()))
    worker.end(0)
    os.kill(os.getpid(), signal.SIGTERM)
