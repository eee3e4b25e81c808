"""Starting and ending what is measured: servers that say in JSON where they listen."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import machine

_ENDING_S = 30.0
_ARCHIVER = "engine.archiving"


def _spawn(arguments: Sequence[str], errors: pathlib.Path | None = None) -> subprocess.Popen[str]:
    with contextlib.ExitStack() as files:
        sink = files.enter_context(errors.open("ab")) if errors else None
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stderr=sink, text=True
        )


def _said(process: subprocess.Popen[str], key: str) -> dict[str, Any]:
    """The first line of JSON on standard output that has `key`."""
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(json.JSONDecodeError):
            found = json.loads(line)
            if key in found:
                return dict(found)
    raise RuntimeError(f"{process.args!r} ended before it said {key!r}")


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def server(module: str) -> Iterator[int]:
    """A server of this package (`benchmarks.ceiling`, `benchmarks.peer`); gives its port."""
    process = _spawn([module])
    with _ended(process):
        yield int(_said(process, "port")["port"])


class Insurers:
    """The running insurers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: list[int] = _said(process, "ports")["ports"]

    def reached_at(self) -> float:
        """Wait for the next expected number; `time.monotonic` of when each had so many."""
        return float(_said(self._process, "reached")["at"])


@contextlib.contextmanager
def insurers(count: int, *expect: int) -> Iterator[Insurers]:
    """`count` insurers in one process that each expect these numbers of messages, in turn."""
    numbers = [str(number) for number in expect]
    process = _spawn(["benchmarks.insurer", "--ports", str(count), "--expect", *numbers])
    with _ended(process):
        yield Insurers(process)


class Engine:
    """A running `payergate run`; `worker`, `store` and `archiver` are process ids."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        ready = _said(process, "listeners")
        (address,) = ready["listeners"].values()
        self.port = int(address.rpartition(":")[2])
        below = machine.descendants(process.pid)
        self.supervisor = process.pid
        self.store = next(pid for pid in below if "valkey-server" in machine.command(pid))
        self.worker = next(
            p for p in below if p != self.store and _ARCHIVER not in machine.command(p)
        )
        self._supervisor = process.pid

    @functools.cached_property
    def archiver(self) -> int:
        """It starts after the worker."""
        below = machine.descendants(self._supervisor)
        return next(pid for pid in below if _ARCHIVER in machine.command(pid))


@contextlib.contextmanager
def engine(site: pathlib.Path) -> Iterator[Engine]:
    """`payergate run` on the site, until the block ends."""
    process = _spawn(["engine.cli.main", "run", "--site", str(site)], site / "run.log")
    with _ended(process):
        yield Engine(process)


def generate(port: int, shape: str, **options: float) -> dict[str, Any]:
    """Run the generator against a port; its report. Raises when not all was acknowledged."""
    arguments = ["benchmarks.generator", "--port", str(port), "--shape", shape]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", f"{value:g}" if value % 1 else str(int(value))]
    done = subprocess.run(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout))
