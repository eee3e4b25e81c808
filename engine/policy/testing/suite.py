"""Tests beside the rules: what a suite expects of each channel, held against what is decided.

Law: a test runs the policy that the engine runs, by the same `decide`. Every expectation that does
not hold is told, with its place, what was expected and what came; of the message no more is told
than the field that was asked for (rules.md §8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.errors import Place
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Outcome
from engine.policy.testing.copies import Copies
from engine.policy.testing.expectations import Expectation
from engine.privacy.facts import Facts


@dataclass(frozen=True, slots=True)
class Test:
    """One test: a message, what is known, and for channels by id what is expected of each."""

    __test__ = False  # not one of pytest's

    name: str
    place: Place
    message: Message
    facts: Facts
    expected: tuple[tuple[str, Expectation], ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file."""

    name: str
    place: Place
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that does not hold: where it stands, of whom, and in words what came."""

    place: Place
    channel: str
    check: str
    expected: str
    came: str

    def __str__(self) -> str:
        return f"{self.place}: {self.channel}: {self.check}: expected {self.expected}; {self.came}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test."""

    __test__ = False

    test: Test
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Every expectation holds."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What became of one suite."""

    suite: Suite
    results: tuple[TestResult, ...] = field(default=())

    @property
    def failed(self) -> int:
        """How many tests did not pass."""
        return sum(not result.passed for result in self.results)


def run_suite(suite: Suite, policy: CompiledPolicy) -> SuiteResult:
    """Every test of a suite, in order."""
    return SuiteResult(suite, tuple(_run(test, policy) for test in suite.tests))


def _run(test: Test, policy: CompiledPolicy) -> TestResult:
    outcomes = decide(test.message, policy, test.facts)
    failures = sorted(_failures(test.expected, outcomes), key=lambda failure: failure.place)
    return TestResult(test, tuple(failures))


def _failures(
    expected: tuple[tuple[str, Expectation], ...], outcomes: Mapping[str, Outcome]
) -> Iterable[Failure]:
    copies: dict[str, Copies] = {}
    for channel, expectation in expected:
        if channel not in copies:
            copies[channel] = Copies(outcomes[channel])
        came = expectation.judge(copies[channel])
        if came is not None:
            wanted = expectation.wanted()
            yield Failure(expectation.place, channel, expectation.check, wanted, came)
