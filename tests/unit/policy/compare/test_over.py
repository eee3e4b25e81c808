"""`diff --over`: what a message shows under each of two policies."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compare.over import MessageChange, over
from engine.policy.decide import decide
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, hl7, policy, rule
from tests.support.law_messages import ORDERS, PV1, compiled, lifted, oru, part2

PID = "PID|1|P2|A^^^H^MR||||19800101|||W||||||M"
DIAGNOSES = ("DG1|1||I10^Hypertension", "DG1|2||E11^Diabetes")


def changes(old: str, new: str) -> list[MessageChange]:
    before = policy([rule("r", "coverage: any", old)])
    after = policy([rule("r", "coverage: any", new)])
    raw = hl7("ADT^A01", PID, *DIAGNOSES)
    return list(over(Message.parse(raw), before, after, Facts(NOW)))


@pytest.mark.parametrize(
    ("old", "new", "newly", "withheld"),
    [
        ("PID: [3]", "PID: [3, 7]", ("PID-7",), ()),
        ("PID: [3, 7]", "PID: [3]", (), ("PID-7",)),
        ("PID: [3]", "PID: [2, 3, 10, 16]", ("PID-2", "PID-10", "PID-16"), ()),
        ("PID: [3]", "PID: {fields: [3, 7], mask: {7: year}}", ("PID-7",), ()),
        ("PID: {fields: [3, 7], mask: {7: year}}", "PID: [3, 7]", ("PID-7",), ()),
        ("PID: [3, 7]", "PID: {fields: [3, 7], mask: {7: year}}", (), ("PID-7",)),
        (
            "PID: [3]",
            "PID: [3], DG1: {fields: [3.1], where: {DG1-3.1: E11}}",
            ("DG1[2]-3.1",),
            (),
        ),
    ],
)
def test_paths_are_those_of_the_received_message(
    old: str, new: str, newly: tuple[str, ...], withheld: tuple[str, ...]
) -> None:
    (change,) = changes(old, new)
    assert (change.newly, change.withheld) == (newly, withheld)


@pytest.mark.parametrize("raw", [part2(), oru(*ORDERS, pv1=PV1.replace("W^1", "SUD1^1"))])
def test_a_notice_of_ours_is_no_part_of_what_was_received(raw: bytes) -> None:
    """42 CFR 2.32: an ARV, or a note, goes along with what it is about."""
    rest = "PV1: all, OBR: all, OBX: all, NTE: all"
    before, after = (compiled(f"PID: {fields}, {rest}") for fields in ("[3]", "[3, 7]"))
    (payload,) = decide(Message.parse(raw), after, lifted(after))["acme"].payloads
    assert payload.added
    (change,) = over(Message.parse(raw), before, after, lifted(after))
    assert (change.newly, change.withheld) == (("PID-7",), ())
