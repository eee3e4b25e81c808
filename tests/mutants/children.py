"""Work done in forks of this process, some at a time, each with a limit to what it may use.

Law: a child shares nothing with the next: whatever it caches, breaks or leaves behind ends with it.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")

#: A child that waits for ever uses no CPU time.
PATIENCE_S = 900.0
#: A mutant that gathers without end must not take the machine along.
MEMORY_BYTES = 4 << 30

Work = Callable[[int], int]
"""Given a file descriptor for what it has to say, does its work and returns its exit status."""


@dataclass
class _Child(Generic[K]):
    of: K
    pid: int
    until: float
    said: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Ended(Generic[K]):
    """How a child ended: its exit status (negative: the signal that ended it), what it said."""

    of: K
    status: int
    said: bytes


def each(tasks: Iterable[tuple[K, Work]], jobs: int) -> Iterator[Ended[K]]:
    """Do every task in a child of its own, at most `jobs` at a time, and tell as they end."""
    waiting = iter(tasks)
    with selectors.DefaultSelector() as selector:
        while True:
            while len(selector.get_map()) < jobs and (task := next(waiting, None)) is not None:
                reading, child = _started(*task)
                selector.register(reading, selectors.EVENT_READ, child)
            if not selector.get_map():
                return
            for key, _ in selector.select(1.0):
                if part := os.read(key.fd, 1 << 16):
                    key.data.said.append(part)
                    continue
                selector.unregister(key.fd)
                os.close(key.fd)
                yield _ended(key.data)
            for key in list(selector.get_map().values()):
                if time.monotonic() > key.data.until:
                    with suppress(ProcessLookupError):
                        os.kill(key.data.pid, signal.SIGKILL)


def _started(of: K, work: Work) -> tuple[int, _Child[K]]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return reading, _Child(of, pid, time.monotonic() + PATIENCE_S)
    status = 1
    try:
        os.close(reading)
        # The pipe says by its end that the child has ended, whatever program it became.
        os.set_inheritable(writing, True)
        nothing = os.open(os.devnull, os.O_RDWR)
        for one in range(3):
            os.dup2(nothing, one)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        status = work(writing)
    finally:
        os._exit(status)


def _ended(child: _Child[K]) -> Ended[K]:
    _, status = os.waitpid(child.pid, 0)
    return Ended(child.of, os.waitstatus_to_exitcode(status), b"".join(child.said))


def limit_cpu(seconds: float) -> None:
    """The kernel ends this process after so much more CPU time of its own."""
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
