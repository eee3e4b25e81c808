"""Paths as written, and what they read."""

from __future__ import annotations

import pytest

from engine.hl7.path import Path, texts, texts_in, values, values_in
from engine.hl7.wire import Message

MESSAGE = Message.parse(
    rb"MSH|^~\&|HIS|HOSP|||20260101||ADT^A01^ADT_A01|M1|P|2.5"
    b'\rPID|1||77^^^HOSP&1.2&ISO^MR~A9^^^ACME^MB||DOE^JANE^^^||""|F\\S\\|^^^|^&^'
    b"\rOBX|1|NM|1554-5^Glucose||182\rOBX|2|TX|||low~high~\rOBX|3|TX"
)


@pytest.mark.parametrize("text", ["PID", "PID-3", "PID-3.1.2", "PID-3[2].1", "OBX[3]-5", "ZX1[2]"])
def test_a_path_is_printed_as_it_is_written(text: str) -> None:
    assert str(Path.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "pid-3", "PID-0", "PID-3.", "PID[0]-1", "PIDX-1", "PID.3", "PID-3.1.1.1", "PID-٣"]
)
def test_anything_else_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Path.parse(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("MSH-1", ["|"]),
        ("MSH-2", ["^~\\&"]),
        ("MSH-2.2", []),
        ("MSH-9.1", ["ADT"]),
        ("MSH-9", ["ADT^A01^ADT_A01"]),
        ("PID-1", ["1"]),
        ("PID-1.1.1", ["1"]),
        ("PID-1.2", []),
        ("PID-2", []),
        ("PID-3", ["77^^^HOSP&1.2&ISO^MR", "A9^^^ACME^MB"]),
        ("PID-3.1", ["77", "A9"]),
        ("PID-3[2].5", ["MB"]),
        ("PID-3[3]", []),
        ("PID-3.4", ["HOSP&1.2&ISO", "ACME"]),
        ("PID-3.4.1", ["HOSP", "ACME"]),
        ("PID-3.4.2", ["1.2"]),
        ("PID-3.2", []),
        ("PID-5", ["DOE^JANE"]),
        ("PID-5.3", []),
        ("PID-7", ['""']),
        ("PID-8", ["F^"]),
        ("PID-9", []),
        ("PID-10", []),
        ("PID-10.2", []),
        ("PID-99", []),
        ("OBX-1", ["1", "2", "3"]),
        ("OBX[2]-5", ["low", "high"]),
        ("OBX[4]-5", []),
        ("OBX-3.1", ["1554-5"]),
        ("OBX[3]", ["OBX|3|TX"]),
        ("IN1", []),
        ("IN1-3", []),
    ],
)
def test_what_a_path_reads(path: str, found: list[str]) -> None:
    assert texts(MESSAGE, Path.parse(path)) == found


def test_values_come_as_received_with_their_segment() -> None:
    found = values(MESSAGE, Path.parse("PID-8"))
    assert [(segment.id, value) for segment, value in found] == [("PID", b"F\\S\\")]


def test_one_segment_can_be_read_alone() -> None:
    second = MESSAGE.all("OBX")[1]
    assert texts_in(MESSAGE, second, Path.parse("OBX-5")) == ["low", "high"]
    assert values_in(MESSAGE, second, Path.parse("OBX-5[2]")) == [b"high"]


def test_a_header_s_delimiters_are_not_unescaped() -> None:
    message = Message.parse(b"MSH|^~\\F\\|A\r")
    assert texts(message, Path.parse("MSH-2")) == ["^~\\F\\"]


def test_a_message_without_separators_has_whole_values() -> None:
    message = Message.parse(b"MSH||HIS|\rPID|1||A^B~C\r")
    assert texts(message, Path.parse("PID-3")) == ["A^B~C"]
    assert texts(message, Path.parse("PID-3.1")) == ["A^B~C"]
    assert texts(message, Path.parse("PID-3.2")) == []


def test_what_a_path_does_not_say_means_all() -> None:
    assert Path("OBX", 1) == Path.parse("OBX-1")
    assert Path("PID") == Path.parse("PID")
