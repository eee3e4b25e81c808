"""Real messages: everything is taken in, and comes out as it went in."""

from __future__ import annotations

import re
from pathlib import Path

import hl7apy.parser
import pytest

from engine.errors import NotHL7Error
from engine.hl7 import path
from engine.hl7.build import join_segments
from engine.hl7.envelope import split_messages
from engine.hl7.groups import parents, patients
from engine.hl7.wire import Message

OWN = rb"""MSH|^~\&|HIS|HOSP|ENG|PAYHUB|20260101120000||ADT^A01^ADT_A01|M1|P|2.5.1
EVN|A01|20260101120000
PID|1||77^^^HOSP&1.2.3&ISO^MR~A9^^^ACME^MB||DOE^JANE^Q||19800101|F|||1 MAIN ST^^ANYTOWN^NY^12345
PV1|1|I|W1^101^A|||||||||||||||||V0001
DG1|1||I10^Hypertension^I10|||A
IN1|1|PLANA|ACME01|ACME HEALTH||||||||||||||||||1
"""


def test_every_message_is_read_and_put_together_again(corpus: list[Path]) -> None:
    parsed = 0
    for data in [OWN, *(file.read_bytes() for file in corpus)]:
        for raw in split_messages(data):
            message = Message.parse(raw)
            parsed += 1
            lines = [line for line in re.split(rb"\r\n|\r|\n", raw) if line]
            assert join_segments(s.raw for s in message.segments) == b"\r".join(lines) + b"\r"
            for segment in message.segments:
                name = segment.raw.split(message.delimiters.field)[0]
                again = message.delimiters.field.join(segment.fields)
                if segment.id == "MSH":
                    again = again.replace(message.delimiters.field * 3, segment.raw[3:4], 1)
                assert message.charset.mask or again == segment.raw
                assert segment.id in (name.decode("latin-1"), "")
                assert not message.text(segment.raw).startswith("\x00")
            assert len(parents(message)) == len(message.segments)
            assert all(each.start < each.stop for each in patients(message))
    assert parsed >= (2900 if corpus else 1)


def test_a_whole_file_is_a_message_or_refused(corpus: list[Path]) -> None:
    for file in corpus:
        data = file.read_bytes()
        match len(split_messages(data)):
            case 0:
                code = "not-hl7"
            case 1:
                Message.parse(data)
                continue
            case _:
                code = "several-messages"
        with pytest.raises(NotHL7Error) as refused:
            Message.parse(data)
        assert refused.value.code == code


@pytest.mark.parametrize("version", ["2.3", "2.5.1"])
def test_another_parser_finds_the_same_fields(version: str) -> None:
    """Where it is known to read correctly: standard segments, no trailing empty fields."""
    text = OWN.replace(b"2.5.1\n", version.encode() + b"\n").replace(b"\n", b"\r")
    message = Message.parse(text)
    oracle = hl7apy.parser.parse_message(text.decode(), find_groups=False)
    for ours, theirs in zip(message.segments, oracle.children, strict=True):
        assert ours.id == theirs.name
        last = max(int(field.name.rpartition("_")[2]) for field in theirs.children)
        assert last == len(ours.fields) - 1
        for number in range(3, last + 1):
            found = [
                field.to_er7()
                for field in theirs.children
                if field.name == f"{ours.id}_{number}" and field.to_er7()
            ]
            assert path.texts_in(message, ours, path.Path(ours.id, number)) == found
