"""`diff` by meaning: every setting is considered, and equal meanings are no change."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.changes import Effect
from engine.policy.diff import Difference, difference
from engine.policy.model import (
    AllOf,
    AnyOf,
    Channel,
    Compare,
    Condition,
    Consent,
    Coverage,
    Exists,
    Grant,
    Kind,
    MessageIs,
    MessageType,
    Not,
    OneOf,
    PayerType,
    Policy,
    Prefix,
    Purpose,
    Rule,
    State,
    Structure,
    Withholding,
)

HERE = Place("rules/r.yaml", 7, 5)
A01, A04, R01 = MessageType("ADT", "A01"), MessageType("ADT", "A04"), MessageType("ORU", "R01")


def one(path: str, *values: str, fold: bool = False) -> Compare:
    return Compare(Path.parse(path), OneOf(frozenset(values), fold))


def only(*types: MessageType) -> MessageIs:
    return MessageIs(frozenset(types))


ACME = Channel(
    id="acme",
    name="Acme",
    kind=Kind.PAYER,
    place=HERE,
    purposes=frozenset({Purpose.PAYMENT}),
    ceiling_messages=frozenset({MessageType("ADT"), R01}),
    ceiling={"PID": None, "PV1": None, "DG1": None, "IN1": None, "OBR": None, "OBX": None},
    identified_by=(one("IN1-3.1", "ACME01"),),
    agreement_reference="A-1",
    agreement_expires="2030-12-31",
    payer_type=PayerType.HEALTH_PLAN,
    rewrite={5: "ACME"},
)
BETA = replace(ACME, id="beta", name="Beta", identified_by=(one("IN1-3.1", "BETA01"),))
PID = Grant("PID", {3: None, 5: frozenset({1, 2})}, HERE)
DG1 = Grant("DG1", {3: None}, HERE, where=one("DG1-6", "A", "W"))
OBR = Grant("OBR", {4: None}, HERE)
IN1 = Grant("IN1", {3: None}, HERE, which_own=True)
WITHHELD = Withholding(HERE, segment="DG1", where=one("DG1-3.1", "F32"))
RULE = Rule(
    name="r",
    why="",
    place=HERE,
    channels=frozenset({"acme"}),
    purpose=Purpose.PAYMENT,
    basis="law",
    consent=Consent.UNLESS_REFUSED,
    when=AllOf((only(A01, R01), one("PV1-2", "I", "O"))),
    coverage=Coverage.OWN,
    grants=(PID, DG1, OBR, IN1),
    withholdings=(WITHHELD,),
)
BASE = Policy({"acme": ACME, "beta": BETA}, (RULE,), "production")


def channel(**changes: Any) -> Policy:
    return replace(BASE, channels={**BASE.channels, "acme": replace(ACME, **changes)})


def rule(**changes: Any) -> Policy:
    return replace(BASE, rules=(replace(RULE, **changes),))


def grant(old: Grant, **changes: Any) -> Policy:
    return rule(grants=tuple(replace(g, **changes) if g is old else g for g in RULE.grants))


def withholding(**changes: Any) -> Policy:
    return rule(withholdings=(replace(WITHHELD, **changes),))


#: For every setting a policy that is wider than BASE by it alone; the reverse is narrower.
WIDER: dict[tuple[type, str], Policy] = {
    (Policy, "channels"): replace(
        BASE, channels={**BASE.channels, "c": replace(ACME, id="c")},
        rules=(replace(RULE, channels=frozenset({"acme", "c"})),),
    ),
    (Policy, "rules"): replace(
        BASE, rules=(RULE, replace(RULE, name="s", grants=(Grant("PV1", {2: None}, HERE),)))
    ),
    (Channel, "purposes"): channel(purposes=frozenset({Purpose.PAYMENT, Purpose.OPERATIONS})),
    (Channel, "ceiling_messages"): channel(ceiling_messages=frozenset(
        {MessageType("ADT"), R01, MessageType("DFT")})),
    (Channel, "ceiling"): channel(ceiling={**ACME.ceiling, "ZZZ": None}),
    (Channel, "identified_by"): channel(identified_by=(one("IN1-3.1", "ACME01", "ACME02"),)),
    (Channel, "agreement_expires"): channel(agreement_expires="2031-12-31"),
    (Channel, "rewrite"): channel(rewrite={}),
    (Channel, "renumber"): channel(renumber=False),
    (Rule, "channels"): rule(channels=frozenset({"acme", "beta"})),
    (Rule, "consent"): rule(consent=Consent.NOT_REQUIRED),
    (Rule, "when"): rule(when=AllOf((only(A01, R01), one("PV1-2", "I", "O", "E")))),
    (Rule, "coverage"): rule(coverage=Coverage.ANY),
    (Rule, "grants"): rule(grants=(*RULE.grants, Grant("PV1", None, HERE))),
    (Rule, "withholdings"): rule(withholdings=()),
    (Grant, "segment"): rule(grants=(*RULE.grants, replace(PID, segment="PV1"))),
    (Grant, "mask"): grant(PID, mask={3: None, 5: frozenset({1, 2}), 19: None}),
    (Grant, "where"): grant(DG1, where=None),
    (Grant, "which_own"): grant(IN1, which_own=False),
    (Grant, "alone"): grant(OBR, alone=True),
    (Withholding, "segment"): withholding(segment="OBX"),
    (Withholding, "mask"): withholding(mask={1: None}),
    (Withholding, "where"): withholding(
        where=AllOf((one("DG1-3.1", "F32"), one("DG1-6", "A")))
    ),
}  # fmt: skip

#: Settings of which both directions are wider: the two cannot be compared.
EITHER: dict[tuple[type, str], Policy] = {
    (Policy, "environment"): replace(BASE, environment="test"),
    (Policy, "timezone"): replace(BASE, timezone="America/New_York"),
    (Channel, "kind"): channel(kind=Kind.VENDOR, payer_type=None),
    (Channel, "payer_type"): channel(payer_type=PayerType.LIFE),
    (Rule, "purpose"): rule(purpose=Purpose.OPERATIONS),
}

#: Settings of which the new value is narrower; the reverse is wider.
NARROWER: dict[tuple[type, str], Policy] = {
    (Channel, "state"): channel(state=State.SHADOW),
    (Channel, "structure"): channel(structure=Structure.STRICT),
    (Withholding, "message"): withholding(message=True, segment="", where=None),
}

#: Settings that disclose nothing, and why.
WITHOUT_EFFECT = {
    (Channel, "id"): "what channels are told apart by",
    (Channel, "name"): "read by people; two payers of one name do not contest (tested below)",
    (Channel, "place"): "where it is written",
    (Channel, "agreement_reference"): "read by people",
    (Rule, "name"): "rules are compared by what they mean",
    (Rule, "why"): "read by people",
    (Rule, "place"): "where it is written",
    (Rule, "basis"): "written to the ledger",
    (Grant, "place"): "where it is written",
    (Withholding, "place"): "where it is written",
}


@pytest.mark.parametrize("kind", [Policy, Channel, Rule, Grant, Withholding])
def test_no_setting_is_ignored_in_silence(kind: type) -> None:
    """A new field of the model fails here until `diff` considers it."""
    considered = {name for of, name in {*WIDER, *EITHER, *NARROWER, *WITHOUT_EFFECT} if of is kind}
    assert considered == {field.name for field in fields(kind)}


def named(examples: dict[tuple[type, str], Policy]) -> list[Any]:
    return [pytest.param(p, id=f"{of.__name__}.{name}") for (of, name), p in examples.items()]


@pytest.mark.parametrize("wider", named(WIDER))
def test_wider_is_wider_and_its_reverse_is_not(wider: Policy) -> None:
    assert difference(BASE, wider).is_wider
    back = difference(wider, BASE)
    if wider is not WIDER[Policy, "channels"]:  # a payer that goes no longer contests: see below
        assert not back.is_wider
    assert back.changes


@pytest.mark.parametrize("narrower", named(NARROWER))
def test_narrower_is_narrower_and_its_reverse_is_not(narrower: Policy) -> None:
    found = difference(BASE, narrower)
    assert not found.is_wider
    assert found.changes
    assert difference(narrower, BASE).is_wider


@pytest.mark.parametrize("other", named(EITHER))
def test_what_cannot_be_compared_is_wider_both_ways(other: Policy) -> None:
    assert difference(BASE, other).is_wider
    assert difference(other, BASE).is_wider


@pytest.mark.parametrize(
    "same",
    [
        rule(name="other", why="other", basis="other"),
        rule(when=AllOf((one("PV1-2", "O", "I"), only(R01, A01)))),
        rule(
            when=AllOf(
                (
                    only(A01, R01),
                    Not(AllOf((Not(one("PV1-2", "I")), Not(one("PV1-2", "O"))))),
                )
            )
        ),
        rule(grants=tuple(reversed(RULE.grants))),
        rule(coverage=None),
        grant(PID, mask={3: None, 5: frozenset({2, 1})}),
        replace(
            BASE,
            rules=(
                replace(RULE, when=AllOf((only(A01, R01), one("PV1-2", "I")))),
                replace(RULE, name="s", when=AllOf((only(A01, R01), one("PV1-2", "O")))),
            ),
        ),
        replace(
            BASE,
            rules=(
                replace(RULE, when=AllOf((only(A01), one("PV1-2", "I", "O")))),
                replace(RULE, name="s", when=AllOf((only(R01), one("PV1-2", "O", "I")))),
            ),
        ),
    ],
)  # fmt: skip
def test_another_spelling_is_no_change(same: Policy) -> None:
    """But for a withholding that is split with its rule, which takes what each half grants."""
    assert not difference(BASE, same).is_wider
    assert not difference(same, BASE).is_wider


CONDITIONS: list[tuple[Condition, Condition]] = [
    (one("PV1-2", "I"), one("PV1-2", "I", "O")),
    (one("PV1-2", "I"), one("PV1-2", "i ", fold=True)),
    (one("PV1-2", "IN", "IP"), Compare(Path.parse("PV1-2"), Prefix(("I",)))),
    (Compare(Path.parse("PV1-2"), Prefix(("IN",))), Compare(Path.parse("PV1-2"), Prefix(("I",)))),
    (one("PV1-2", "I"), Compare(Path.parse("PV1-2"), Exists(True))),
    (replace(one("OBX-11", "F"), every=True), replace(one("OBX-11", "F", "C"), every=True)),
    (replace(one("OBX-11", "F"), every=True), one("OBX-11", "F")),
    (Not(one("PV1-2", "I", "O")), Not(one("PV1-2", "I"))),
    (AllOf((one("PV1-2", "I"), one("PID-8", "F"))), one("PID-8", "F")),
    (one("PV1-2", "I"), AnyOf((one("PV1-2", "I"), one("PID-8", "F")))),
    (Not(Compare(Path.parse("PV1-2"), Exists(True))), Not(one("PV1-2", "I"))),
]


@pytest.mark.parametrize(("narrow", "wide"), CONDITIONS)
def test_a_condition_that_implies_another_is_narrower(narrow: Condition, wide: Condition) -> None:
    for old, new, wider in ((wide, narrow, False), (narrow, wide, True)):
        assert difference(rule(when=old), rule(when=new)).is_wider is wider
        assert difference(grant(PID, where=old), grant(PID, where=new)).is_wider is wider
        taken = withholding(where=new), withholding(where=old)
        assert difference(*taken).is_wider is wider


def changes(found: Difference, effect: Effect) -> list[tuple[object, ...]]:
    return [
        (change.channels, change.types, change.segment, change.fields)
        for change in found.changes
        if change.effect is effect
    ]


def test_a_change_names_channel_types_segment_fields_and_rule() -> None:
    found = difference(BASE, WIDER[Grant, "mask"])
    assert changes(found, Effect.DISCLOSED) == [(("acme",), ("ADT^A01", "ORU^R01"), "PID", ("19",))]
    (cause,) = found.changes[0].causes
    assert (cause.rule, cause.place, cause.side) == ("r", HERE, "new")
    assert (
        cause.text == "PV1-2 is I or O; this payer covers the patient; unless the patient refused"
    )


def test_components_and_fields_that_no_standard_lists() -> None:
    some, more = grant(PID, mask={5: frozenset({1})}), grant(PID, mask={5: frozenset({1, 3})})
    assert changes(difference(some, more), Effect.DISCLOSED)[0][3] == ("5.3",)
    whole = difference(some, grant(PID, mask={5: None}))
    assert changes(whole, Effect.DISCLOSED)[0][3] == ("5 (other components)",)
    everything = difference(some, grant(PID, mask=None))
    assert changes(everything, Effect.DISCLOSED)[0][3] == (
        "5 (other components)",
        "all other fields",
    )


def test_a_withholding_that_goes_is_named() -> None:
    found = difference(BASE, WIDER[Rule, "withholdings"])
    ((cause, other),) = [change.causes for change in found.changes]
    assert {(cause.side, cause.text), (other.side, other.text)} == {
        (
            "new",
            (
                "PV1-2 is I or O; this payer covers the patient; unless the patient refused;"
                " DG1-6 is A or W"
            ),
        ),
        ("old", "it was withheld here"),
    }


def test_a_payer_that_claims_less_frees_what_was_contested() -> None:
    both = replace(BASE, rules=(replace(RULE, channels=frozenset({"acme", "beta"})),))
    gone = replace(both, channels={"acme": ACME}, rules=BASE.rules)
    found = difference(both, gone)
    assert found.is_wider
    assert any("beta claimed" in change.text for change in found.changes)
    renamed = replace(both, channels={"acme": ACME, "beta": replace(BETA, name="Acme")})
    assert difference(both, renamed).is_wider
    apart = {
        "acme": replace(ACME, identified_by=(one("IN1[1]-2", "A"),)),
        "beta": BETA,
    }
    assert difference(
        replace(both, channels=apart), replace(gone, channels={"acme": apart["acme"]})
    ).is_wider


def test_a_condition_on_the_patient_that_goes_with_its_grant() -> None:
    """A PID that is granted on a condition takes the copy along where it fails (§10.18)."""
    asked = grant(PID, where=one("PID-8", "F"))
    assert difference(asked, rule(grants=RULE.grants[1:])).is_wider


def test_a_draft_may_change_and_sends_nothing() -> None:
    old, new = channel(state=State.DRAFT), channel(state=State.DRAFT, renumber=False)
    found = difference(old, new)
    assert not found.is_wider
    assert [change.effect for change in found.changes] == [Effect.NEUTRAL]
