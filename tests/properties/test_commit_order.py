"""GroupCommit under any schedule of submissions, commits and outages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import hypothesis.strategies as st
from hypothesis import given
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from engine.commit import GroupCommit
from engine.store.port import Fetch, Operation, Result, StoreUnavailable


class Flaky:
    """Does each batch; its answer may get lost. Remembers every operation it saw, in order."""

    def __init__(self) -> None:
        self.done: list[Operation] = []
        self.lose_answers = 0

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        return partial(self.execute, batch)

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        self.done.extend(op for op in batch if op not in self.done)
        if self.lose_answers:
            self.lose_answers -= 1
            raise StoreUnavailable("store-unreachable", "The store does not answer.")
        return [op.receipt.encode() for op in batch if isinstance(op, Fetch)]

    def close(self) -> None:
        """Nothing to let go of."""


class Nobody:
    def store_down(self, error: StoreUnavailable) -> None:
        """Not looked at here."""

    def store_up(self) -> None:
        """Not looked at here."""


class OneAtATime:
    def __init__(self) -> None:
        self.work: tuple[Callable[[], list[Result]], Deferred[list[Result]]] | None = None

    def __call__(self, work: Callable[[], list[Result]]) -> Deferred[list[Result]]:
        assert self.work is None, "a second batch while one is under way"
        outcome: Deferred[list[Result]] = Deferred()
        self.work = (work, outcome)
        return outcome

    def finish(self) -> None:
        if self.work is None:
            return
        (work, outcome), self.work = self.work, None
        try:
            results = work()
        except StoreUnavailable:
            outcome.errback(Failure())  # type: ignore[no-untyped-call]
        else:
            outcome.callback(results)


@given(st.lists(st.sampled_from(["submit", "submit", "turn", "finish", "lose"]), max_size=60))
def test_every_operation_has_exactly_one_result_in_the_order_of_submission(
    steps: list[str],
) -> None:
    """No schedule loses, repeats or reorders a result, nor reorders what the store does."""
    store, run, clock = Flaky(), OneAtATime(), Clock()
    commit = GroupCommit(store, run, clock, Nobody())
    submitted: list[str] = []
    told: list[object] = []
    for step in steps:
        if step == "submit":
            submitted.append(str(len(submitted)))
            commit.submit(Fetch(submitted[-1])).addBoth(told.append)
        elif step == "turn":
            clock.advance(0.1)
        elif step == "finish":
            run.finish()
        else:
            store.lose_answers += 1
        assert told == [receipt.encode() for receipt in submitted[: len(told)]]
    for _ in range(2 * len(steps) + 2):
        clock.advance(1.0)
        run.finish()
    assert told == [receipt.encode() for receipt in submitted]
    assert store.done == [Fetch(receipt) for receipt in submitted]
