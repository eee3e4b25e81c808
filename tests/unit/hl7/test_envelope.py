"""Messages out of files of every shape."""

from __future__ import annotations

import pytest

from engine.errors import NotHL7Error
from engine.hl7.envelope import is_batch, split_messages
from engine.hl7.wire import Message

ONE = b"MSH|^~\\&|A\rPID|1\r"
TWO = b"MSH|^~\\&|B\rPID|2\r"
THREE = b"MSH!^~\\&!C\rPID!3\r"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"nothing here", []),
        (b"PID|1\r", []),
        (b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r", []),
        (ONE, [ONE]),
        (b"\xef\xbb\xbf\r\n \t" + ONE, [ONE]),
        (ONE + TWO + THREE, [ONE, TWO, THREE]),
        (ONE + b"\r\n\r\n" + TWO, [ONE, TWO]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + TWO + b"BTS|2\rFTS|1\r", [ONE, TWO]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + TWO, [ONE, TWO]),
        (ONE + b"BTS|7\r" + TWO + b"FTS", [ONE, TWO]),
        (b"BHS|^~\\&\r" + ONE + b"BTS\rBHS|^~\\&\r" + TWO + b"BTS|1\r", [ONE, TWO]),
        (b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r", [ONE, TWO]),
        (b"\x0b" + ONE + b"\x1c\r" + b"junk\r" + b"\x0b" + TWO + b"\x1c", [ONE, TWO]),
        (ONE + b"\x1c\x0b" + TWO + b"\x1c\n", [ONE, TWO]),
        (b" MSH|^~\\&|A\n  PID|1\n", [b"MSH|^~\\&|A\n  PID|1\n"]),
        (b"MSHX|1\r" + ONE, [ONE]),
    ],
)
def test_messages_are_slices_of_the_file(data: bytes, expected: list[bytes]) -> None:
    found = split_messages(data)
    assert [message.rstrip(b"\r\n") for message in found] == [
        message.rstrip(b"\r\n") for message in expected
    ]
    assert all(message in data for message in found)


def test_a_line_feed_inside_a_frame_is_no_end() -> None:
    data = b"\x0bMSH|^~\\&|A\rOBX|1|TX|||a\x1cb\r\x1c\r"
    assert split_messages(data) == [b"MSH|^~\\&|A\rOBX|1|TX|||a\x1cb\r"]


def test_text_in_utf_16_is_named_when_it_is_read() -> None:
    (found,) = split_messages(ONE.decode().encode("utf-16"))
    with pytest.raises(NotHL7Error) as refused:
        Message.parse(found)
    assert refused.value.code == "utf-16"


@pytest.mark.parametrize(
    ("payload", "batch"),
    [
        (ONE, False),
        (ONE + b"BHS|^~\\&\r", False),
        (b"BHS|^~\\&\r" + ONE, True),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE, True),
        (b"MSH\rBHS|^~\\&|a\r" + ONE, True),
        (b"MSHX\rFHS|^~\\&|a\r" + ONE, True),
        (b"BTS|1\r" + ONE, False),
    ],
)
def test_a_batch_begins_with_a_header_before_any_message(payload: bytes, batch: bool) -> None:
    assert is_batch(payload) is batch
