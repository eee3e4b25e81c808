"""A message is a view over the bytes that arrived; it is never rebuilt, only sliced.

Law: nothing here decodes, strips, repairs or reorders. `segment.raw` and every item of
`segment.fields` are slices of what was received (HL7 2.9.1 §2.4 to §2.6). Delimiters are the
message's own. Segments may end in CR (the standard, §2.4.4), LF or CRLF (what senders do).
Whatever the bytes are, they are a message or `NotHL7Error` is raised, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from engine.errors import NotHL7Error
from engine.hl7.charset import Charset, detect
from engine.hl7.segments import HIGHEST_FIELD

T = TypeVar("T")

# A field separator is a printable ASCII character that is neither letter nor digit nor blank.
_HEADER = re.compile(rb"MSH[!-/:-@\[-`{-~]")
_HEADER_LINE = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf|[ \t\x0b\x0c])*+(MSH[!-/:-@\[-`{-~])")
_WIDE = re.compile(
    rb"\xff\xfe|\xfe\xff|\x00\x00\xfe\xff|M\x00S\x00H\x00|\x00M\x00S\x00H|M\x00\x00\x00|\x00\x00\x00M"
)
_LF = 0x0A
_ID = re.compile(rb"[A-Z][A-Z0-9]{2}")

#: Segments whose field 1 is the separator itself and whose field 2 holds the delimiters.
HEADERS = frozenset({"MSH", "FHS", "BHS"})

#: `PID|` → `PID`: saves looking at the three characters of nearly every segment. Headers are
#: left out, since they need a second look.
_IDS_BEFORE_BAR = {
    f"{name}|".encode("ascii"): name for name in HIGHEST_FIELD if name not in HEADERS
}
_NO_IDS: dict[bytes, str] = {}
_BEFORE_FIELDS = itemgetter(slice(4))


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The message's own delimiters (MSH-1, MSH-2), or `b""` where it has none.

    Each is one character: one byte, but for a character outside ASCII in a UTF-8 message. All
    that are present differ from each other: a character that MSH-2 names twice keeps its first
    meaning.
    """

    field: bytes
    component: bytes
    repetition: bytes
    escape: bytes
    subcomponent: bytes
    truncation: bytes


class Segment:
    """One segment occurrence.

    `id` is the three-character segment id (an upper-case letter and two more or digits, exactly
    what a path can name), or `""` for a line that is no segment: text that a raw line end has cut
    off, an indented line, an id in lower case. `index` counts segments from 0. `fields[n]` is
    field n as received (`fields[0]` is the id; in MSH `fields[1]` is the separator itself, so that
    numbering agrees with the standard).
    """

    # No __init__: `Message.segment` fills the slots itself, which halves its time.
    __slots__ = ("_fields", "id", "index", "raw", "separator")

    id: str
    index: int
    raw: bytes
    separator: bytes
    _fields: list[bytes] | None

    @property
    def fields(self) -> list[bytes]:
        """All fields as received; split once, on first use. Do not modify the list."""
        fields = self._fields
        if fields is None:
            fields = self._fields = self.raw.split(self.separator)
            if self.id in HEADERS:
                fields.insert(1, self.separator)
        return fields

    def field(self, number: int) -> bytes:
        """Field `number` as received; `b""` where the segment ends before it."""
        fields = self._fields
        if fields is None:
            fields = self.fields
        return fields[number] if number < len(fields) else b""

    def __repr__(self) -> str:
        return f"<Segment {self.index} {self.id or '?'}>"


