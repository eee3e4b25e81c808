"""The matrix shows every setting that means something to a reader, and is made of what runs."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta

import pytest

from engine.hl7.path import Path
from engine.policy.model import Channel, ControlId, Grant, Mark, Policy, Rule, State, Withholding
from engine.policy.segment.masks import Mask
from engine.policy.telling.matrix import matrix
from engine.policy.telling.wording import MATCHERS, condition
from engine.policy.telling.wording import fields as fields_text
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Matcher,
    Not,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Moment
from tests.support.differing_policies import (
    ACME,
    BASE,
    EITHER,
    HERE,
    NARROWER,
    RULE,
    WIDER,
    channel,
    one,
    rule,
)

#: Settings that do not change what `diff` says, and stand on the sheet nevertheless.
SHOWN = {
    (Channel, "id"): replace(
        BASE,
        channels={"apex": replace(ACME, id="apex")},
        rules=(replace(RULE, channels=frozenset({"apex"})),),
    ),
    (Channel, "name"): channel(name="Another"),
    (Channel, "address"): channel(address="1 Main St, Springfield"),
    (Channel, "agreement_reference"): channel(agreement_reference="B-2"),
    (Channel, "reassess_on"): channel(reassess_on=date(2027, 1, 1)),
    (Rule, "name"): rule(name="another"),
    (Rule, "why"): rule(why="another"),
    (Rule, "basis"): rule(basis="another"),
}
NOT_SHOWN = {(of, "place") for of in (Channel, Rule, Grant, Withholding)}
EXAMPLES = {**WIDER, **EITHER, **NARROWER, **SHOWN}


def sheets(policy: Policy) -> object:
    return matrix(policy, tuple(sorted(policy.channels)))


@pytest.mark.parametrize("kind", [Policy, Channel, Rule, Grant, Withholding])
def test_no_setting_is_left_out_in_silence(kind: type) -> None:
    shown = {name for of, name in {*EXAMPLES, *NOT_SHOWN} if of is kind}
    assert shown == {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    "example",
    [pytest.param(p, id=f"{of.__name__}.{name}") for (of, name), p in EXAMPLES.items()],
)
def test_every_setting_shows(example: Policy) -> None:
    assert sheets(example) != sheets(BASE)


def test_a_sheet() -> None:
    (sheet,) = matrix(BASE, ("acme",))
    assert dict(sheet.contract)["Agreement"] == "A-1, until 2030-12-31"
    first, cancels = sheet.sections
    assert first.types == ("ADT^A01", "ORU^R01")  # of which the same is sent
    assert [(row.segment, fields_text(row.mask), row.where) for row in first.rows] == [
        ("PID", "3, 5.1-5.2", ""),
        ("DG1", "3", "DG1-6 is A or W"),
        ("OBR", "4", ""),
        ("OBX", "3, 5", "no documents"),
        ("IN1", "3", "its own only"),
    ]
    assert {row.when for row in first.rows} == {
        "PV1-2 is I or O; this payer covers the patient; unless the patient refused"
    }
    assert [(taken.parts[0][0], taken.when) for taken in first.taken] == [
        ("DG1", "PV1-2 is I or O; DG1-3.1 is F32")
    ]
    assert (cancels.types, cancels.is_cancel) == (("ADT^A11", "ADT^A12", "ADT^A13"), True)
    assert [row.segment for row in cancels.rows] == ["PID", "PV1"]


def test_a_draft_has_its_sheet_too() -> None:
    (sheet,) = matrix(channel(state=State.DRAFT), ("acme",))
    assert sheet.sections
    assert dict(sheet.contract)["State"] == "draft: nothing is sent"


def test_what_the_ceiling_takes_is_not_shown() -> None:
    (sheet,) = matrix(channel(ceiling={"PID": {3: None}, "OBR": {4: None}}), ("acme",))
    assert [(row.segment, fields_text(row.mask)) for row in sheet.sections[0].rows] == [
        ("PID", "3"),
        ("OBR", "4"),
    ]


def test_without_rules_nothing_is_sent() -> None:
    (sheet,) = matrix(replace(channel(kind=ACME.kind), rules=()), ("acme",))
    assert [section.is_cancel for section in sheet.sections] == [True]


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (None, "all"),
        ({1: None, 2: None, 3: None, 5: None}, "1-3, 5"),
        ({11: frozenset({3, 4, 5})}, "11.3-11.5"),
        ({1: None, 2: frozenset({1, 3}), 3: None}, "1, 2.1, 2.3, 3"),
        ({}, "nothing"),
    ],
)
def test_fields_in_words(mask: dict[int, frozenset[int] | None] | None, text: str) -> None:
    assert fields_text(Mask.of(mask)) == text


def test_what_is_left_of_all_in_words() -> None:
    assert fields_text(Mask.of(None) - Mask.of({19: None})) == "all but 19"


def test_conditions_in_words() -> None:
    pv1, exists = one("PV1-2", "I", "O"), Compare(one("PID-8", "F").path, Exists(True))
    assert condition(AllOf((pv1, exists))) == "PV1-2 is I or O and PID-8 has a value"
    assert condition(Not(AnyOf((pv1, exists)))) == "not (PV1-2 is I or O or PID-8 has a value)"
    assert condition(Not(pv1)) == "no PV1-2 is I or O"
    assert condition(replace(pv1, every=True)) == "every PV1-2 is I or O"
    assert condition(Not(replace(pv1, every=True))) == "not every PV1-2 is I or O"
    assert condition(Compare(pv1.path, Prefix(("I",)))) == "PV1-2 begins with I"
    assert condition(AllOf((AnyOf((pv1, exists)), pv1))) == (
        "(PV1-2 is I or O or PID-8 has a value) and PV1-2 is I or O"
    )


def test_every_matcher_has_words() -> None:
    assert set(MATCHERS) == set(Matcher.__args__)


def test_a_control_id_of_its_own_is_told_where_it_is_one() -> None:
    (kept,), (new,) = (matrix(of, ("acme",)) for of in (BASE, channel(control_id=ControlId.NEW)))
    assert "Control id" not in dict(kept.contract)
    assert dict(new.contract)["Control id"] == "of its own, not the sender's"


def test_what_marks_psychotherapy_notes_is_told_apart() -> None:
    marks = (
        Mark(Path.parse("TXA-2"), frozenset({"PN"}), "psychotherapy-notes"),
        Mark(Path.parse("PV1-10"), frozenset({"PSY"}), "mental-health"),
    )
    (sheet,) = matrix(replace(BASE, marks=marks), ("acme",))
    assert dict(sheet.contract)["Psychotherapy notes are"] == "TXA-2 PN"


@pytest.mark.parametrize(
    ("matcher", "text"),
    [
        (Timed(after=Moment((2026, 3, 1))), "is after 2026-03-01"),
        (Timed(before=Moment((2026, 3))), "is before 2026-03"),
        (Timed(before=Moment((2026, 3, 1, 10), zone=60)), "is before 2026-03-01T10:00+01:00"),
        (Timed(after=Moment((2026, 3, 1, 10, 30))), "is after 2026-03-01T10:30"),
        (Timed(after=Moment((2026, 3, 1, 10, 30, 5, 500000))), "is after 2026-03-01T10:30:05"),
        (
            Timed(after=Moment((2026, 3, 1, 10, 30, 5), zone=-90)),
            "is after 2026-03-01T10:30:05-01:30",
        ),
        (
            Timed(Moment(from_now=timedelta(days=-30)), Moment(from_now=timedelta())),
            "is after now-30d and before now",
        ),
    ],
)
def test_times_in_words(matcher: Timed, text: str) -> None:
    assert condition(Compare(Path.parse("PV1-44"), matcher)) == f"PV1-44 {text}"


def test_a_withholding_stands_on_the_sheet_though_no_rule_grants_what_it_takes() -> None:
    (sheet,) = matrix(rule(withholdings=(Withholding(HERE, segment="NTE"),)), ("acme",))
    assert [taken.parts[0][0] for taken in sheet.sections[0].taken] == ["NTE"]


def test_what_a_rule_takes_beside_the_whole_message_stands_on_the_sheet() -> None:
    both = (Withholding(HERE, message=True), Withholding(HERE, segment="NTE"))
    (sheet,) = matrix(rule(withholdings=both), ("acme",))
    assert [taken.parts for taken in sheet.sections[0].taken] == [(("NTE", Mask.of(None)),), ()]
