"""Somebody who waits for a lock of the archive is told so after a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

#: How long anybody waits before it is told, in seconds.
TOLD_AFTER_S = 2.0


@contextmanager
def told(waiting: Callable[[], object] | None) -> Iterator[None]:
    """What is done here may wait: `waiting` is called then, from a thread of its own."""
    if waiting is None:
        yield
        return
    timer = Timer(TOLD_AFTER_S, waiting)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
