"""The look of a site that has not changed: what was cut is sent."""

from __future__ import annotations

import pytest

from engine.delivery.look import AsCut, NotYet, ParkIt, Send, control_id_of
from engine.errors import EngineError
from engine.store.keyfile import KeysAwayError
from engine.store.port import Opened
from tests.support.delivery_rig import message


def opened(payload: bytes) -> Opened:
    return Opened("1-0", "r1", 0, payload, b"{}", 1, False, 0)


def test_what_was_cut_is_sent_with_its_own_control_id() -> None:
    look = AsCut(lambda entry: entry.sealed)
    assert look(opened(message("ID-7"))) == Send(message("ID-7"), b"ID-7")


def test_what_cannot_be_unsealed_is_parked() -> None:
    def no_key(entry: Opened) -> bytes:
        raise EngineError("sealed", "The key is not known.")

    assert AsCut(no_key)(opened(b"")) == ParkIt("undecipherable")


@pytest.mark.parametrize(
    "payload",
    [b"", b"MSH", b"MSH|^~\\&|a|b\rPID|1|2|3|4|5|6|7|8|9|10\r", b"PID|1|2|3|4|5|6|7|8|9|10"],
)
def test_what_has_no_control_id_is_parked(payload: bytes) -> None:
    assert AsCut(lambda entry: entry.sealed)(opened(payload)) == ParkIt("undecipherable")


@pytest.mark.parametrize(
    ("name", "facility"), [("SHIFT-JIS", "ポ"), ("BIG5", "育"), ("UNICODE UTF-8", "é"), ("", "é")]
)
def test_a_separator_that_is_half_a_character_hides_no_control_id(name: str, facility: str) -> None:
    codec = {"SHIFT-JIS": "cp932", "BIG5": "big5"}.get(name, "utf-8")
    header = f"MSH|^~\\&|HIS|{facility}|E|P|2026||ADT^A01|ID|P|2.5.1||||||{name}"
    payload = f"{header}\rPID|1||{facility}\r".encode(codec)
    assert control_id_of(payload) == b"ID"


def test_the_control_id_ends_with_its_field_or_its_segment() -> None:
    assert control_id_of(b"MSH#^~\\&#3#4#5#6#7#8#9#ID#P#2.5\rPID#1\r") == b"ID"
    assert control_id_of(b"MSH|^~\\&|3|4|5|6|7|8|9|ID\rPID|1\r") == b"ID"


def test_what_cannot_be_opened_now_is_tried_again() -> None:
    def away(_: Opened) -> bytes:
        raise KeysAwayError("content-keys-missing", "they are not there")

    assert AsCut(away)(opened(b"")) == NotYet("content-keys-missing")
