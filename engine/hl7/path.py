"""Paths: `PID-3.1.2`, `PID-3[2].1`, `OBX[3]-5`; everything counts from 1 (rules.md §2).

Law: what is missing or empty has no value; `""` (two quotation marks) is one. A part without an
index means any. MSH-1 and MSH-2 are never split and never unescaped (HL7 2.9.1 §2.5.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.hl7.escape import unescape
from engine.hl7.wire import HEADERS, Message, Segment

_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>[1-9]\d*)\])?"
    r"(?:-(?P<field>[1-9]\d*)(?:\[(?P<repetition>[1-9]\d*)\])?"
    r"(?:\.(?P<component>[1-9]\d*)(?:\.(?P<subcomponent>[1-9]\d*))?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """A place in a message; 0 means that this part was not named."""

    segment: str
    field: int = 0
    component: int = 0
    subcomponent: int = 0
    occurrence: int = 0
    repetition: int = 0

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path; raises `ValueError` when it is none."""
        match = _PATH.fullmatch(text)
        if match is None:
            raise ValueError(text)
        numbers = {
            name: int(value or 0) for name, value in match.groupdict().items() if name != "segment"
        }
        return cls(segment=match["segment"], **numbers)

    def __str__(self) -> str:
        text = self.segment + (f"[{self.occurrence}]" if self.occurrence else "")
        if self.field:
            text += f"-{self.field}" + (f"[{self.repetition}]" if self.repetition else "")
        if self.component:
            text += f".{self.component}" + (f".{self.subcomponent}" if self.subcomponent else "")
        return text


def occurrences(message: Message, path: Path) -> list[Segment]:
    """The segments that the path means: all with its id, or the n-th in the message."""
    found = message.all(path.segment)
    return found[path.occurrence - 1 : path.occurrence] if path.occurrence else found


def values(message: Message, path: Path) -> list[tuple[Segment, bytes]]:
    """All values at `path` in the message, each with the segment that it stands in."""
    return [
        (segment, value)
        for segment in occurrences(message, path)
        for value in values_in(message, segment, path)
    ]


def texts(message: Message, path: Path) -> list[str]:
    """All values at `path` in the message, decoded and unescaped."""
    return [
        text for segment in occurrences(message, path) for text in texts_in(message, segment, path)
    ]


def texts_in(message: Message, segment: Segment, path: Path) -> list[str]:
    """All values at `path` in this one segment, decoded and unescaped."""
    found = values_in(message, segment, path)
    text = message.charset.text
    escape = message.delimiters.escape
    if not escape or (path.field <= 2 and segment.id in HEADERS):
        return [text(value) for value in found]
    first = escape[0]  # looking for one byte is several times faster than for a string of one
    return [
        unescape(text(value), message.delimiters, message.charset)
        if first in value
        else text(value)
        for value in found
    ]


def values_in(message: Message, segment: Segment, path: Path) -> list[bytes]:
    """All values at `path` in this one segment, as received, whatever occurrence the path names.

    One value per repetition. Without a component it is the whole repetition, without a field the
    whole segment. Trailing component and subcomponent separators mean nothing (HL7 2.9.1
    §2.5.3), so they are left out, and a value that consists of them is none.
    """
    number = path.field
    if not number:
        return [segment.raw]
    field = segment.field(number)
    if not field:
        return []
    if number <= 2 and segment.id in HEADERS:
        return [field] if max(path.repetition, path.component, path.subcomponent) <= 1 else []
    repetition = message.delimiters.repetition
    repetitions = message.split(field, repetition) if repetition else [field]
    if path.repetition:
        repetitions = repetitions[path.repetition - 1 : path.repetition]
    if len(repetitions) == 1:
        value = _value(message, repetitions[0], path)
        return [value] if value else []
    return [value for part in repetitions if (value := _value(message, part, path))]


def _value(message: Message, value: bytes, path: Path) -> bytes:
    """What one repetition holds at the path's component and subcomponent."""
    component, subcomponent = message.delimiters.component, message.delimiters.subcomponent
    if path.component:
        value = _part(message, value, component, path.component)
        component = b""
    if path.subcomponent:
        return _part(message, value, subcomponent, path.subcomponent)
    return message.charset.rstrip(value, component, subcomponent)


def _part(message: Message, value: bytes, delimiter: bytes, number: int) -> bytes:
    parts = message.split(value, delimiter) if delimiter else [value]
    return parts[number - 1] if number <= len(parts) else b""
