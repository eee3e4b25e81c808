"""Which characters the bytes mean: a hint from MSH-18, never trusted, never fatal.

Law: bytes are decoded to compare or to show, never to forward. MSH-18 (table 0211) is tried
first, then UTF-8, then Windows-1252, which accepts every byte and is reported as a guess. In
GB18030, BIG-5, Shift-JIS and the ISO 2022 sets a character can hold a byte that equals a
delimiter, so values are split on a *shadow* in which such characters are blanked out, and the
slices are taken from what was received (HL7 2.9.1 §2.14.9.18, §2.6.1). Where a set is declared in
which any byte may be half of a character, it is never certain what a delimiter is.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

#: ESC, as a number: looking for a byte is faster than for a string of one.
_ESCAPE = 0x1B

#: Field separators before MSH-18, MSH-1 among them.
_BEFORE_MSH_18 = 17

#: Windows-1252 with its five undefined bytes read as the C1 controls of the same number.
_WINDOWS_1252 = "".join(
    bytes((byte,)).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
    for byte in range(256)
)

# Runs of characters of more than one byte, so that a long text costs one substitution.
_GB18030 = re.compile(
    rb"(?:[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[\x30-\x39][\x81-\xfe][\x30-\x39]))+"
)
_BIG5 = re.compile(rb"(?:[\x81-\xfe][\x40-\x7e\x80-\xfe])+")
_SHIFT_JIS = re.compile(rb"(?:[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc])+")
# After ESC $ ... two bytes make a character, until the next ESC; a segment starts in ASCII anew.
_ISO_2022 = re.compile(rb"\x1b\$(?:\([@-Z]|[@AB])[^\x1b\r\n]*")
# What is never taken back hides every delimiter to the end of its segment (§2.14.9.18).
_NOT_TAKEN_BACK = re.compile(_ISO_2022.pattern + rb"(?![^\r\n])")


@dataclass(frozen=True, slots=True)
class Charset:
    """One character set: its Python codec, and what hides delimiters in it (None: nothing).

    `is_wide`: any byte of it may be half of a character, so that nothing divides it.
    """

    codec: str
    mask: re.Pattern[bytes] | None = None
    is_wide: bool = False

    def decode(self, value: bytes) -> tuple[str, bool]:
        """The text of `value`, and whether it is certain (False: neither set nor UTF-8 fits)."""
        for codec in (self.codec, "utf-8"):
            try:
                return value.decode(codec), True
            except UnicodeDecodeError:
                continue
        return codecs.charmap_decode(value, "strict", _WINDOWS_1252)[0], False

    def text(self, value: bytes) -> str:
        """The text of `value`; never raises."""
        try:
            return value.decode(self.codec)
        except UnicodeDecodeError:
            return self.decode(value)[0]

    def divides(self, body: bytes) -> bool:
        """Whether it is certain which delimiters of `body` are delimiters.

        It is not where a set that hides some is declared, and the text is in another; nor where
        one is declared that is wide, whatever the text.
        """
        if self.is_wide:
            return False
        if self.mask is None:
            return True
        if self.mask is _ISO_2022 and _NOT_TAKEN_BACK.search(body):
            return False
        for codec in (self.codec, *_WIDER.get(self.codec, ())):
            try:
                body.decode(codec)
            except UnicodeDecodeError:
                continue
            return True
        return False

    def encode(self, text: str) -> bytes:
        """Bytes of `text`; what the set cannot say becomes `?`."""
        return text.encode(self.codec, "replace")

    def split(self, value: bytes, delimiter: bytes) -> list[bytes]:
        """`value.split(delimiter)` that never cuts a character in two; b"" does not split."""
        if not delimiter or delimiter not in value:
            return [value]
        if self.mask is None or (value.isascii() and _ESCAPE not in value):
            return value.split(delimiter)
        shadow = self.mask.sub(_blank, value)
        parts = []
        start = 0
        while (at := shadow.find(delimiter, start)) >= 0:
            parts.append(value[start:at])
            start = at + len(delimiter)
        parts.append(value[start:])
        return parts

    def rstrip(self, value: bytes, *delimiters: bytes) -> bytes:
        """`value` without trailing delimiters, where they are one byte long."""
        last = value[-1:]
        if not last or last not in delimiters:
            return value
        characters = b"".join(delimiter for delimiter in delimiters if len(delimiter) == 1)
        shadow = value if self.mask is None else self.mask.sub(_blank, value)
        return value[: len(shadow.rstrip(characters))]


def _blank(match: re.Match[bytes]) -> bytes:
    return b"\x00" * (match.end() - match.start())


#: ASCII is a part of UTF-8, and UTF-8 is what is tried where nothing is declared.
UTF_8 = Charset("utf-8")

#: UTF-16, UTF-32, and sets of two bytes in seven bits (table 0211). What is declared so and begins
#: with an MSH that can be read is read as if nothing were declared, and never taken apart.
_WIDE = Charset("utf-8", is_wide=True)
_WIDE_NAMES = (
    *("UNICODEUTF16", "UTF16", "UTF16BE", "UTF16LE", "UCS2", "ISO10646UCS2"),
    *("UNICODEUTF32", "UTF32", "UTF32BE", "UTF32LE", "UCS4", "ISO10646UCS4"),
    *("CNS116431992", "CNS11643", "ISO2022CN", "ISO2022KR"),
)

#: Supersets that senders name by the smaller set's name.
_WIDER = {"big5": ("cp950", "big5hkscs"), "iso2022_jp_2": ("iso2022_jp_3", "iso2022_jp_ext")}

_MASKED = {
    "gb18030": Charset("gb18030", _GB18030),
    "big5": Charset("big5", _BIG5),
    "cp932": Charset("cp932", _SHIFT_JIS),
    "iso2022_jp": Charset("iso2022_jp_2", _ISO_2022),
}

#: Table 0211 and the spellings that senders use: letters and digits of the name → set.
#: `UNICODE`, which says no encoding, and JIS X 0201 (ISO IR14) are left to the chain.
_SETS: dict[str, Charset] = {
    "ASCII": UTF_8,
    "ISOIR6": UTF_8,
    "UNICODEUTF8": UTF_8,
    "UTF8": UTF_8,
    **{f"8859{part}": Charset(f"iso8859_{part}") for part in (*range(1, 12), *range(13, 17))},
    **{f"ISO8859{part}": Charset(f"iso8859_{part}") for part in (*range(1, 12), *range(13, 17))},
    "WINDOWS1252": Charset("cp1252"),
    "CP1252": Charset("cp1252"),
    "KSX1001": Charset("cp949"),
    "EUCKR": Charset("cp949"),
    "EUCJP": Charset("euc_jp"),
    "GB180302000": _MASKED["gb18030"],
    "GB18030": _MASKED["gb18030"],
    "GBK": _MASKED["gb18030"],
    "GB2312": _MASKED["gb18030"],
    "BIG5": _MASKED["big5"],
    "SHIFTJIS": _MASKED["cp932"],
    "SJIS": _MASKED["cp932"],
    "CP932": _MASKED["cp932"],
    "MS932": _MASKED["cp932"],
    "WINDOWS31J": _MASKED["cp932"],
    "ISOIR87": _MASKED["iso2022_jp"],
    "ISOIR159": _MASKED["iso2022_jp"],
    "JISX0202": _MASKED["iso2022_jp"],
    "JAS2020": _MASKED["iso2022_jp"],
    **dict.fromkeys(_WIDE_NAMES, _WIDE),
}

_NOT_IN_NAMES = re.compile(rb"[^A-Za-z0-9]")


def declared(header: bytes, separator: bytes, repetition: bytes) -> Charset | None:
    """The set that MSH-18 of `header` names; None where it names none that is known.

    A set with hidden delimiters wins over another repetition (`~ISO IR87`), since splitting
    depends on it, and a wide one over both. MSH itself may hold such characters before MSH-18, so
    each of the former is also tried on the header, and taken if it finds itself named.
    """
    found = _named(header.split(separator), repetition)
    if found is not None or header.isascii():
        return found
    for charset in _MASKED.values():
        if _named(charset.split(header, separator), repetition) is charset:
            return charset
    return None


def _named(fields: list[bytes], repetition: bytes) -> Charset | None:
    value = fields[17] if len(fields) > 17 else b""
    names = value.split(repetition) if repetition else [value]
    known = [
        charset
        for name in names
        if (charset := _SETS.get(_NOT_IN_NAMES.sub(b"", name).decode("ascii").upper()))
    ]
    if _WIDE in known:
        return _WIDE
    return next((charset for charset in known if charset.mask), known[0] if known else None)


def detect(body: bytes, header: bytes, separator: bytes, repetition: bytes) -> Charset:
    """The set to read a message with: `body` is all of it, `header` its MSH segment.

    Where a set with hidden delimiters is declared and the whole message is valid UTF-8, it is
    UTF-8: real GB18030, BIG-5 or Shift-JIS text that holds a delimiter byte is never valid UTF-8
    throughout, while UTF-8 senders do declare them.
    """
    if body.isascii() and _ESCAPE not in body:
        is_declared = header.count(separator) >= _BEFORE_MSH_18
        charset = declared(header, separator, repetition) if is_declared else None
        return _WIDE if charset is _WIDE else UTF_8
    charset = declared(header, separator, repetition) or UTF_8
    if charset.mask is None or charset.mask is _ISO_2022:
        return charset
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return charset
    return UTF_8
