"""The view over a message's bytes: what is found in it, and that nothing is changed."""

from __future__ import annotations

import time

import pytest

from engine.errors import NotHL7Error
from engine.hl7.wire import Delimiters, Message

HEADER = rb"MSH|^~\&|HIS|HOSP|ENG|PAYHUB|20260101120000||ADT^A01^ADT_A01|M1|P|2.5.1"


def ids(message: Message) -> list[str]:
    return [segment.id for segment in message.segments]


def test_fields_are_numbered_as_in_the_standard() -> None:
    message = Message.parse(HEADER + b"\rPID|1||77^^^HOSP\r")
    assert message.msh.field(1) == b"|"
    assert message.msh.field(2) == rb"^~\&"
    assert message.msh.field(9) == b"ADT^A01^ADT_A01"
    pid = message.segments[1]
    assert pid.fields == [b"PID", b"1", b"", b"77^^^HOSP"]
    assert (pid.id, pid.index, pid.field(3), pid.field(4)) == ("PID", 1, b"77^^^HOSP", b"")


@pytest.mark.parametrize(
    "raw",
    [
        HEADER + b"\rPID|1\rPV1|1\r",
        HEADER + b"\nPID|1\nPV1|1\n",
        HEADER + b"\r\nPID|1\r\nPV1|1\r\n",
        HEADER + b"\r\nPID|1\n\n\rPV1|1",
        HEADER + b"\n\rPID|1\r\r\rPV1|1\r\r",
        b"\xef\xbb\xbf" + HEADER + b"\rPID|1\rPV1|1\r",
        b" \t" + HEADER + b"\rPID|1\rPV1|1\r",
        b"\n\r\n  \r\n" + HEADER + b"\nPID|1\nPV1|1",
        b"380 junk\rmore junk MSH|\r" + HEADER + b"\rPID|1\rPV1|1\r",
        b"\x0b" + HEADER + b"\rPID|1\rPV1|1\r",
    ],
)
def test_any_line_ends_and_anything_before_the_header(raw: bytes) -> None:
    message = Message.parse(raw)
    assert ids(message) == ["MSH", "PID", "PV1"]
    assert [segment.raw for segment in message.segments] == [HEADER, b"PID|1", b"PV1|1"]
    assert message.raw == raw


def test_lines_that_are_no_segments_have_no_id() -> None:
    message = Message.parse(HEADER + b"\rPID|1\rpid|2\r  PV1|1\rrest of a text\rOB\r   \rZZZ\r")
    assert ids(message) == ["MSH", "PID", "", "", "", "", "", "ZZZ"]


def test_a_segment_id_ends_at_the_separator() -> None:
    message = Message.parse(rb"MSH!^~\&!A" + b"\rPID!1\rPID|1\rPIDX!1\rPV1\r")
    assert ids(message) == ["MSH", "PID", "", "", "PV1"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (rb"MSH|^~\&|A", (b"^", b"~", b"\\", b"&", b"")),
        (rb"MSH|^~\&#|A", (b"^", b"~", b"\\", b"&", b"#")),
        (rb"MSH|^~\&#@|A", (b"^", b"~", b"\\", b"&", b"#")),
        (rb"MSH|^~\$|A", (b"^", b"~", b"\\", b"$", b"")),
        (rb"MSH$%~\&$A", (b"%", b"~", b"\\", b"&", b"")),
        (rb"MSH|^~\\&|A", (b"^", b"~", b"\\", b"&", b"")),
        (rb"MSH|^~\\&#|A", (b"^", b"~", b"\\", b"&", b"#")),
        (b"MSH|&&&&|A", (b"&", b"", b"", b"", b"")),
        (b"MSH|^~^&|A", (b"^", b"~", b"", b"&", b"")),
        (b"MSH|^~|A", (b"^", b"~", b"", b"", b"")),
        (b"MSH|^|A", (b"^", b"", b"", b"", b"")),
        (b"MSH||A", (b"", b"", b"", b"", b"")),
        (b"MSH|", (b"", b"", b"", b"", b"")),
        (b"MSH|^~ &|A", (b"^", b"~", b"", b"&", b"")),
        (b"MSH|LAB^X|A", (b"", b"", b"", b"", b"")),
        (rb"MSH|^~\&", (b"^", b"~", b"\\", b"&", b"")),
        (b"MSH|^\xac\\&|A", (b"^", b"\xac", b"\\", b"&", b"")),
        ("MSH|^¬\\&|A".encode(), (b"^", "¬".encode(), b"\\", b"&", b"")),
    ],
)
def test_delimiters_are_the_message_s_own(head: bytes, expected: tuple[bytes, ...]) -> None:
    message = Message.parse(head + b"\rPID|1\r")
    assert message.delimiters == Delimiters(head[3:4], *expected)


def test_an_absent_delimiter_splits_nothing() -> None:
    message = Message.parse(b"MSH|^|A\rPID|1||A~B^C\r")
    assert message.split(b"A~B^C", message.delimiters.repetition) == [b"A~B^C"]
    assert message.split(b"A~B^C", message.delimiters.component) == [b"A~B", b"C"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not-hl7"),
        (b"MSH", "not-hl7"),
        (b"MSHA^~", "not-hl7"),
        (b"msh|^~\\&|A\r", "not-hl7"),
        (b"PID|1\rPV1|1\r", "not-hl7"),
        (b"junkMSH|^~\\&|A\r", "not-hl7"),
        (HEADER.decode().encode("utf-16"), "utf-16"),
        (HEADER.decode().encode("utf-16-be"), "utf-16"),
        (HEADER.decode().encode("utf-16-le"), "utf-16"),
        (HEADER.decode().encode("utf-32"), "utf-16"),
        (HEADER.decode().encode("utf-32-be"), "utf-16"),
        (HEADER + b"\rPID|1\r" + HEADER + b"\rPID|2\r", "several-messages"),
        (HEADER + b"\rPID|1\r  " + HEADER + b"\rPID|2\r", "several-messages"),
    ],
)
def test_what_is_no_message_is_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(NotHL7Error) as refused:
        Message.parse(raw)
    assert refused.value.code == code


def test_occurrences_of_a_segment() -> None:
    message = Message.parse(HEADER + b"\rOBX|1\rPID|1\rOBX|2\r")
    assert [segment.index for segment in message.all("OBX")] == [1, 3]
    assert message.all("IN1") == []


def test_neither_message_nor_segment_shows_content_when_printed() -> None:
    message = Message.parse(HEADER + b"\rPID|1||SECRET\rSECRET\r")
    assert "SECRET" not in repr(message) + repr(message.segments)


def test_large_messages_take_linear_time() -> None:
    """842 segments, a field of 600 KB, many blank lines: no step looks twice at the same bytes."""
    lines = [HEADER] + [b"OBX|%d|TX|1^X||%s" % (n, b"x~" * 200) for n in range(842)]
    lines.append(b"OBX|843|ED|1^X||" + b"A" * 600_000)
    raw = b"\n\r" * 50_000 + b" " * 100_000 + b"\r" + b"\r\n".join(lines)
    started = time.process_time()
    message = Message.parse(raw)
    assert [len(segment.fields) for segment in message.segments][-1] == 6
    assert time.process_time() - started < 0.5


def test_a_header_without_encoding_characters_has_none() -> None:
    view = Message.parse(b"MSH||HIS|HOSP\rPID|1\r")
    assert view.delimiters.field == b"|"
    assert not any(
        (
            view.delimiters.component,
            view.delimiters.repetition,
            view.delimiters.escape,
            view.delimiters.subcomponent,
        )
    )
    assert view.msh.field(3) == b"HIS"
