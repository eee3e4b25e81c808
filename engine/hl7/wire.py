"""A message is a view over the bytes that arrived; it is never rebuilt, only sliced.

Law: nothing here decodes, strips, repairs or reorders. `segment.raw` and every item of
`segment.fields` are slices of what was received (HL7 2.9.1 §2.4 to §2.6). Delimiters are the
message's own. Segments may end in CR (the standard, §2.4.4), LF or CRLF (what senders do).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import NotHL7Error


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The message's own delimiters (MSH-1, MSH-2), each one byte, or `b""` where it has none."""

    field: bytes
    component: bytes
    repetition: bytes
    escape: bytes
    subcomponent: bytes
    truncation: bytes


class Segment:
    """One segment occurrence.

    `id` is the three-character segment id, or `""` for a line that is no segment. `index` counts
    segments from 0. `fields[n]` is field n as received (`fields[0]` is the id; in MSH `fields[1]`
    is the separator itself, so that numbering agrees with the standard).
    """

    __slots__ = ("_fields", "_separator", "id", "index", "raw")

    def __init__(self, index: int, raw: bytes, separator: bytes) -> None:
        self.index = index
        self.raw = raw
        self._separator = separator
        self.id = _segment_id(raw, separator)
        self._fields: list[bytes] | None = None

    @property
    def fields(self) -> list[bytes]:
        """All fields as received; split once, on first use. Do not modify the list."""
        if self._fields is None:
            parts = self.raw.split(self._separator)
            if self.id == "MSH":
                parts.insert(1, self._separator)
            self._fields = parts
        return self._fields

    def field(self, number: int) -> bytes:
        """Field `number` as received; `b""` where the segment ends before it."""
        fields = self.fields
        return fields[number] if number < len(fields) else b""


class Message:
    """The view: `segments` in order, `delimiters`, and `raw` as it was received."""

    __slots__ = ("delimiters", "raw", "segments")

    def __init__(self, raw: bytes, delimiters: Delimiters, segments: tuple[Segment, ...]) -> None:
        self.raw = raw
        self.delimiters = delimiters
        self.segments = segments

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """Look at `raw` as an HL7 v2 message.

        Raises `NotHL7Error` when no MSH segment can be found in it.
        """
        if not raw.startswith(b"MSH") or len(raw) < 8:
            raise NotHL7Error("not-hl7", "No MSH segment.", "Send HL7 v2 messages only.")
        delimiters = _delimiters(raw)
        body = raw
        if b"\n" in raw:
            body = raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
        lines = [line for line in body.split(b"\r") if line]
        return cls(
            raw,
            delimiters,
            tuple(Segment(i, line, delimiters.field) for i, line in enumerate(lines)),
        )

    @property
    def msh(self) -> Segment:
        """The message header."""
        return self.segments[0]


def _segment_id(raw: bytes, separator: bytes) -> str:
    head = raw[:3]
    if len(head) == 3 and raw[3:4] in (separator, b"") and head.isalnum():
        return head.decode("ascii", "replace")
    return ""


def _delimiters(raw: bytes) -> Delimiters:
    separator = raw[3:4]
    encoding = raw[4 : raw.find(separator, 4)]
    chars = [encoding[i : i + 1] for i in range(5)]
    return Delimiters(separator, *chars)
