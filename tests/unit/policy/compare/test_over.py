"""`diff --over`: what a message shows under each of two policies."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compare.over import MessageChange, over
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, hl7, policy, rule

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
