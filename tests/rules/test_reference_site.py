"""The site in the repository's root is a good example: it loads, and without a single warning."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.config.load import load_site
from engine.config.suites import load_tests
from engine.errors import Place
from engine.hl7.wire import Message
from engine.policy.compile import compile_policy
from engine.policy.model import Coverage, Grant, Kind, Policy, Withholding
from engine.policy.testing.exercised import coverage, exercised
from engine.policy.testing.suite import run_suite

ROOT = pathlib.Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "rules" / "samples").glob("*.hl7"))


def test_it_loads_without_a_warning() -> None:
    site = load_site(ROOT)
    assert site.warnings == ()
    assert set(site.policy.channels) == {"acme", "state-medicaid", "review-partners"}
    assert set(site.deliveries) == set(site.policy.channels)
    assert all(listener.listen.host == "127.0.0.1" for listener in site.listeners)


def test_every_disclosure_asks_for_coverage_by_name() -> None:
    """A vendor is asked only where the rule says so; none may see what it does not review."""
    policy = load_site(ROOT).policy
    assert policy.channels["review-partners"].kind is Kind.VENDOR
    assert all(rule.coverage is Coverage.OWN for rule in policy.rules if rule.grants)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_messages_of_people_who_do_not_exist(sample: pathlib.Path) -> None:
    message = Message.parse(sample.read_bytes())
    (patient,) = (segment for segment in message.segments if segment.id == "PID")
    assert patient.field(5).startswith(b"TESTPATIENT^")
    assert message.msh.field(11) == b"P"
    assert sample.read_bytes().endswith(b"\r")


def test_there_is_a_report_of_twenty_segments_and_more() -> None:
    report = Message.parse((ROOT / "rules" / "samples" / "oru-r01.hl7").read_bytes())
    assert len(report.segments) >= 20


def test_its_tests_pass_and_exercise_every_grant_and_withholding() -> None:
    tested = load_tests(ROOT)
    policy = compile_policy(tested.site.policy)
    results = [run_suite(suite, policy) for suite in tested.suites]
    failures = [str(f) for suite in results for one in suite.results for f in one.failures]
    assert failures == []
    tests = [test for suite in tested.suites for test in suite.tests]
    places = [exercised(test.message, policy, test.facts) for test in tests]
    found = coverage(tested.site.policy, frozenset[Place]().union(*places))
    assert [part for rule in found for part in rule.missed] == []


def test_no_grant_and_no_withholding_can_go_without_a_test_that_fails() -> None:
    tested = load_tests(ROOT)
    survivors = set()
    for policy, gone in _less_one(tested.site.policy):
        compiled = compile_policy(policy)
        if not any(run_suite(suite, compiled).failed for suite in tested.suites):
            survivors.add(gone)
    # No rule grants PV1-17 yet: the withholding stands for the rule that will.
    assert survivors == {("psychiatric-stays", "PV1", (17,))}


def _less_one(policy: Policy) -> Iterator[tuple[Policy, tuple[str, str, tuple[int, ...]]]]:
    """The policy without one grant or withholding, for each; and which one."""
    for number, rule in enumerate(policy.rules):
        parts: tuple[Grant | Withholding, ...] = (*rule.grants, *rule.withholdings)
        for part in parts:
            less = replace(
                rule,
                grants=tuple(one for one in rule.grants if one is not part),
                withholdings=tuple(one for one in rule.withholdings if one is not part),
            )
            rules = (*policy.rules[:number], less, *policy.rules[number + 1 :])
            gone = (rule.name, part.segment, tuple(part.mask or ()))
            yield replace(policy, rules=rules), gone
