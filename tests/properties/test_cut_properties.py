"""Laws of the cut, on messages and grants of every kind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Place
from engine.hl7.groups import parents
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.decide import decide
from engine.policy.model import (
    Channel,
    Consent,
    Coverage,
    Grant,
    Kind,
    Policy,
    Purpose,
    Rule,
)
from engine.policy.outcome import Payload
from engine.policy.vocabulary.conditions import AllOf, MessageType
from engine.privacy.facts import Facts
from tests.support.cutting import NOW

FIELDS = ["1", "2", "3", "4", "5", "11", "3.1", "5.2"]
SEGMENTS = [
    "PID",
    "PV1",
    "PV2",
    "NK1",
    "DG1",
    "IN1",
    "IN2",
    "FT1",
    "PR1",
    "ORC",
    "OBR",
    "OBX",
    "NTE",
]
NUMBERED = ["NK1", "DG1", "IN1", "FT1", "PR1", "OBR", "OBX", "NTE"]

HERE = Place("", 0, 0)
TYPES = frozenset({MessageType("ADT"), MessageType("ORU"), MessageType("DFT")})

Granted = dict[str, set[str]]


def compiled_of(granted: Granted) -> CompiledPolicy:
    """Made of values, since reading a site takes longer than all the rest."""
    masks = {name: mask_of(of) for name, of in granted.items()}
    ceiling = dict.fromkeys(SEGMENTS)
    one = Channel("acme", "acme", Kind.VENDOR, HERE, frozenset({Purpose.PAYMENT}), TYPES, ceiling)
    all_of = Rule(
        name="r",
        why="a test",
        place=HERE,
        channels=frozenset({"acme"}),
        purpose=Purpose.PAYMENT,
        basis="a test",
        consent=Consent.NOT_REQUIRED,
        when=AllOf(()),
        coverage=Coverage.ANY,
        grants=tuple(Grant(name, mask, HERE) for name, mask in masks.items()),
    )
    return compile_policy(Policy({"acme": one}, (all_of,), "production"))


def mask_of(fields: set[str]) -> dict[int, frozenset[int] | None]:
    whole = {int(one) for one in fields if "." not in one}
    parts = {int(one[0]): frozenset({int(one[2])}) for one in fields if "." in one}
    return {**parts, **dict.fromkeys(whole)}


def copies(raw: bytes, granted: Granted) -> tuple[Payload, ...]:
    return decide(Message.parse(raw), compiled_of(granted), Facts(NOW))["acme"].payloads


def said(payloads: tuple[Payload, ...]) -> set[tuple[int, int, int, bytes]]:
    """Every component that is sent: of which received segment, where, and what; no set ids."""
    found = set()
    for payload in payloads:
        lines = payload.data.split(b"\r")
        for index, line in zip(payload.kept, lines, strict=False):
            for number, value in enumerate(line.split(b"|")):
                for place, component in enumerate(value.split(b"^")):
                    if component and number != 1 and index:
                        found.add((index, number, place, component))
    return found


grants = st.dictionaries(
    st.sampled_from(SEGMENTS), st.sets(st.sampled_from(FIELDS), min_size=1), min_size=4
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["ADT^A01", "ORU^R01", "DFT^P03", "DFT^P11"]))
    lines = [f"MSH|^~\\&|A|B|C|D|20260101||{kind}|M1|P|2.5.1", "PID|1|p2|p3^q|p4|p5^r"]
    for number, name in enumerate(draw(st.lists(st.sampled_from(SEGMENTS[1:]), max_size=14))):
        fields = draw(st.lists(st.sampled_from(["", "a", "b^c", "d~e"]), max_size=11))
        lines.append("|".join([name, str(number + 1), *fields]))
    return ("\r".join(lines) + "\r").encode()


@given(messages(), grants, st.data())
def test_less_granted_never_sends_more(raw: bytes, granted: Granted, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(granted)))
    less = {key: of for key, of in granted.items() if key != name}
    if less:
        assert said(copies(raw, less)) <= said(copies(raw, granted))


@given(messages(), grants)
def test_a_copy_cut_again_stays_as_it_is(raw: bytes, granted: Granted) -> None:
    for payload in copies(raw, granted):
        again = copies(payload.data, granted)
        assert said(again) <= {
            (position, *rest)
            for position, index in enumerate(payload.kept)
            for found, *rest in said((payload,))
            if found == index
        }


@given(messages(), grants)
def test_no_child_without_its_parent(raw: bytes, granted: Granted) -> None:
    message = Message.parse(raw)
    above = parents(message)
    for payload in copies(raw, granted):
        for index in payload.kept:
            parent = above[index]
            if parent >= 0 and message.segments[parent].id != "PID":
                assert parent in payload.kept


@settings(max_examples=100)
@given(messages())
def test_set_ids_have_no_gaps_where_something_went(raw: bytes) -> None:
    granted = {name: {"1", "2", "3", "5"} for name in SEGMENTS}
    message = Message.parse(raw)
    above = parents(message)
    for payload in copies(raw, granted):
        lines = dict(zip(payload.kept, payload.data.split(b"\r"), strict=False))
        for name in NUMBERED:
            siblings: dict[int, list[int]] = {}
            for segment in message.all(name):
                siblings.setdefault(above[segment.index], []).append(segment.index)
            for indexes in siblings.values():
                there = [lines[index] for index in indexes if index in lines]
                if there and len(there) < len(indexes):
                    numbers = [int(line.split(b"|")[1]) for line in there]
                    assert numbers == list(range(1, len(there) + 1))
