"""Laws of the cut where grants mask values and choose repetitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Place
from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
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
    Withholding,
)
from engine.policy.vocabulary.conditions import AllOf, Compare, MessageType, OneOf
from engine.privacy.facts import Facts
from tests.support.cutting import NOW

HERE = Place("", 0, 0)
FIELDS = (3, 5)
COMPONENTS = (1, 2, 3)
MASKS = st.builds(Masking, st.sampled_from([k for k in MaskKind if k is not MaskKind.CONSTANT]))


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    fields = draw(st.sets(st.sampled_from(FIELDS), min_size=1))
    mask: FieldMask = {
        number: draw(st.none() | st.frozensets(st.sampled_from(COMPONENTS), min_size=1))
        for number in sorted(fields)
    }
    maskings = {}
    for number, parts in mask.items():
        targets = [(number, part) for part in sorted(parts or COMPONENTS)]
        targets = [(number, 0)] if parts is None and draw(st.booleans()) else targets
        for target in draw(st.lists(st.sampled_from(targets), unique=True, max_size=2)):
            maskings[target] = draw(MASKS)
    repetitions = {
        number: Compare(Path("PID", number, 2), OneOf(frozenset({draw(st.sampled_from("by"))})))
        for number in mask
        if draw(st.booleans())
    }
    return Grant("PID", mask, HERE, maskings=maskings, repetitions=repetitions)


CUTS = st.builds(
    lambda number, part: Withholding(
        HERE, segment="PID", mask={number: None if part is None else frozenset({part})}
    ),
    st.sampled_from(FIELDS),
    st.none() | st.sampled_from(COMPONENTS),
)
#: Of each repetition the first and the last component are like no other.
VALUES = st.lists(st.sampled_from("by"), max_size=3).map(
    lambda letters: "~".join(f"{n}abcdef^{letter}^{n}uvwxyz" for n, letter in enumerate(letters))
)


def rule_of(
    name: str, grants: tuple[Grant, ...], withholdings: tuple[Withholding, ...] = ()
) -> Rule:
    return Rule(
        name=name,
        why="a test",
        place=HERE,
        channels=frozenset({"acme"}),
        purpose=Purpose.PAYMENT,
        basis="a test",
        consent=Consent.NOT_REQUIRED,
        when=AllOf(()),
        coverage=Coverage.ANY,
        grants=grants,
        withholdings=withholdings,
    )


def shown(
    found: list[Grant], withheld: list[Withholding], three: str, five: str
) -> list[list[list[str]]]:
    """What is sent of PID-3 and PID-5: repetitions of components."""
    last = Grant("PID", {8: None}, HERE)
    rules = [rule_of(f"r{number}", (grant,)) for number, grant in enumerate(found)]
    rules.append(rule_of("last", (last,), tuple(withheld)))
    one = Channel(
        "acme",
        "acme",
        Kind.VENDOR,
        HERE,
        frozenset({Purpose.PAYMENT}),
        frozenset({MessageType("ADT")}),
        {"PID": None},
    )
    compiled = compile_policy(Policy({"acme": one}, tuple(rules), "production"), "", b"key")
    raw = f"MSH|^~\\&|A|B|C|D|||ADT^A08|M|P|2.5\rPID|1||{three}||{five}|||F\r".encode()
    (copy,) = decide(Message.parse(raw), compiled, Facts(NOW))["acme"].payloads
    fields = (*copy.data.decode().split("\r")[1].split("|"), *[""] * 9)
    assert fields[8] == "F"
    return [[part.split("^") for part in fields[number].split("~")] for number in FIELDS]


def whats_there(found: list[list[list[str]]]) -> list[set[str]]:
    return [{part for one in field for part in one if part} for field in found]


@given(st.lists(grants(), min_size=1, max_size=4), VALUES, VALUES)
def test_the_order_of_rules_changes_nothing(found: list[Grant], three: str, five: str) -> None:
    assert shown(found[::-1], [], three, five) == shown(found, [], three, five)


@given(st.lists(grants(), max_size=3), grants(), VALUES, VALUES)
def test_what_one_grant_shows_no_other_hides(
    found: list[Grant], more: Grant, three: str, five: str
) -> None:
    less, much = shown(found, [], three, five), shown([*found, more], [], three, five)
    for before, after, raw in zip(less, much, (three, five), strict=True):
        received = whats_there([[part.split("^") for part in raw.split("~")]])[0]
        assert (whats_there([before])[0] & received) <= whats_there([after])[0]
        assert len(after) >= len(before)


@given(st.lists(grants(), max_size=3), CUTS, VALUES, VALUES)
def test_a_withholding_never_shows_more(
    found: list[Grant], cut: Withholding, three: str, five: str
) -> None:
    """What is left of a field is masked by its parts, and may show a shorter piece than before."""
    before, after = shown(found, [], three, five), shown(found, [cut], three, five)
    for less, much in zip(whats_there(after), whats_there(before), strict=True):
        for text in less:
            assert any(other.startswith(text) or other.endswith(text) for other in much)
    ((number, parts),) = (cut.mask or {}).items()
    left = after[FIELDS.index(number)]
    for one in left:
        for place, text in enumerate(one, start=1):
            assert not text or (parts is not None and place not in parts)


@given(grants(), VALUES, VALUES)
def test_a_value_that_is_only_masked_is_never_sent_as_it_is(
    grant: Grant, three: str, five: str
) -> None:
    after = shown([grant], [], three, five)
    for number, field in zip(FIELDS, after, strict=True):
        for one in field:
            for place, text in enumerate(one, start=1):
                if (number, 0) in grant.maskings or (number, place) in grant.maskings:
                    assert text not in three + five or len(text) < len("0abcdef")
