"""`diff` by meaning: every setting is considered, and equal meanings are no change."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from engine.hl7.path import Path
from engine.policy.compare.changes import Effect
from engine.policy.compare.diff import Difference, difference
from engine.policy.model import (
    Channel,
    Grant,
    Kind,
    Masking,
    MaskKind,
    Policy,
    Rule,
    State,
    Withholding,
)
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    InSet,
    MessageType,
    Not,
    Prefix,
)
from tests.support.differing_policies import (
    A01,
    ACME,
    BASE,
    BETA,
    DG1,
    EITHER,
    HERE,
    NARROWER,
    PID,
    R01,
    RULE,
    WIDER,
    WITHHELD,
    WITHOUT_EFFECT,
    channel,
    grant,
    one,
    only,
    rule,
    withholding,
)


def test_what_is_masked_or_chosen_otherwise_cannot_be_compared() -> None:
    year, initial = (Masking(kind) for kind in (MaskKind.YEAR, MaskKind.INITIAL))
    one_way, other = (grant(PID, maskings={(5, 1): mask}) for mask in (year, initial))
    assert difference(one_way, other).is_wider
    assert difference(other, one_way).is_wider
    chosen, others = (grant(PID, repetitions={3: one("PID-3.5", of)}) for of in ("MB", "MR"))
    assert difference(chosen, others).is_wider
    assert difference(others, chosen).is_wider


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


def test_what_a_payer_lets_go_is_no_gain_for_one_that_it_never_met() -> None:
    third = replace(ACME, id="apex", name="Apex", identified_by=(one("IN1-3.1", "APEX"),))

    def gains(*claimed: Condition, kind: Kind = Kind.PAYER, name: str = "Acme") -> bool:
        """Whether acme, which claims this, may gain by beta's end."""
        acme = replace(ACME, identified_by=claimed, name=name, kind=kind)
        after = replace(BASE, channels={"acme": acme, "apex": third})
        found = difference(replace(after, channels={**after.channels, "beta": BETA}), after)
        return any("beta claimed" in one.text and "acme" in one.channels for one in found.changes)

    assert gains(*ACME.identified_by)
    assert gains(AllOf((one("IN1-3.1", "ACME01"), one("IN1-2", "PPO"))))
    assert gains(*ACME.identified_by, kind=Kind.VENDOR)
    assert not gains(kind=Kind.VENDOR)
    assert not gains(*ACME.identified_by, name=BETA.name)


def test_a_ceiling_bounds_what_a_cancel_tells() -> None:
    """No rule grants it; it follows what was disclosed (§10.26)."""
    narrow = {**ACME.ceiling, "PV1": {2: None}}
    found = difference(channel(ceiling=narrow), BASE)
    assert found.is_wider
    assert any(change.segment == "PV1" for change in found.changes)


def test_a_condition_on_the_patient_that_goes_with_its_grant() -> None:
    """A PID that is granted on a condition takes the copy along where it fails (§10.18)."""
    asked = grant(PID, where=one("PID-8", "F"))
    assert difference(asked, rule(grants=RULE.grants[1:])).is_wider


def test_a_draft_may_change_and_sends_nothing() -> None:
    old, new = channel(state=State.DRAFT), channel(state=State.DRAFT, renumber=False)
    found = difference(old, new)
    assert not found.is_wider
    assert [change.effect for change in found.changes] == [Effect.NEUTRAL]


def test_a_value_that_is_uncertain_is_withheld_where_it_would_not_be_granted() -> None:
    """Withheld where a code may be in a set is the same as granted where it cannot be."""
    heart = CodeSet("heart", "I10", frozenset({"I21"}))
    in_set = Compare(Path.parse("DG1-3"), InSet((heart,)))
    withheld = rule(
        grants=(PID, replace(DG1, where=None)), withholdings=(replace(WITHHELD, where=in_set),)
    )
    granted = rule(grants=(PID, replace(DG1, where=Not(in_set))), withholdings=())
    assert not difference(withheld, granted).is_wider
    assert not difference(granted, withheld).is_wider


def test_an_uncertain_value_counts_in_what_the_rule_asks_of_the_message_too() -> None:
    """A rule that withholds where a code may be in a set, and one that grants where it cannot."""
    asked = Compare(Path.parse("PV1-18"), InSet((CodeSet("s", "L", frozenset({"X"})),)))
    plain = replace(RULE, grants=(PID,), withholdings=())
    granting, taken = Grant("DG1", {3: None}, HERE), Withholding(HERE, segment="DG1")
    withheld = (
        replace(plain, grants=(PID, granting)),
        replace(RULE, name="s", when=asked, grants=(), withholdings=(taken,)),
    )
    granted = (
        plain,
        replace(plain, name="s", when=AllOf((RULE.when, Not(asked))), grants=(granting,)),
    )
    one_way, other = (replace(BASE, rules=rules) for rules in (withheld, granted))
    assert not difference(one_way, other).is_wider
    assert not difference(other, one_way).is_wider