class Message:
    """The view: `segments` in order, `delimiters`, `charset`, and `raw` as it was received.

    `msh` is the message header.
    `lines` are the segments as received, `ids` their ids; a `Segment` is made of one when somebody
    asks for it, since most are only forwarded or left out. `split(value, delimiter)` splits a value
    into repetitions, components or subcomponents; it never cuts a character of a multibyte set in
    two, and an absent delimiter (`b""`) splits nothing. Use it for everything that is smaller than
    a field.
    """

    __slots__ = (
        "_all",
        "_by_id",
        "_found",
        "_made",
        "charset",
        "delimiters",
        "ids",
        "lines",
        "msh",
        "raw",
        "split",
    )

    split: Callable[[bytes, bytes], list[bytes]]

    def __init__(
        self, raw: bytes, lines: list[bytes], delimiters: Delimiters, charset: Charset
    ) -> None:
        self.raw = raw
        self.lines = lines
        self.ids = _ids(lines, delimiters.field)
        self.delimiters = delimiters
        self.charset = charset
        # Splitting on bytes is right where every delimiter is there, and none can be hidden.
        is_plain = delimiters.subcomponent and delimiters.repetition and delimiters.component
        self.split = bytes.split if is_plain and charset.mask is None else charset.split
        self._made: list[Segment | None] = [None] * len(lines)
        self._all: tuple[Segment, ...] | None = None
        self._by_id: dict[str, list[Segment]] = {}
        self._found: dict[Callable[[Message], Any], Any] = {}
        self.msh = self.segment(0)

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """Look at `raw` as one HL7 v2 message.

        The message begins at the first line that starts with MSH and a separator; a byte-order
        mark, blanks or whole lines before it are passed over. Lines may end in CR, LF, CRLF or a
        mixture; empty lines are no segments.

        Raises `NotHL7Error`: `not-hl7` without an MSH segment, `utf-16` for text in UTF-16 or
        UTF-32, `several-messages` when another MSH segment follows.
        """
        body = raw if _HEADER.match(raw) else raw[_header_start(raw) :]
        if _LF in body:
            body = body.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
        lines = body.split(b"\r")
        header = lines[0]
        separator = header[3:4]
        end = header.find(separator, 4)
        delimiters = _delimiters(header[3:end] if 0 < end < 32 else header[3:32])
        charset = detect(body, header, separator, delimiters.repetition)
        if not lines[-1]:
            del lines[-1]
        if b"" in lines:
            lines = [line for line in lines if line]
        return cls(raw, lines, delimiters, charset)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, in order."""
        if self._all is None:
            self._all = tuple(map(self.segment, range(len(self.lines))))
        return self._all

    def segment(self, index: int) -> Segment:
        """The segment at `index`, always the same object."""
        segment = self._made[index]
        if segment is None:
            segment = self._made[index] = Segment()
            segment.id = self.ids[index]
            segment.index = index
            segment.raw = self.lines[index]
            segment.separator = separator = self.delimiters.field
            segment._fields = None
            if self.charset.mask is not None:
                segment._fields = self.charset.split(segment.raw, separator)
                if segment.id in HEADERS:
                    segment._fields.insert(1, separator)
        return segment

    def all(self, segment_id: str) -> list[Segment]:
        """All occurrences of a segment, in order. Do not modify the list."""
        found = self._by_id.get(segment_id)
        if found is None:
            ids = self.ids
            count = ids.count(segment_id)
            if count == 1:
                found = [self.segment(ids.index(segment_id))]
            elif count:
                found = [self.segment(n) for n, name in enumerate(ids) if name == segment_id]
            else:
                found = []
            self._by_id[segment_id] = found
        return found

    def once(self, find: Callable[[Message], T]) -> T:
        """What `find`, a pure function, says of this message; it is asked once."""
        found: T | None = self._found.get(find)
        if found is None:
            found = self._found[find] = find(self)
        return found

    def text(self, value: bytes) -> str:
        """`value` decoded (MSH-18, else UTF-8, else Windows-1252), escapes left; never raises."""
        return self.charset.text(value)

    def __repr__(self) -> str:
        return f"<Message of {len(self.lines)} segments>"


def _ids(lines: list[bytes], separator: bytes) -> tuple[str, ...]:
    known = _IDS_BEFORE_BAR if separator == b"|" else _NO_IDS
    found: list[Any] = list(map(known.get, map(_BEFORE_FIELDS, lines)))
    if found.count(None) == 1:  # the header's
        found[0] = _segment_id(lines[0], separator, 0)
        return tuple(found)
    return tuple(
        [name or _segment_id(lines[index], separator, index) for index, name in enumerate(found)]
    )


def _segment_id(line: bytes, separator: bytes, index: int) -> str:
    if index and _HEADER_LINE.match(line):
        raise NotHL7Error(
            "several-messages", "A second MSH segment follows.", "Send one message at a time."
        )
    head = line[:3]
    if line[3:4] not in (separator, b"") or not _ID.fullmatch(head):
        return ""
    return head.decode("ascii")


def is_wide(data: bytes) -> bool:
    """Whether the bytes are text in UTF-16 or UTF-32, by byte-order mark or a wide `MSH`."""
    return _WIDE.match(data) is not None


def _header_start(raw: bytes) -> int:
    if is_wide(raw):
        raise NotHL7Error(
            "utf-16", "The text is in UTF-16 or UTF-32.", "Send UTF-8 and name it in MSH-18."
        )
    found = _HEADER_LINE.search(raw)
    if found is None:
        raise NotHL7Error("not-hl7", "No MSH segment.", "Send HL7 v2 messages only.")
    return found.start(1)


@lru_cache(maxsize=64)
def _delimiters(head: bytes) -> Delimiters:
    r"""Read MSH-1 and MSH-2 as they stand together, `|^~\&`.

    Names are given by position (§2.5.4). MSH-2 ends at the first letter or digit, so that a
    header without MSH-2 names no delimiters, and a doubled escape character counts once.
    """
    separator = head[:1]
    try:
        chars = [char.encode() for char in head[1:].decode("utf-8")]
    except UnicodeDecodeError:
        chars = [head[i : i + 1] for i in range(1, len(head))]
    end = next((i for i, char in enumerate(chars) if char.isalnum()), len(chars))
    chars = chars[:end]
    if len(chars) > 4 and chars[2] == chars[3]:
        del chars[3]
    seen = {separator}
    named = []
    for char in (chars + [b""] * 5)[:5]:
        usable = char not in seen and not (len(char) == 1 and char <= b" ")
        named.append(char if usable else b"")
        seen.add(char)
    return Delimiters(separator, *named)
