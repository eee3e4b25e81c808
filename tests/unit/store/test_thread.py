"""StoreThread: one piece of work at a time, told where `call_from_thread` says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from twisted.python.failure import Failure

from engine.store.thread import StoreThread


class Mailbox:
    """Stands for the reactor: keeps calls from the thread until somebody makes them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def __call__(self, function: Callable[..., Any], *args: Any) -> None:
        self.calls.append((function, args))

    def deliver(self) -> None:
        for function, args in self.calls:
            function(*args)


def test_work_is_done_in_order_on_one_other_thread_and_told_here() -> None:
    mailbox = Mailbox()
    thread = StoreThread(mailbox)
    told: list[tuple[int, str]] = []
    for n in range(3):
        work = lambda n=n: (n, threading.current_thread().name)  # noqa: E731
        thread.run(work).addCallback(told.append)
    thread.stop()
    assert told == []
    mailbox.deliver()
    assert told == [(0, "store"), (1, "store"), (2, "store")]


def test_what_work_raises_is_told_as_a_failure() -> None:
    mailbox = Mailbox()
    thread = StoreThread(mailbox)
    told: list[object] = []
    thread.run(lambda: dict[str, str]()["missing"]).addBoth(told.append)
    thread.stop()
    mailbox.deliver()
    assert isinstance(told[0], Failure)
    with pytest.raises(KeyError):
        told[0].raiseException()
