"""Signals as a selector hears them.

Law: a handler does nothing but exist; what a signal means is decided in the loop that it wakes.
"""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def woken_by_signals(selector: selectors.BaseSelector) -> Iterator[Callable[[], list[int]]]:
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
