"""`diff` is sound: where it says "no more", no message lets more out under the new policy.

Policies are small and made of few words, so that two of them often nearly agree; the new one is the
old one with some of its parts changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from hypothesis import given, note
from hypothesis import strategies as st

from engine.errors import Place
from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy.compare.diff import difference
from engine.policy.compare.over import over
from engine.policy.compile import compile_policy
from engine.policy.model import (
    Channel,
    Consent,
    Coverage,
    FieldMask,
    Grant,
    Kind,
    Masking,
    MaskKind,
    Policy,
    Purpose,
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
    MessageIs,
    MessageType,
    Not,
    OneOf,
    Prefix,
)
from engine.privacy.facts import (
    CoverageKey,
    CoverageRow,
    Coverages,
    Disclosed,
    Facts,
    Level,
)
from tests.support.random_facts import consents, refusals, restrictions

PLACE = Place("rules/r.yaml", 1, 1)
SEGMENTS = ("PID", "PV1", "DG1", "IN1", "OBR", "OBX", "FT1", "ZZZ")
TYPES = tuple(
    MessageType(code, trigger)
    for code, trigger in (
        ("ADT", "A01"), ("ADT", "A11"), ("ADT", "A40"), ("ADT", None), ("ORU", "R01"),
        ("DFT", "P03"), ("DFT", None),
    )
)  # fmt: skip
VALUES = ("A", "B", "AB")

SET = CodeSet("few", codes=frozenset({"A"}))
OTHER_SET = CodeSet("more", codes=frozenset({"A", "AB"}), label="hiv")

some_types = st.frozensets(st.sampled_from(TYPES), min_size=1, max_size=3)
paths = st.sampled_from(
    [Path.parse(text) for text in ("PV1-2", "PID-3.1", "DG1-3", "OBX-3", "PID-3[2].1", "OBR-4")]
)
matchers = st.one_of(
    st.builds(OneOf, st.frozensets(st.sampled_from(VALUES), min_size=1), st.booleans()),
    st.builds(Prefix, st.sampled_from([("A",), ("B",), ("A", "B")])),
    st.builds(Exists, st.booleans()),
    st.sampled_from([InSet((SET,)), InSet((OTHER_SET,))]),
)
compares = st.builds(Compare, paths, matchers, st.sampled_from([False, False, False, True]))
conditions: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(compares, compares, st.builds(MessageIs, some_types)),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, max_size=2).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=2).map(tuple)),
    ),
    max_leaves=3,
)
masks: st.SearchStrategy[FieldMask | None] = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from([1, 2, 3, 4]),
        st.one_of(st.none(), st.frozensets(st.sampled_from([1, 2]), min_size=1)),
        min_size=1,
        max_size=3,
    ),
)


#: Of which repetitions of a field, and what is left of a value.
repetitions = st.builds(
    lambda text: Compare(Path("PID", 3, 1), OneOf(frozenset({text}))), st.sampled_from(VALUES)
)
MASKINGS = st.sampled_from(
    [Masking(MaskKind.YEAR), Masking(MaskKind.INITIAL), Masking(MaskKind.CONSTANT, "X")]
)


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    segment = draw(st.sampled_from(SEGMENTS))
    mask = draw(masks)
    masked = [
        (number, part)
        for number, parts in sorted((mask or {}).items())
        for part in sorted(parts or {0})
        if number > 1
    ]
    chosen = draw(st.lists(st.sampled_from(masked), max_size=1)) if masked else []
    return Grant(
        segment,
        mask,
        PLACE,
        draw(st.one_of(st.none(), conditions)),
        which_own=segment in ("IN1", "FT1") and draw(st.booleans()),
        alone=segment == "OBR" and draw(st.booleans()),
        maskings={target: draw(MASKINGS) for target in chosen},
        repetitions={3: draw(repetitions)}
        if segment == "PID" and 3 in (mask or {}) and draw(st.booleans())
        else {},
    )


def unlike(found: list[Grant]) -> tuple[Grant, ...]:
    return tuple({grant.segment: grant for grant in found}.values())


withholdings = st.one_of(
    st.builds(
        Withholding,
        st.just(PLACE),
        st.just(False),
        st.sampled_from(SEGMENTS),
        masks,
        st.one_of(st.none(), conditions),
    ),
    st.just(Withholding(PLACE, message=True)),
    st.sampled_from([{"few"}, {"more"}, {"hiv"}, {"few", "hiv"}]).map(
        lambda labels: Withholding(PLACE, labels=frozenset(labels))
    ),
)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    return Rule(
        name=name,
        why="",
        place=PLACE,
        channels=draw(st.sampled_from([frozenset({"acme"}), frozenset({"acme", "beta"})])),
        purpose=Purpose.PAYMENT,
        basis="",
        consent=draw(st.sampled_from([Consent.NOT_REQUIRED, *Consent])),
        when=AllOf((MessageIs(draw(some_types)), draw(st.one_of(st.just(AllOf(())), conditions)))),
        coverage=draw(st.sampled_from([None, Coverage.ANY, *Coverage])),
        grants=draw(st.lists(grants(), max_size=4).map(unlike)),
        withholdings=draw(st.lists(withholdings, max_size=1).map(tuple)),
    )


@st.composite
def channels(draw: st.DrawFn, name: str) -> Channel:
    return Channel(
        id=name,
        name=draw(st.sampled_from(["one", "two"])),
        kind=draw(st.sampled_from([Kind.PAYER, Kind.PAYER, Kind.VENDOR])),
        place=PLACE,
        purposes=frozenset({Purpose.PAYMENT}),
        ceiling_messages=draw(st.sampled_from([frozenset(TYPES), frozenset(TYPES[:3])])),
        ceiling={
            segment: draw(st.sampled_from([None, None, {1: None, 3: None}]))
            for segment in (*SEGMENTS, "EVN")
        },
        identified_by=tuple(
            Compare(Path.parse("IN1-3.1"), OneOf(frozenset({value})))
            for value in draw(st.sampled_from([("A",), ("B",), ("A", "B")]))
        ),
        agreement_expires=draw(st.sampled_from(["2030-01-01", "2020-01-01"])),
        rewrite=draw(st.sampled_from([{}, {3: "X"}])),
        renumber=draw(st.booleans()),
        state=draw(st.sampled_from([State.LIVE, State.LIVE, State.DRAFT])),
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """An old policy, and a new one that differs in some of its rules and channels."""
    names = [f"r{number}" for number in range(draw(st.integers(1, 3)))]
    old = Policy(
        {name: draw(channels(name)) for name in ("acme", "beta")},
        tuple(draw(rules(name)) for name in names),
        "production",
        sets={one.name: one for one in (SET, OTHER_SET)},
    )
    changed = [rule if draw(st.booleans()) else _near(draw, rule) for rule in old.rules]
    if draw(st.booleans()):
        changed = changed[1:]
    new_channels = dict(old.channels)
    if draw(st.integers(0, 3)) == 0:
        new_channels["acme"] = draw(channels("acme"))
    if draw(st.integers(0, 3)) == 0:
        new_channels["beta"] = draw(channels("beta"))
    return old, replace(old, rules=tuple(changed), channels=new_channels)


def _near(draw: st.DrawFn, rule: Rule) -> Rule:
    """The rule with one of its parts made anew or left out."""
    fresh = draw(rules(rule.name))
    part = draw(
        st.sampled_from(["when", "coverage", "consent", "grants", "withholdings", "fewer", "where"])
    )
    if part == "fewer":
        return replace(rule, grants=rule.grants[1:])
    if part == "where":
        where = draw(conditions)
        return replace(rule, grants=tuple(replace(g, where=where) for g in rule.grants))
    if part == "when" and draw(st.booleans()):
        return replace(rule, when=AllOf((rule.when, draw(conditions))))
    return replace(rule, **{part: getattr(fresh, part)})


value = st.sampled_from(["", "A", "B", "AB", "a", "A~B", "B^X", "A^B~AB", '""'])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    kind = draw(st.sampled_from(["ADT^A01", "ADT^A11", "ADT^A40", "ORU^R01", "DFT^P03", "ADT^A08"]))

    def line(segment: str) -> str:
        return "|".join([segment, *draw(st.lists(value, min_size=4, max_size=4))])

    lines = ["PID|1||A^^^H|", line("PV1")] if draw(st.booleans()) else [line("PID"), line("PV1")]
    some = st.integers(0, 2)
    for segment in ("DG1", "IN1", "FT1", "ZZZ"):
        if segment != "FT1" or kind.startswith("DFT"):
            lines += [line(segment) for _ in range(draw(some))]
    if kind.startswith("ORU"):
        for _ in range(draw(some)):
            lines += [line("OBR"), *(line("OBX") for _ in range(draw(some)))]
    text = "\r".join([f"MSH|^~\\&|HIS|H|E|P|2026||{kind}|M1|P|2.5.1", "EVN|A", *lines, ""])
    return Message.parse(text.encode())


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    rows = draw(st.lists(st.sampled_from(["acme", "beta"]), unique=True))
    known = {CoverageKey(Level.PATIENT, "A", "H"): Coverages(tuple(map(CoverageRow, rows)))}
    return Facts(
        datetime(2026, 3, 1, tzinfo=UTC),
        draw(st.sampled_from([{}, known])),
        draw(st.sampled_from([frozenset(), frozenset({Disclosed("acme", control_id="M1")})])),
        consents=tuple(draw(st.lists(consents | refusals, max_size=2))),
        restrictions=tuple(draw(st.lists(restrictions, max_size=1))),
    )


@given(pairs(), st.lists(messages(), min_size=1, max_size=4), facts())
def test_what_is_called_no_wider_lets_no_message_out_that_stayed(
    policies: tuple[Policy, Policy], sent: list[Message], known: Facts
) -> None:
    old, new = policies
    found = difference(old, new)
    if found.is_wider:
        return
    before, after = compile_policy(old), compile_policy(new)
    for message in sent:
        for change in over(message, before, after, known):
            note(repr(message.raw))
            assert change.newly == (), (change, found.changes)


@given(pairs(), st.randoms())
def test_order_and_names_change_nothing(policies: tuple[Policy, Policy], random: Random) -> None:
    old, _ = policies
    shuffled = list(old.rules)
    random.shuffle(shuffled)
    new = replace(
        old,
        rules=tuple(
            replace(rule, why="said otherwise", grants=tuple(reversed(rule.grants)))
            for rule in shuffled
        ),
        channels=dict(reversed(list(old.channels.items()))),
    )
    assert difference(old, new).changes == ()
