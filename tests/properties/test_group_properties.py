"""Laws of groups, on messages whose segments stand in any order, and on the public ones."""

from __future__ import annotations

import pathlib

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NotHL7Error
from engine.hl7.envelope import split_messages
from engine.hl7.groups import parents, patients
from engine.hl7.wire import Message

KINDS = ["ADT^A01", "ADT^A45", "ADT^A40", "ORU^R01", "DFT^P03", "DFT^P11", "BAR^P01", "MDM^T02"]
_IDS = (
    "EVN PID PD1 NK1 PV1 PV2 MRG AL1 DG1 DRG PR1 ROL GT1 IN1 IN2 IN3 ACC ORC OBR OBX NTE TQ1 TQ2"
    " SPM FT1 TXA CON PRT ARV CTD RXA RXR ZZZ QQQ pid"
)
IDS = _IDS.split()
ALONE = {"MSH", "EVN"}


@st.composite
def messages(draw: st.DrawFn) -> Message:
    kind = draw(st.sampled_from([*KINDS, "VXU^V04", "ORM^O01", ""]))
    ids = draw(st.lists(st.sampled_from(IDS), max_size=30))
    head = rf"MSH|^~\&|A|B|C|D|20260101||{kind}|M1|P|2.5.1"
    lines = [head, *(f"{name}|{number}" for number, name in enumerate(ids))]
    return Message.parse("\r".join(lines).encode())


def judge(message: Message) -> None:
    """What must be so of any message whatever."""
    found = parents(message)
    ranges = patients(message)
    assert len(found) == len(message.segments)
    for index, segment in enumerate(message.segments):
        seen = {index}
        above = found[index]
        if segment.id in ALONE:
            assert above == -1
        while above >= 0:
            assert above not in seen, "a segment is above itself"
            seen.add(above)
            above = found[above]
        of_patient = [each for each in ranges if index in each]
        for holder in seen:
            assert not of_patient or holder in of_patient[0], "it hangs from another patient"
    starts = [each.start for each in ranges]
    ends = [each.stop for each in ranges]
    assert starts[1:] == ends[:-1]


@given(messages())
def test_groups_are_trees_within_a_patient(message: Message) -> None:
    judge(message)


@given(messages(), st.data())
def test_what_nobody_knows_changes_nothing_for_the_others(
    message: Message, data: st.DataObject
) -> None:
    """A Z segment hangs somewhere and moves nobody."""
    lines = [segment.raw for segment in message.segments]
    at = data.draw(st.integers(1, len(lines)))
    more = Message.parse(b"\r".join([*lines[:at], b"ZAA|1", *lines[at:]]))
    found = parents(more)
    without = [parent - 1 if parent > at else parent for i, parent in enumerate(found) if i != at]
    assert at not in found
    assert tuple(without) == parents(message)


def test_the_public_messages_keep_these_laws(corpus: list[pathlib.Path]) -> None:
    for path in corpus:
        for raw in split_messages(path.read_bytes()):
            try:
                message = Message.parse(raw)
            except NotHL7Error:
                continue
            if len(message.segments) < 400:
                judge(message)
