"""Writing: joining slices, and emptying what is not to be sent."""

from __future__ import annotations

import pytest

from engine.hl7.build import (
    cut_field,
    field_value,
    join_fields,
    join_segments,
    put_field,
    with_control_id,
)
from engine.hl7.wire import Message

MESSAGE = Message.parse(rb"MSH|^~\&|HIS" + b"\rPID|1||77||DOE^JANE|||\r")


def test_every_segment_ends_in_cr() -> None:
    assert join_segments([b"MSH|^~\\&", b"PID|1"]) == b"MSH|^~\\&\rPID|1\r"


def test_a_segment_is_written_as_it_was_read_but_for_trailing_empty_fields() -> None:
    msh, pid = MESSAGE.segments
    assert join_fields(msh.fields, b"|") == msh.raw
    assert join_fields(pid.fields, b"|") == b"PID|1||77||DOE^JANE"
    assert join_fields([b"PID", b"", b""], b"|") == b"PID"
    assert join_fields([b"MSH", b"|", b"", b""], b"|") == b"MSH|"
    assert join_fields([b"MSH", b"|", b"^~\\&", b"", b"X"], b"|") == b"MSH|^~\\&||X"


def test_a_field_is_put_in_its_place() -> None:
    fields = [b"PID", b"1"]
    put_field(fields, 4, b"X")
    put_field(fields, 1, b"2")
    assert fields == [b"PID", b"2", b"", b"", b"X"]


def test_another_control_id_changes_nothing_else() -> None:
    rest = b"\rPID|1||77||DOE\r"
    header = rb"MSH|^~\&|HIS|HOSP|||2026||ADT^A01|%b|P|2.5"
    message = header % b"M1" + rest
    assert with_control_id(message, b"E100") == header % b"E100" + rest
    assert with_control_id(message, b"M1") is message
    short = rb"MSH|^~\&|HIS"
    assert with_control_id(short + rest, b"E1") == short + b"|||||||E1" + rest


@pytest.mark.parametrize(
    ("value", "components", "kept"),
    [
        (b"DOE^JANE^Q", {1}, b"DOE"),
        (b"DOE^JANE^Q", {2}, b"^JANE"),
        (b"DOE^JANE^Q", {1, 3}, b"DOE^^Q"),
        (b"DOE^JANE^Q", {4}, b""),
        (b"DOE^JANE^Q", set(), b""),
        (b"DOE", {1}, b"DOE"),
        (b"DOE", {2}, b""),
        (b"", {1}, b""),
        (b'""', {1}, b'""'),
        (b'""', {2}, b""),
        (b"^^^A&B&&", {4}, b"^^^A&B&&"),
        (b"A^1~B^2~C^3", {1}, b"A~B~C"),
        (b"A^1~B^2~C", {2}, b"^1~^2"),
        (b"A~B^2~C", {2}, b"~^2"),
        (b"A~~C~", {1}, b"A~~C"),
        (b"A\\S\\B^C", {1}, b"A\\S\\B"),
    ],
)
def test_cutting_keeps_components_in_every_repetition(
    value: bytes, components: set[int], kept: bytes
) -> None:
    assert cut_field(MESSAGE, value, components) == kept


def test_nothing_is_kept_where_components_cannot_be_told_apart() -> None:
    assert cut_field(Message.parse(b"MSH||HIS"), b"DOE^JANE", {1}) == b""


def test_repetitions_need_a_separator() -> None:
    assert cut_field(Message.parse(b"MSH|^|HIS"), b"A~B^C", {1}) == b"A~B"


def test_a_multibyte_character_is_never_cut() -> None:
    header = rb"MSH|^~\&|||||||ADT|1|P|2.5||||||GB 18030-2000"
    message = Message.parse(header + b"\rPID|\xa9\x5e\xa9\x7e^\xa9\x5e\r")
    assert cut_field(message, message.segments[1].field(1), {1}) == b"\xa9\x5e\xa9\x7e"


def test_a_text_of_our_own_is_escaped_and_in_the_message_s_set() -> None:
    assert field_value(MESSAGE, "A|B\rC") == rb"A\F\B\X0D\C"
    assert field_value(MESSAGE, "é") == "é".encode()
    latin = Message.parse(rb"MSH|^~\&|||||||ADT|1|P|2.5||||||8859/1")
    assert field_value(latin, "é") == b"\xe9"
