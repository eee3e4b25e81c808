"""From a channel's `identified_by` to an IN1 that it recognises."""

from collections.abc import Mapping

import pytest

from engine.demo.insurers import example, insurers
from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.model import Channel, Kind, State
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    Not,
    OneOf,
    Prefix,
)


def equals(path: str, *values: str) -> Compare:
    return Compare(Path.parse(path), OneOf(frozenset(values)))


def channel(
    *identified_by: Condition, kind: Kind = Kind.PAYER, state: State = State.LIVE
) -> Channel:
    return Channel(
        id="acme",
        name="ACME",
        kind=kind,
        place=Place("channels/acme.yaml", 1, 1),
        purposes=frozenset(),
        ceiling_messages=frozenset(),
        ceiling={},
        identified_by=identified_by,
        state=state,
    )


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        (equals("IN1-3.1", "ACME01"), {3: "ACME01"}),
        (equals("IN1-3.4.1", "NAIC"), {3: "^^^NAIC"}),
        (equals("IN1-4", "B", "A"), {4: "A"}),
        (Compare(Path.parse("IN1-2.1"), Prefix(("AC",))), {2: "AC1"}),
        (AllOf((equals("IN1-3.1", "A"), equals("IN1-3.4", "N"))), {3: "A^^^N"}),
        (AnyOf((Not(equals("IN1-3", "X")), equals("IN1-35", "P"))), {35: "P"}),
        (AllOf((equals("IN1-3", "A"), Compare(Path.parse("IN1-46"), Exists(False)))), {3: "A"}),
    ],
)
def test_the_fields_of_an_in1_that_satisfies_the_condition(
    condition: Condition, fields: Mapping[int, str]
) -> None:
    (insurer,) = insurers([channel(condition)])
    assert insurer.insurance == fields


def test_the_next_condition_serves_where_the_first_cannot() -> None:
    other_segment = equals("IN2-25", "A")
    (insurer,) = insurers([channel(other_segment, equals("IN1-3", "A"))])
    assert insurer.insurance == {3: "A"}


@pytest.mark.parametrize(
    "left_out",
    [
        channel(equals("IN1-3", "A"), kind=Kind.VENDOR),
        channel(equals("IN1-3", "A"), state=State.DRAFT),
        channel(Not(equals("IN1-3", "A"))),
        channel(AllOf((equals("IN1-3", "A"), Not(equals("IN1-4", "B"))))),
        channel(),
    ],
)
def test_who_has_no_patients(left_out: Channel) -> None:
    assert insurers([left_out]) == ()


def test_a_negation_alone_names_no_value() -> None:
    assert example(Not(equals("IN1-3", "A"))) is None
