"""Conditions mean what rules.md §4 and §10 say."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.config.yaml_source import read_yaml
from engine.hl7.path import Path
from engine.policy.language import Problems, Reader
from engine.policy.language.conditions import condition
from engine.policy.language.reader import Sets
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    InSet,
    Matches,
    MessageIs,
    MessageType,
    Not,
    Numeric,
    OneOf,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Moment

PID_8 = Path("PID", 8)
OBX_11 = Path("OBX", 11)
ONE, TWO = CodeSet("one", codes=frozenset({"A"})), CodeSet("two", codes=frozenset({"B"}))
SETS = Sets({"one": ONE, "two": TWO})
FEMALE = Compare(PID_8, OneOf(frozenset({"F"})))


def read(text: str) -> Condition | None:
    problems = Problems()
    node = read_yaml(text.encode(), "rules/x.yaml", problems)
    assert node is not None
    found = condition(node, "`when`", Reader(problems, SETS))
    assert problems.sorted() == (), [str(problem) for problem in problems.sorted()]
    return found


def codes(text: str) -> list[str]:
    problems = Problems()
    node = read_yaml(text.encode(), "rules/x.yaml", problems)
    assert node is not None
    assert condition(node, "`when`", Reader(problems, SETS)) is None
    return [problem.code for problem in problems.sorted()]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("PID-8: F", FEMALE),
        ("PID-1: x", Compare(Path("PID", 1), OneOf(frozenset({"x"})))),
        ("PID-8: [F, M]", Compare(PID_8, OneOf(frozenset({"F", "M"})))),
        ("PID-8: {not: F}", Not(FEMALE)),
        ("PID-8: {not: [F]}", Not(FEMALE)),
        ("PID-8: {not: {not: F}}", FEMALE),
        ("PID-8: {fold: f}", Compare(PID_8, OneOf(frozenset({"f"}), fold=True))),
        ("PID-8: {not: {fold: [f]}}", Not(Compare(PID_8, OneOf(frozenset({"f"}), fold=True)))),
        ("PID-8: {prefix: [F, A]}", Compare(PID_8, Prefix(("A", "F")))),
        ("PID-8: {exists: false}", Compare(PID_8, Exists(False))),
        ("PID-8: {matches: F|M}", Compare(PID_8, Matches(("F|M",)))),
        ("PID-8: {matches: [M, F, M]}", Compare(PID_8, Matches(("F", "M")))),
        ("PID-8: {set: one}", Compare(PID_8, InSet((ONE,)))),
        ("PID-8: {set: [two, one]}", Compare(PID_8, InSet((ONE, TWO)))),
        ("PID-8: {after: 2026}", Compare(PID_8, Timed(after=Moment((2026,))))),
        (
            "PID-8: {before: now-30d}",
            Compare(PID_8, Timed(before=Moment(from_now=timedelta(days=-30)))),
        ),
        (
            "PID-8: {after: -12h, before: 2026-03-01T10:00+01:00}",
            Compare(
                PID_8,
                Timed(Moment(from_now=timedelta(hours=-12)), Moment((2026, 3, 1, 10, 0), zone=60)),
            ),
        ),
        ("PID-8: {at_least: -3}", Compare(PID_8, Numeric(Decimal(-3)))),
        (
            "PID-8: {at_most: 9.5, at_least: 1}",
            Compare(PID_8, Numeric(Decimal(1), Decimal("9.5"))),
        ),
        ("ZPI: {exists: true}", Compare(Path("ZPI"), Exists(True))),
        ("ZPI-200: x", Compare(Path("ZPI", 200), OneOf(frozenset({"x"})))),
        (
            '"OBX[3]-5[2].1": x',
            Compare(Path("OBX", 5, 1, occurrence=3, repetition=2), OneOf(frozenset({"x"}))),
        ),
        ("not: {PID-8: F}", Not(FEMALE)),
        ("all: [{PID-8: F}]", AllOf((FEMALE,))),
        ("any: [{PID-8: F}, {not: {PID-8: F}}]", AnyOf((FEMALE, Not(FEMALE)))),
        ("message: ADT", MessageIs(frozenset({MessageType("ADT")}))),
        (
            "message: [ADT^A01, ORU]",
            MessageIs(frozenset({MessageType("ADT", "A01"), MessageType("ORU")})),
        ),
        ("message: {not: ADT^A08}", Not(MessageIs(frozenset({MessageType("ADT", "A08")})))),
        ("every: {OBX-11: F}", Compare(OBX_11, OneOf(frozenset({"F"})), every=True)),
    ],
)
def test_a_condition_is_read_as_written(text: str, meaning: Condition) -> None:
    assert read(text) == meaning


def test_a_mapping_means_all_of() -> None:
    found = read("{PID-8: F, message: ADT}")
    assert found == AllOf((FEMALE, MessageIs(frozenset({MessageType("ADT")}))))


@pytest.mark.parametrize("text", ["NO", "2.3", "012", "1e3", "yes", "0x1F", "12:30"])
def test_scalars_mean_what_they_look_like(text: str) -> None:
    assert read(f"PID-8: {text}") == Compare(PID_8, OneOf(frozenset({text})))


def test_every_not_holds_for_occurrences_without_a_value_but_not_for_no_occurrence() -> None:
    """rules.md §10.13: negations hold where there is no value; `every` over nothing fails."""
    found = read("every: {OBX-11: {not: F}}")
    occurs = AnyOf((Compare(OBX_11, Exists(True)), Compare(OBX_11, Exists(False), every=True)))
    assert found == AllOf((Not(Compare(OBX_11, OneOf(frozenset({"F"})))), occurs))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PID-8: []", "bad-value"),
        ("PID-8: ''", "bad-value"),
        ("PID-8:", "wrong-type"),
        ("PID-8: {}", "bad-value"),
        ("PID-8: {exists: perhaps}", "bad-value"),
        ("PID-8: {prefix: A, not: AB}", "bad-value"),
        ("PID-8: {like: A}", "unknown-key"),
        ("PID-8: {matches: (A}", "bad-value"),
        ("PID-8: {matches: [A, '(?=B)C']}", "bad-value"),
        ("PID-8: {matches: '(A)\\1'}", "bad-value"),
        ("PID-8: {matches: []}", "wrong-type"),
        ("PID-8: {not: {set: HIV}}", "unknown-set"),
        ("PID-8: {set: []}", "wrong-type"),
        ("PID-8: {after: yesterday}", "bad-value"),
        ("PID-8: {after: now-3w}", "bad-value"),
        ("PID-8: {before: 2026-02-30}", "bad-value"),
        ("PID-8: {before: 20261301}", "bad-value"),
        ("PID-8: {after: [now]}", "wrong-type"),
        ("PID-8: {at_least: 3kg}", "bad-value"),
        ("PID-8: {at_least: 1, before: 2026}", "bad-value"),
        ("PID-8: {after: now, after2: now}", "unknown-key"),
        ("PID: F", "bad-path"),
        ("PID-0: F", "bad-path"),
        ("PID-3.1.2.4: F", "bad-path"),
        ("PID-41: F", "unknown-field"),
        ("QQQ-1: F", "unknown-segment"),
        ("pid-8: F", "unknown-key"),
        ("message: ADT_A01", "bad-value"),
        ("message: adt", "bad-value"),
        ("message: {exists: true}", "bad-value"),
        ("any: {PID-8: F}", "wrong-type"),
        ("any: []", "bad-value"),
        ("not: [PID-8]", "wrong-type"),
        ("every: {}", "wrong-type"),
        ("every: {not: {PID-8: F}}", "bad-value"),
        ("any: [{coverage: own}]", "bad-value"),
        ("[PID-8]", "wrong-type"),
    ],
)
def test_what_cannot_be_meant_is_a_problem(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize("key", ["pid-1", "pv1-2", "Obx-5.1"])
def test_a_path_that_is_not_in_capitals_is_shown_as_it_would_be(key: str) -> None:
    problems = Problems()
    node = read_yaml(f"{key}: x".encode(), "rules/x.yaml", problems)
    assert node is not None
    condition(node, "`when`", Reader(problems, SETS))
    assert [one.mend for one in problems.sorted()] == [f"Did you mean `{key.upper()}`?"]
