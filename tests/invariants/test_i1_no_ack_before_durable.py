"""I1: no positive acknowledgment before the message is durable.

The real intake and group commit, over a store whose way of failing the test chooses. Durable is
what the store has said that it has: what it did without being able to say so does not count.
"""

from __future__ import annotations

import io
import itertools
import pathlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from engine.commit import LAST_REPEAT_S, GroupCommit
from engine.config.load import load_site
from engine.errors import EngineError
from engine.intake.admission import Gate
from engine.intake.receipts import Receipts
from engine.intake.receive import Intake
from engine.logs import Log
from engine.policy.compile import compile_policy
from engine.store.memory import MemoryStore, Outage
from engine.store.port import Accept, ReadLedger, Result, StoreUnavailable
from tests.support.key_ring import any_sealer

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SITE = load_site(REPOSITORY)
LISTENER = SITE.listeners[0]


@dataclass(frozen=True)
class FrozenClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Connection:
    number: int = 0
    listener: str = LISTENER.name


class Nobody:
    def store_down(self, error: StoreUnavailable) -> None:
        """The bench knows."""

    def store_up(self) -> None:
        """The bench knows."""


class Bench:
    """Intake, commit and a store; commits end when the test says so."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.under_way: list[tuple[Callable[[], list[Result]], Deferred[list[Result]]]] = []
        self.commit = GroupCommit(self.store, self._begin, self.clock, Nobody())
        sealing = any_sealer()
        numbers = itertools.count(1)
        self.committed: list[Accept] = []
        self.intake = Intake(
            compiled=compile_policy(SITE.policy),
            gates={LISTENER.name: Gate(LISTENER.admission, SITE.policy.environment)},
            answer_while_down=frozenset(),
            commit=self.commit,
            sealing=sealing,
            receipts=Receipts(lambda: 1_772_000_000_000 + next(numbers), secrets.randbits),
            clock=FrozenClock(),
            log=Log(io.StringIO(), FrozenClock()),
            committed=self.committed.append,
            released=lambda: None,
        )
        self.answers: list[tuple[str, bytes | None]] = []

    def _begin(self, work: Callable[[], list[Result]]) -> Deferred[list[Result]]:
        outcome: Deferred[list[Result]] = Deferred()
        self.under_way.append((work, outcome))
        return outcome

    def receive(self, control_id: str, connection: int = 0, sample: str = "adt-a01") -> None:
        def answered(answer: bytes | None) -> None:
            self.answers.append((control_id, answer))

        payload = message(control_id, sample)
        self.intake.receive(payload, Connection(connection)).addCallback(answered)

    def end_commits(self) -> None:
        """Let everything that is under way, or follows at once, come to its end."""
        self.clock.advance(0)
        while self.under_way:
            work, outcome = self.under_way.pop(0)
            try:
                results = work()
            except EngineError:
                outcome.errback(Failure())  # type: ignore[no-untyped-call]
            else:
                outcome.callback(results)
            self.clock.advance(0)

    def stored(self) -> int:
        """How many messages the store has a record of."""
        (records,) = self.store.execute([ReadLedger("", 1000)])
        assert isinstance(records, tuple)
        return len(records)

    def answered(self) -> list[str]:
        return [control_id for control_id, _ in self.answers]

    def all_positive(self) -> bool:
        return all(
            answer is not None and f"MSA|AA|{control_id}".encode() in answer
            for control_id, answer in self.answers
        )


def message(control_id: str, sample: str) -> bytes:
    """A sample of the reference site under another control id."""
    header, _, rest = (REPOSITORY / f"rules/samples/{sample}.hl7").read_bytes().partition(b"\r")
    fields = header.split(b"|")
    fields[9] = control_id.encode()
    return b"|".join(fields) + b"\r" + rest


def test_nothing_is_answered_while_the_commit_is_under_way() -> None:
    bench = Bench()
    bench.receive("M1")
    bench.clock.advance(0)
    assert bench.under_way
    assert bench.answers == []
    bench.end_commits()
    assert bench.answered() == ["M1"]
    assert bench.all_positive()
    assert bench.stored() == 1


@pytest.mark.parametrize("outage", Outage)
def test_nothing_is_answered_while_the_store_fails(outage: Outage) -> None:
    bench = Bench()
    bench.store.outage = outage
    for control_id in ("M1", "M2", "M3"):
        bench.receive(control_id)
    for _ in range(20):
        bench.end_commits()
        bench.clock.advance(LAST_REPEAT_S)
    assert bench.answers == []
    assert bench.committed == []

    bench.store.outage = None
    bench.clock.advance(LAST_REPEAT_S)
    bench.end_commits()
    assert bench.answered() == ["M1", "M2", "M3"]
    assert bench.all_positive()
    assert bench.stored() == 3


def test_nothing_is_answered_while_the_store_is_full() -> None:
    bench = Bench()
    bench.store.full = True
    bench.receive("M1")
    for _ in range(5):
        bench.end_commits()
        bench.clock.advance(LAST_REPEAT_S)
    assert bench.answers == []
    assert bench.stored() == 0

    bench.store.full = False
    bench.clock.advance(LAST_REPEAT_S)
    bench.end_commits()
    assert bench.answered() == ["M1"]
    assert bench.all_positive()


def test_answers_keep_the_order_of_arrival_over_an_outage() -> None:
    bench = Bench()
    sent = []
    for number in range(30):
        bench.store.outage = Outage.LOSES_THE_ANSWER if number % 7 == 3 else None
        sent.append(f"M{number}")
        bench.receive(sent[-1], sample=("adt-a01", "adt-a08", "dft-p03")[number % 3])
        if number % 4 == 0:
            bench.end_commits()
    bench.store.outage = None
    for _ in range(5):
        bench.clock.advance(LAST_REPEAT_S)
        bench.end_commits()
    assert bench.answered() == sent
    assert bench.all_positive()
    assert bench.stored() == len(sent)


def test_a_message_that_no_insurer_may_have_waits_for_the_disk_too() -> None:
    bench = Bench()
    bench.store.outage = Outage.REFUSES
    bench.receive("M1", sample="adt-a01-psychiatric")
    bench.end_commits()
    assert bench.answers == []
    bench.store.outage = None
    bench.clock.advance(LAST_REPEAT_S)
    bench.end_commits()
    assert bench.all_positive()
    assert bench.stored() == 1


def test_what_is_not_stored_when_the_engine_stops_is_not_answered() -> None:
    bench = Bench()
    bench.commit.stop()
    bench.receive("M1")
    bench.end_commits()
    assert bench.answers == [("M1", None)]
    assert bench.stored() == 0
