"""GroupCommit: batches, order, repetition, refusal, stopping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from engine.commit import BATCH_BYTES, BATCH_OPERATIONS, GroupCommit, StoppedError
from engine.store.port import Accept, Fetch, Operation, Result, StoreFull, StoreUnavailable

TICK_S = 1 / 128


@dataclass
class EchoStore:
    """Answers `Fetch` with its receipt; refuses receipts by name; remembers its batches."""

    refused: frozenset[str] = frozenset()
    outages: int = 0
    outage: str = "store-unreachable"
    batches: list[list[Operation]] = field(default_factory=list)

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        return partial(self.execute, batch)

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        self.batches.append(list(batch))
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable(self.outage, "The store does not answer.")
        receipts = [op.receipt if isinstance(op, Fetch | Accept) else "" for op in batch]
        if self.refused.intersection(receipts):
            raise ValueError
        return [receipt.encode() for receipt in receipts]

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class HeldRun:
    """Runs work only when told to: a commit under way, as long as the test wants it."""

    held: list[tuple[Callable[[], list[Result]], Deferred[list[Result]]]] = field(
        default_factory=list
    )

    def __call__(self, work: Callable[[], list[Result]]) -> Deferred[list[Result]]:
        outcome: Deferred[list[Result]] = Deferred()
        self.held.append((work, outcome))
        return outcome

    def finish(self) -> None:
        work, outcome = self.held.pop(0)
        try:
            results = work()
        except (StoreUnavailable, ValueError):
            outcome.errback(Failure())  # type: ignore[no-untyped-call]
        else:
            outcome.callback(results)


@dataclass
class Told:
    changes: list[str] = field(default_factory=list)

    def store_down(self, error: StoreUnavailable) -> None:
        self.changes.append(f"down {error.code}")

    def store_up(self) -> None:
        self.changes.append("up")


class Bench:
    def __init__(self, store: EchoStore | None = None) -> None:
        self.store = store or EchoStore()
        self.run = HeldRun()
        self.clock = Clock()
        self.told = Told()
        self.commit = GroupCommit(self.store, self.run, self.clock, self.told)
        self.results: list[object] = []

    def submit(self, *receipts: str) -> None:
        for receipt in receipts:
            self.commit.submit(Fetch(receipt)).addBoth(self.results.append)

    def turn(self) -> None:
        """One turn of the reactor."""
        self.clock.advance(0)

    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.store.batches]


def test_what_arrives_in_one_turn_of_the_reactor_is_one_batch() -> None:
    bench = Bench()
    bench.submit("1", "2", "3")
    assert bench.run.held == []
    bench.turn()
    bench.run.finish()
    assert bench.sizes() == [3]
    assert bench.results == [b"1", b"2", b"3"]


def test_what_arrives_during_a_commit_is_the_next_batch() -> None:
    bench = Bench()
    bench.submit("1")
    bench.turn()
    bench.submit("2", "3")
    bench.turn()
    assert len(bench.run.held) == 1, "one batch at a time"
    bench.run.finish()
    assert bench.results == [b"1"]
    assert len(bench.run.held) == 1, "the next batch starts without being asked"
    bench.run.finish()
    assert bench.sizes() == [1, 2]
    assert bench.results == [b"1", b"2", b"3"]


def test_nothing_is_told_before_the_batch_is_durable() -> None:
    bench = Bench()
    bench.submit("1", "2")
    bench.turn()
    assert bench.results == []


def test_the_next_batch_is_under_way_before_results_are_told() -> None:
    bench = Bench()
    under_way: list[int] = []
    bench.commit.submit(Fetch("1")).addCallback(lambda _: under_way.append(len(bench.run.held)))
    bench.turn()
    bench.submit("2")
    bench.run.finish()
    assert under_way == [1]


def test_another_reason_for_the_same_outage_is_told() -> None:
    store = EchoStore(outages=4)
    bench = Bench(store)
    bench.submit("1")
    bench.turn()
    for outage in ("store-unreachable", "store-unreachable", "store-not-durable", "store-script"):
        store.outage = outage
        bench.run.finish()
        bench.clock.advance(1)
    bench.run.finish()
    down = ["store-unreachable", "store-not-durable", "store-script"]
    assert bench.told.changes == [*(f"down {outage}" for outage in down), "up"]


def test_an_unknown_outcome_repeats_the_same_batch_until_it_is_answered() -> None:
    bench = Bench(EchoStore(outages=8))
    bench.submit("1", "2")
    bench.turn()
    bench.submit("3")
    waits: list[float] = []
    for _ in range(8):
        bench.run.finish()
        assert bench.run.held == []
        waits.append(0.0)
        while not bench.run.held:
            bench.clock.advance(TICK_S)
            waits[-1] += TICK_S
    assert bench.results == []
    bench.run.finish()
    bench.run.finish()
    assert waits == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0], abs=2 * TICK_S)
    assert bench.store.batches[:9] == [[Fetch("1"), Fetch("2")]] * 9
    assert bench.results == [b"1", b"2", b"3"]


def test_the_observer_hears_once_that_the_store_is_down_and_once_that_it_is_up() -> None:
    bench = Bench(EchoStore(outages=3))
    bench.submit("1")
    bench.turn()
    for _ in range(3):
        bench.run.finish()
        bench.clock.advance(1.0)
    assert bench.told.changes == ["down store-unreachable"]
    bench.run.finish()
    assert bench.told.changes == ["down store-unreachable", "up"]


def test_a_second_outage_starts_with_short_waits_again() -> None:
    bench = Bench(EchoStore(outages=6))
    bench.submit("1")
    bench.turn()
    for _ in range(6):
        bench.run.finish()
        bench.clock.advance(1.0)
    bench.run.finish()
    bench.store.outages = 1
    bench.submit("2")
    bench.turn()
    bench.run.finish()
    bench.clock.advance(0.05)
    assert len(bench.run.held) == 1


def test_an_operation_that_the_store_refuses_does_not_take_others_along() -> None:
    bench = Bench(EchoStore(refused=frozenset({"bad"})))
    bench.submit("1", "bad", "2")
    bench.turn()
    bench.submit("3")
    while bench.run.held:
        bench.run.finish()
    assert bench.results[0] == b"1"
    assert isinstance(bench.results[1], Failure)
    assert bench.results[2:] == [b"2", b"3"]


def test_a_batch_is_bounded_in_operations() -> None:
    bench = Bench()
    bench.submit(*(str(n) for n in range(BATCH_OPERATIONS + 1)))
    bench.turn()
    bench.run.finish()
    bench.run.finish()
    assert bench.sizes() == [BATCH_OPERATIONS, 1]


def test_a_batch_is_bounded_in_bytes_and_a_giant_goes_alone() -> None:
    bench = Bench()
    for receipt, size in (("1", 10), ("2", BATCH_BYTES + 1), ("3", 10), ("4", BATCH_BYTES - 20)):
        sealed = bytes(size)
        bench.commit.submit(Accept(receipt, b"", b"", sealed, b"")).addBoth(bench.results.append)
    bench.turn()
    while bench.run.held:
        bench.run.finish()
    assert bench.sizes() == [1, 1, 2]
    assert bench.results == [b"1", b"2", b"3", b"4"]


def test_stop_waits_for_what_was_submitted_and_refuses_what_comes_later() -> None:
    bench = Bench()
    bench.submit("1")
    bench.turn()
    bench.submit("2")
    stopped: list[str] = []
    bench.commit.stop().addCallback(lambda _: stopped.append("stopped"))
    bench.submit("3")
    assert isinstance(bench.results[0], Failure)
    assert bench.results[0].type is StoppedError
    bench.run.finish()
    assert stopped == []
    bench.run.finish()
    assert bench.results[1:] == [b"1", b"2"]
    assert stopped == ["stopped"]


def test_stop_at_rest_is_done_at_once() -> None:
    bench = Bench()
    stopped: list[str] = []
    bench.commit.stop().addCallback(lambda _: stopped.append("stopped"))
    bench.commit.stop().addCallback(lambda _: stopped.append("stopped"))
    assert stopped == ["stopped", "stopped"]


def test_what_a_result_submits_is_done_too() -> None:
    bench = Bench()
    bench.commit.submit(Fetch("1")).addCallback(lambda _: bench.submit("2"))
    bench.turn()
    bench.run.finish()
    bench.run.finish()
    assert bench.results == [b"2"]


@dataclass
class FullStore(EchoStore):
    """Has room for `room` acceptances, then refuses them as a full store does."""

    room: int = 0

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        results = super().execute(batch)
        refused: list[int] = []
        for index, operation in enumerate(batch):
            if isinstance(operation, Accept):
                if self.room and not refused:
                    self.room -= 1
                else:
                    refused.append(index)
        if refused:
            raise StoreFull(results, refused)
        return results


def accept(bench: Bench, *receipts: str) -> None:
    for receipt in receipts:
        operation = Accept(receipt, b"", b"", b"", b"")
        bench.commit.submit(operation).addBoth(bench.results.append)


def test_a_full_store_holds_up_acceptances_and_nothing_else() -> None:
    store = FullStore(room=1)
    bench = Bench(store)
    accept(bench, "m1", "m2")
    bench.submit("lane1")
    accept(bench, "m3")
    bench.turn()
    accept(bench, "m4")
    bench.submit("lane2")
    bench.run.finish()
    bench.run.finish()
    assert bench.results == [b"m1", b"lane1", b"lane2"]
    assert bench.told.changes == ["down store-full"]
    accept(bench, "m5")
    bench.submit("lane3")
    bench.turn()
    bench.run.finish()
    assert bench.results[3:] == [b"lane3"]


def test_room_lets_the_acceptances_in_by_their_order() -> None:
    store = FullStore()
    bench = Bench(store)
    accept(bench, *(f"m{n}" for n in range(BATCH_OPERATIONS + 2)))
    bench.turn()
    bench.run.finish()
    assert bench.results == []
    store.room = 1
    bench.clock.advance(0.05)
    bench.run.finish()
    assert bench.results == [b"m0"]
    store.room = 10_000
    bench.clock.advance(0.1)
    while bench.run.held:
        bench.run.finish()
    assert bench.results == [f"m{n}".encode() for n in range(BATCH_OPERATIONS + 2)]
    bench.submit("lane1")
    bench.turn()
    bench.run.finish()
    assert bench.told.changes == ["down store-full", "up"]


def test_stop_refuses_what_waits_for_room() -> None:
    bench = Bench(FullStore())
    accept(bench, "m1")
    bench.turn()
    bench.run.finish()
    stopped: list[str] = []
    bench.commit.stop().addCallback(lambda _: stopped.append("stopped"))
    assert isinstance(bench.results[0], Failure)
    assert stopped == ["stopped"]
    bench.clock.advance(1.0)
    assert bench.run.held == []
