"""Character sets: MSH-18 as a hint, and delimiters that hide in characters."""

from __future__ import annotations

import time

import pytest

from engine.hl7.charset import UTF_8, Charset, detect
from engine.hl7.wire import Message

DELIMITERS = b"|^~\\&"


def header(charset: str, facility: bytes = b"HOSP") -> bytes:
    return (
        rb"MSH|^~\&|HIS|"
        + facility
        + b"|ENG|PAYHUB|20260101||ADT^A01|M1|P|2.5||||||"
        + charset.encode()
    )


def message(charset: str, value: bytes) -> Message:
    return Message.parse(header(charset) + b"\rPID|1||7||" + value + b"||19800101\r")


def characters_with_delimiters(codec: str) -> list[bytes]:
    """All two-byte characters of a set whose second byte is one of the usual delimiters."""
    found = []
    for lead in range(0x81, 0xFF):
        for trail in DELIMITERS:
            pair = bytes((lead, trail))
            try:
                text = pair.decode(codec)
            except UnicodeDecodeError:
                continue
            if len(text) == 1:
                found.append(pair)
    return found


@pytest.mark.parametrize(
    ("named", "value", "text"),
    [
        ("", b"DOE", "DOE"),
        ("", "Müller".encode(), "Müller"),
        ("", b"M\xfcller", "Müller"),
        ("ASCII", "Müller".encode(), "Müller"),
        ("8859/1", b"M\xfcller", "Müller"),
        ("8859/2", b"\xa3\xf3d\xbc", "Łódź"),
        ("8859/13", b"\xd0", "Š"),
        ("8859/15", b"\xa4", "€"),
        ("ISO 8859-13", b"\xd0", "Š"),
        ("ISO 8859-16", b"\xa4", "€"),
        ("UNICODE UTF-8", "Ó".encode(), "Ó"),
        ("UNICODE UTF-8", b"\xd3", "Ó"),
        ("UNICODE UTF-16", "Ó".encode(), "Ó"),
        ("KS X 1001", "홍길동".encode("euc_kr"), "홍길동"),
        ("GB 18030-2000", "王明".encode("gb18030"), "王明"),
        ("BIG-5", "陳功".encode("big5"), "陳功"),
        ("~ISO IR87", "山田".encode("iso2022_jp"), "山田"),
        ("ISO IR 999", b"\x81\x93", "\x81“"),
        ("CNS 11643-1992", "é".encode(), "é"),
    ],
)
def test_the_declared_set_then_utf_8_then_windows_1252(named: str, value: bytes, text: str) -> None:
    view = message(named, value)
    assert view.segments[1].field(5) == value
    assert view.text(value) == text


def test_only_a_guess_is_uncertain() -> None:
    assert UTF_8.decode(b"abc") == ("abc", True)
    assert Charset("gb18030").decode("é".encode())[1]
    assert UTF_8.decode(b"\xe9\x81") == ("é\x81", False)


@pytest.mark.parametrize(
    ("named", "codec", "at_least"),
    [("GB 18030-2000", "gb18030", 504), ("BIG-5", "big5", 352), ("Shift_JIS", "cp932", 146)],
)
def test_no_character_is_cut_in_two(named: str, codec: str, at_least: int) -> None:
    """Every character whose second byte is a delimiter, in fields, components and repetitions."""
    pairs = characters_with_delimiters(codec)
    assert len(pairs) >= at_least
    cells = [b"a" + pair + b"b" + pair for pair in pairs]
    view = Message.parse(header(named) + b"\rZZZ|" + b"|".join(cells) + b"\r")
    assert view.segments[1].fields[1:] == cells
    assert view.split(b"^".join(cells), b"^") == cells
    assert view.split(b"~".join(cells), b"~") == cells
    assert view.split(b"&".join(cells), b"&") == cells
    assert [view.text(cell) for cell in cells] == [cell.decode(codec) for cell in cells]


def test_such_a_character_before_msh_18_does_not_hide_it() -> None:
    facility = b"\xa9\x7c\xa9\x5c"
    view = Message.parse(header("GB 18030-2000", facility) + b"\rPID|1||7||\xa9\x5e\r")
    assert view.msh.field(4) == facility
    assert view.msh.field(18) == b"GB 18030-2000"
    assert view.segments[1].field(5) == b"\xa9\x5e"


