"""Which conditions are asked once of occurrences that have the same in some fields."""

from __future__ import annotations

import pytest

from engine.hl7.path import Path
from engine.policy.conditions.asked_fields import fields_asked, together
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    MessageIs,
    MessageType,
    Not,
    OneOf,
)
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, channel, hl7, policy, rule, sent

A = OneOf(frozenset({"A"}))


def compare(path: str) -> Compare:
    return Compare(Path.parse(path), A)


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        (compare("OBX-11"), {11}),
        (compare("OBX-3.1"), {3}),
        (compare("OBX-3[2].1"), {3}),
        (Not(compare("OBX-8")), {8}),
        (AllOf((compare("OBX-11"), compare("OBX-3"))), {3, 11}),
        (AnyOf((compare("OBX-11"), Not(compare("OBX-2")))), {2, 11}),
        (AllOf((MessageIs(frozenset({MessageType("ORU")})), compare("OBX-2"))), {2}),
        (AllOf(()), set()),
        (compare("OBR-4"), None),
        (compare("OBX[2]-11"), None),
        (AllOf((compare("OBX-11"), compare("PV1-2"))), None),
    ],
)
def test_fields_settle_what_asks_of_the_segment_itself(
    condition: Condition, fields: set[int] | None
) -> None:
    assert fields_asked(condition, "OBX") == (None if fields is None else frozenset(fields))


def test_the_method_before_a_diagnosis_is_part_of_its_code() -> None:
    assert fields_asked(compare("DG1-3"), "DG1") == frozenset({2, 3})
    assert fields_asked(compare("PR1-3"), "PR1") == frozenset({2, 3})
    assert fields_asked(compare("DG1-4"), "DG1") == frozenset({4})


def test_what_is_not_settled_once_is_not_settled_together() -> None:
    some, none = frozenset({1}), frozenset[int]()
    assert together([]) == none
    assert together([some, frozenset({2}), none]) == frozenset({1, 2})
    assert together([some, None]) is None


def test_occurrences_that_have_the_same_are_cut_alike_and_others_are_not() -> None:
    grants = "DG1: {fields: [2, 3, 4], where: {DG1-3: {set: hearts}}}"
    compiled = policy(
        [rule("r", "message: ADT", f"PID: [3], {grants}")],
        [channel("acme", kind="vendor")],
        sets=("{set: hearts, system: I10, codes: [I21.4]}",),
    )
    raw = hl7(
        "ADT^A01",
        "PID|1||A^^^H",
        "DG1|1|I10|I21.4|one",
        "DG1|2|I9|I21.4|two",
        "DG1|3||I21.4^x^I10|three",
        "DG1|4|I10|I21.4|four",
        "DG1|5",
        "DG1|6|I10|E11|six",
    )
    kept = [line for line in sent(compiled, raw, Facts(NOW)) if line.startswith("DG1")]
    assert [line.rsplit("|", 1)[1] for line in kept] == ["one", "three", "four"]