def test_what_may_be_in_a_set_has_a_value() -> None:
    in_set = Compare(Path.parse("DG1-3"), InSet((CodeSet("s", "I10", frozenset({"I21"})),)))
    some = Compare(Path.parse("DG1-3"), Exists(True))
    where_in_set, where_any = (withholding(where=where) for where in (in_set, some))
    assert not difference(where_in_set, where_any).is_wider
    assert difference(where_any, where_in_set).is_wider


def test_what_certainly_holds_possibly_holds() -> None:
    """Granted where a code is in a set and withheld there: nothing is sent that was not before."""
    heart = CodeSet("heart", "I10", frozenset({"I21"}))
    in_set = Compare(Path.parse("DG1-3"), InSet((heart,)))
    nothing = rule(grants=(PID,), withholdings=())
    both = rule(
        grants=(PID, replace(DG1, where=in_set)), withholdings=(replace(WITHHELD, where=in_set),)
    )
    assert not difference(nothing, both).is_wider


def test_a_merge_that_is_named_is_more_than_all_admissions() -> None:
    """A grant must name A40 itself (§10.9)."""
    acme = replace(ACME, ceiling={**ACME.ceiling, "MRG": None})
    adt, named = (
        replace(
            rule(when=only(*kinds), grants=(PID, Grant("MRG", None, HERE))),
            channels={"acme": acme, "beta": BETA},
        )
        for kinds in ((MessageType("ADT"),), (MessageType("ADT"), MessageType("ADT", "A40")))
    )
    assert difference(adt, named).is_wider
    assert not difference(named, adt).is_wider


def test_types_are_told_in_the_order_of_their_names() -> None:
    kinds = [MessageType("ADT", f"A{number:02}") for number in range(1, 9)]
    found = difference(rule(when=only(*kinds)), rule(when=only(*kinds), grants=(PID,)))
    named = [kind for kind in found.types if kind.trigger]
    assert named == sorted(named, key=lambda kind: (kind.code, kind.trigger or ""))


def test_a_withholding_where_the_grant_does_not_hold_takes_nothing() -> None:
    """What is certainly so cannot possibly not be so (§6)."""
    asked = Compare(Path("DG1", 3), InSet((CodeSet("s", "I10", frozenset({"F32"})),)))
    granted = replace(RULE, when=AllOf((RULE.when, asked)), withholdings=())
    taken = replace(RULE, name="t", when=Not(asked), grants=(), withholdings=(WITHHELD,))
    assert not difference(
        replace(BASE, rules=(granted, taken)), replace(BASE, rules=(granted,))
    ).is_wider
    certain = replace(taken, when=asked)
    assert difference(
        replace(BASE, rules=(granted, certain)), replace(BASE, rules=(granted,))
    ).is_wider


def test_own_coverage_is_never_contested() -> None:
    """To ask no longer whose an IN1 is lets nothing go that its being contested held (§10.6)."""
    without = rule(grants=tuple(one for one in RULE.grants if one.segment != "IN1"))
    assert not difference(BASE, without).is_wider


def test_that_some_occurrence_is_so_says_nothing_of_each() -> None:
    plain = replace(DG1, where=None)
    each = rule(grants=(PID, replace(DG1, where=one("DG1-6", "A"))))
    some = rule(when=AllOf((RULE.when, one("DG1-6", "A"))), grants=(PID, plain))
    assert any(
        change.segment == "DG1" and change.effect.widens
        for change in difference(each, some).changes
    )


@pytest.mark.parametrize(
    ("before", "after", "effect", "text"),
    [
        ("2030-12-31", "2031-12-31", Effect.MAY_DISCLOSE, "until 2031-12-31"),
        ("2030-12-31", None, Effect.MAY_DISCLOSE, "for ever"),
        ("2030-12-31", "2029-12-31", Effect.DISCLOSES_LESS, "until 2029-12-31"),
        (None, "2030-12-31", Effect.DISCLOSES_LESS, "until 2030-12-31"),
    ],
)
def test_how_long_an_agreement_holds_is_told(
    before: str | None, after: str | None, effect: Effect, text: str
) -> None:
    old, new = (channel(agreement_expires=until) for until in (before, after))
    (change,) = difference(old, new).changes
    assert change.effect is effect
    assert change.text == f"its agreement holds {text}, before until {before}"


@pytest.mark.parametrize("state", [State.SHADOW, State.DRAFT])
def test_that_a_channel_is_live_or_not_is_told(state: State) -> None:
    told = {
        (change.effect, change.text)
        for pair in ((BASE, channel(state=state)), (channel(state=state), BASE))
        for change in difference(*pair).changes
    }
    assert (Effect.DISCLOSES_LESS, f"its state is {state.value}, before live") in told
    assert (Effect.MAY_DISCLOSE, f"its state is live, before {state.value}") in told