def test_japanese_shift_sequences_hide_delimiters() -> None:
    value = "山|田".encode("iso2022_jp")
    name = "ゞ弐".encode("iso2022_jp")
    view = message("~ISO IR87", name + b"^" + name)
    assert view.split(view.segments[1].field(5), b"^") == [name, name]
    assert len(value.split(b"|")) == 2


def test_utf_8_that_is_declared_as_something_else_is_read_as_utf_8() -> None:
    """Otherwise the last byte of a name would swallow the delimiter after it."""
    view = message("GB 18030-2000", "王^明".encode())
    assert view.split(view.segments[1].field(5), b"^") == ["王".encode(), "明".encode()]
    assert view.segments[1].field(7) == b"19800101"
    assert view.text("王".encode()) == "王"


def test_a_message_in_ascii_needs_no_set() -> None:
    raw = header("GB 18030-2000")
    assert detect(raw, raw, b"|", b"~") is UTF_8


def test_writing_replaces_what_the_set_cannot_say() -> None:
    assert Charset("iso8859_1").encode("Ł é") == b"? \xe9"


def test_a_long_text_is_split_in_linear_time() -> None:
    value = "王明|".encode("gb18030") * 100_000
    started = time.process_time()
    view = message("GB 18030-2000", value)
    assert len(view.segments[1].fields) > 100_000
    assert time.process_time() - started < 1


@pytest.mark.parametrize("named", ["8859/12", "8859/17", "ISO 8859-12", "ISO 8859-17"])
def test_a_part_that_iso_8859_does_not_have_is_not_declared(named: str) -> None:
    assert message(named, "Müller".encode()).charset is UTF_8


def test_where_the_declared_set_does_not_fit_utf_8_is_certain() -> None:
    assert Charset("euc_jp").decode("€".encode()) == ("€", True)
    assert Charset("euc_jp").decode(b"\xff") == ("ÿ", False)


@pytest.mark.parametrize(("named", "codec"), [("BIG-5", "cp950"), ("BIG-5", "big5hkscs")])
def test_a_text_of_a_wider_set_under_the_smaller_one_s_name_divides(named: str, codec: str) -> None:
    only = next(
        text
        for text in map(chr, range(0x2000, 0xFFFF))
        if _says(codec, text) and not _says("big5", text)
    )
    view = message(named, only.encode(codec))
    assert view.charset.divides(view.raw)


def _says(codec: str, text: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("named", "value", "divides"),
    [
        ("~ISO IR87", "山田".encode("iso2022_jp"), True),
        ("~ISO IR87", "山田".encode("iso2022_jp").removesuffix(b"\x1b(B"), False),
        ("Shift_JIS", "山田".encode("cp932"), True),
        ("Shift_JIS", b"\x81\xff", False),
        ("8859/1", b"\xff", True),
    ],
)
def test_whether_it_is_certain_which_delimiters_are_delimiters(
    named: str, value: bytes, divides: bool
) -> None:
    view = message(named, value)
    assert view.charset.divides(view.raw) is divides


@pytest.mark.parametrize(
    "named",
    [
        *("UNICODE UTF-16", "UTF-16", "UNICODE UTF-32", "utf32", "CNS 11643-1992", "CNS 11643"),
        *("ASCII~UNICODE UTF-16", "BIG-5~CNS 11643-1992", "~UTF-16"),
    ],
)
@pytest.mark.parametrize("value", [b"DOE", "王".encode("utf-16-be"), "é".encode(), b"\x1b$"])
def test_in_a_set_of_wide_characters_no_delimiter_is_certain(named: str, value: bytes) -> None:
    view = message(named, value)
    assert not view.charset.divides(view.raw)


@pytest.mark.parametrize("named", ["", "UNICODE", "UNICODE UTF-8", "UTF-8", "ISO IR14", "BIG-5"])
def test_in_others_a_text_in_ascii_is_certain(named: str) -> None:
    view = message(named, b"DOE")
    assert view.charset.divides(view.raw)


def test_a_set_that_hides_nothing_splits_wherever_a_delimiter_stands() -> None:
    assert UTF_8.split("é^ü".encode(), b"^") == ["é".encode(), "ü".encode()]
    assert UTF_8.split(b"a^b", b"") == [b"a^b"]
