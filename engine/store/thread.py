"""The store's own thread: the reactor never waits for a disk.

Law: work is done one piece at a time, in the order given, and its result is told on the reactor's
thread. Nothing else of the engine runs on a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class StoreThread:
    """One thread. `call_from_thread` is the reactor's `callFromThread`."""

    def __init__(self, call_from_thread: Callable[..., Any]) -> None:
        self._call_from_thread = call_from_thread
        self._work: SimpleQueue[tuple[Callable[[], Any], Deferred[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._loop, name="store", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Do `work` on the thread; fires on the reactor's thread."""
        outcome: Deferred[T] = Deferred()
        self._work.put((work, outcome))
        return outcome

    def stop(self) -> None:
        """End the thread once it has done what it was given; waits for that."""
        self._work.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while (given := self._work.get()) is not None:
            work, outcome = given
            try:
                result = work()
            except BaseException:  # noqa: BLE001 - told to whoever asked, never swallowed
                failure = Failure()  # type: ignore[no-untyped-call]
                self._call_from_thread(outcome.errback, failure)
            else:
                self._call_from_thread(outcome.callback, result)
            del given, work, outcome  # an idle thread keeps no message alive
