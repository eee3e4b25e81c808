"""Whatever the bytes are: a message that is a view of them, or a named refusal."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import NotHL7Error
from engine.hl7.build import cut_field, join_segments
from engine.hl7.charset import UTF_8
from engine.hl7.envelope import split_messages
from engine.hl7.escape import escape, unescape
from engine.hl7.groups import parents, patients
from engine.hl7.path import Path, texts
from engine.hl7.wire import Delimiters, Message

PUNCTUATION = "!#$%&()*+,-./:;<=>?@[\\]^_`{|}~"
SETS = ["", "ASCII", "UNICODE UTF-8", "8859/1", "GB 18030-2000", "BIG-5", "SJIS", "~ISO IR87", "X"]

delimiters = st.permutations(PUNCTUATION).map(lambda chars: "".join(chars[:6]).encode())
line_ends = st.sampled_from([b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r"])
names = st.sampled_from(
    ["PID", "PV1", "NTE", "OBR", "OBX", "ORC", "IN1", "IN2", "FT1", "DG1", "ZZZ", "pid", "X"]
)
content = st.one_of(
    st.binary(max_size=12), st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace"))
).map(lambda value: re.sub(rb"[\r\n]|MSH", b" ", value))


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A message with delimiters of its own, and its lines."""
    marks = draw(delimiters)
    separator = marks[:1]
    fields = [b"HIS", b"", b"", b"", b"", b"", draw(st.sampled_from([b"ADT", b"ORU", b"DFT"]))]
    fields += [b"", b"M1", b"P", b"2.5"] + [b""] * 5 + [draw(st.sampled_from(SETS)).encode()]
    lines = [b"MSH" + separator + marks[1:] + separator + separator.join(fields)]
    for name in draw(st.lists(names, max_size=8)):
        cells = draw(st.lists(content, max_size=6))
        joiners = [draw(st.sampled_from([marks[i : i + 1] for i in range(5)])) for _ in cells]
        body = b"".join(joiner + cell for joiner, cell in zip(joiners, cells, strict=True))
        lines.append(name.encode() + separator + body)
    raw = b"".join(line + draw(line_ends) for line in lines)
    return raw, lines


@given(messages())
def test_a_message_is_its_lines_and_its_fields_are_slices(case: tuple[bytes, list[bytes]]) -> None:
    raw, lines = case
    message = Message.parse(raw)
    assert message.raw == raw
    assert [segment.raw for segment in message.segments] == lines
    assert join_segments(segment.raw for segment in message.segments) == b"\r".join(lines) + b"\r"
    separator = message.delimiters.field
    for segment in message.segments[1:]:
        assert separator.join(segment.fields) == segment.raw
        for value in segment.fields:
            for mark in (message.delimiters.component, message.delimiters.repetition):
                assert mark.join(message.split(value, mark)) == value


@given(messages())
def test_parents_make_a_forest(case: tuple[bytes, list[bytes]]) -> None:
    message = Message.parse(case[0])
    found = parents(message)
    for index in range(len(found)):
        above = [index]
        while above[-1] >= 0:
            assert above[-1] not in above[:-1]
            above.append(found[above[-1]])
    covered = [index for each in patients(message) for index in each]
    assert covered == sorted(set(covered))


@given(messages(), st.sets(st.integers(1, 4), max_size=3))
def test_cutting_only_takes_away(case: tuple[bytes, list[bytes]], components: set[int]) -> None:
    message = Message.parse(case[0])
    marks = message.delimiters
    for segment in message.segments[1:]:
        for value in segment.fields:
            kept = cut_field(message, value, components)
            assert len(kept) <= len(value)
            assert cut_field(message, kept, components) == kept
            before = [message.split(part, marks.component) for part in split(message, value)]
            after = [message.split(part, marks.component) for part in split(message, kept)]
            for old, new in zip(before, after, strict=False):
                for number, part in enumerate(new, start=1):
                    assert part == (old[number - 1] if number in components else b"")


def split(message: Message, value: bytes) -> list[bytes]:
    return message.split(value, message.delimiters.repetition)


heads = st.sampled_from(
    [b"", b"MSH", b"MSH|", b"MSH|^~\\&|", b"\rMSH|&&&&|", b"\xff\xfe", b"MSH||"]
)


@given(heads, st.binary(max_size=200), st.sampled_from(["MSH-2", "PID-3.1", "OBX[2]-5[1].2.3"]))
@example(b"MSH|^~\\&|", b"\rORC|1\rMSH|", "MSH-2")
def test_any_bytes_are_a_message_or_refused(head: bytes, rest: bytes, path: str) -> None:
    data = head + rest
    assert all(part in data for part in split_messages(data))
    try:
        message = Message.parse(data)
    except NotHL7Error:
        return
    parents(message)
    patients(message)
    texts(message, Path.parse(path))
    for segment in message.segments:
        assert isinstance(message.text(segment.raw), str)


@given(st.text(), delimiters)
def test_what_is_escaped_comes_back(text: str, marks: bytes) -> None:
    own = Delimiters(*(marks[i : i + 1] for i in range(6)))
    escaped = escape(text, own)
    assert unescape(escaped, own, UTF_8) == text
    assert not any(mark in escaped for mark in (own.field.decode(), own.component.decode(), "\r"))


@given(st.text(alphabet="\\FSTREXH.br0dZ|^&~ ", max_size=30))
def test_unescaping_never_fails(text: str) -> None:
    unescape(text, Delimiters(b"|", b"^", b"~", b"\\", b"&", b"#"), UTF_8)
