"""A character set that hides delimiters, and a text that is not in it."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.privacy.coverage import learn
from tests.support.cutting import code, hl7, policy, rule


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # Each byte before `|` seems to make one character with it.
        ("SHIFT-JIS", b"D\x85|SECRET\xa0"),
        ("BIG5", "DUPR\u00e9|SECR\u00e9 ".encode("latin-1")),
        ("GB18030-2000", "DUPR\u00e9|SECR\u00e9 ".encode("latin-1")),
        # The second byte of no character, and a shift that is never taken back.
        ("ISO IR87", b"\x1b$B%F|SECRET|"),
        ("ISO IR87", b"\x1b$B%F%9|SECRET|\x1b$B"),
    ],
)
def test_a_character_set_that_the_text_is_not_in_holds(name: str, text: bytes) -> None:
    compiled = policy([rule("r", "coverage: any", "PID: [3, 5]")])
    raw = hl7("ADT^A01", "PID|1||A^^^H||TEXT|x|y", msh=f"P|2.5.1||||||{name}")
    assert code(compiled, raw.replace(b"TEXT", text)) == "structure"


@pytest.mark.parametrize("name", ["UNICODE UTF-16", "UNICODE UTF-32", "CNS 11643-1992"])
@pytest.mark.parametrize("text", [b"DOE", "籼".encode("utf-16-be"), "王".encode()])
def test_a_character_set_that_is_not_divided_by_bytes_holds(name: str, text: bytes) -> None:
    """In UTF-16 the two bytes of U+7C7C are `||`."""
    compiled = policy([rule("r", "coverage: any", "PID: [3, 5]")])
    raw = hl7("ADT^A01", "PID|1||A^^^H||TEXT|x|y", msh=f"P|2.5.1||||||{name}")
    assert code(compiled, raw.replace(b"TEXT", text)) == "structure"
    assert code(compiled, raw.replace(name.encode(), b"UNICODE UTF-8")) == "granted"


def test_a_message_that_cannot_be_taken_apart_teaches_no_coverage() -> None:
    compiled = policy([rule("r", "coverage: any", "PID: [3, 5]")])
    insured = ("PID|1||A^^^H", "IN1|1|P|ACME|TEXT")
    for name, text, teaches in (
        ("UNICODE UTF-8", "籼".encode(), True),
        ("UNICODE UTF-16", "籼".encode("utf-16-be"), False),
        ("BIG5", "DUPR\u00e9|SECR\u00e9 ".encode("latin-1"), False),
        ("BIG5", "育功".encode("big5"), True),
    ):
        raw = hl7("ADT^A01", *insured, msh=f"P|2.5.1||||||{name}").replace(b"TEXT", text)
        assert bool(learn(Message.parse(raw), compiled.identify)) is teaches, name


def test_a_character_set_that_the_text_is_in_holds_nothing() -> None:
    compiled = policy([rule("r", "message: ADT^A01, coverage: any", "PID: [3, 5]")])
    for name, codec, text in (
        ("SHIFT-JIS", "cp932", "ポソ表"),
        ("BIG5", "big5", "育功"),
        ("GB18030-2000", "gb18030", "中镳"),
        ("ISO IR87", "iso2022_jp", "日本"),
    ):
        raw = hl7("ADT^A01", "PID|1||A^^^H||TEXT|x|y", msh=f"P|2.5.1||||||{name}")
        assert code(compiled, raw.replace(b"TEXT", text.encode(codec))) == "granted", name


@pytest.mark.parametrize("kind", ["ADT\u00e9^A01", "ADT^A\u00e9", "\u00e9"])
def test_a_type_beyond_ascii_is_a_type_that_no_rule_names(kind: str) -> None:
    compiled = policy([rule("r", "message: ADT^A01, coverage: any", "PID: [3, 5]")])
    raw = hl7(kind, "PID|1||A^^^H||TEXT|x|y", msh="P|2.5.1||||||UNICODE UTF-8")
    assert code(compiled, raw) in {"no-rule", "above-ceiling"}
