"""What a channel received, for whoever holds it against an expectation.

Law: what is asked is answered from the bytes that would be sent, as the receiver will read them.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.hl7.escape import unescape
from engine.hl7.path import Path, occurrences
from engine.hl7.wire import Message, Segment
from engine.policy.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at one path of one segment: as received, and without escapes."""

    raw: str
    plain: str

    def equals(self, text: str) -> bool:
        """In either form."""
        return text in (self.raw, self.plain)


class Copies:
    """One channel's outgoing messages, one for each patient; none where nothing is disclosed."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.messages = tuple(Message.parse(payload.data) for payload in outcome.payloads)

    def __bool__(self) -> bool:
        return bool(self.messages)

    def segment_ids(self) -> tuple[str, ...]:
        """The ids of all segments, in order."""
        return tuple(segment.id for message in self.messages for segment in message.segments)

    def where(self, text: str) -> tuple[str, ...]:
        """The segments and fields that hold a text, by name: `PID-5`, `OBX[2]-5`."""
        found: list[str] = []
        for message in self.messages:
            for segment in message.segments:
                found += _fields_with(message, segment, text)
        return tuple(dict.fromkeys(found))

    def holds(self, text: str) -> bool:
        """Whether a text stands anywhere, as it is sent or as it is read, even across fields."""
        return any(
            text in message.text(message.raw) or text in _plain(message, message.raw)
            for message in self.messages
        )

    def values(self, path: Path) -> tuple[Value, ...]:
        """What stands at a path, one value for each segment that it means.

        A path without a component is the whole field, repetitions included; trailing delimiters
        mean nothing (HL7 2.9.1 §2.5.3).
        """
        return tuple(
            _value(message, _at(message, segment, path))
            for message in self.messages
            for segment in occurrences(message, path)
        )


def _value(message: Message, value: bytes) -> Value:
    return Value(message.text(value), _plain(message, value))


def _plain(message: Message, value: bytes) -> str:
    text = message.text(value)
    return (
        unescape(text, message.delimiters, message.charset) if message.delimiters.escape else text
    )


def _at(message: Message, segment: Segment, path: Path) -> bytes:
    if not path.field:
        return segment.raw
    value, marks = segment.field(path.field), message.delimiters
    if segment.id == "MSH" and path.field <= 2:
        return value
    repetitions = message.split(value, marks.repetition) if marks.repetition else [value]
    if path.repetition:
        repetitions = repetitions[path.repetition - 1 : path.repetition]
    for separator, number in (
        (marks.component, path.component),
        (marks.subcomponent, path.subcomponent),
    ):
        if number:
            repetitions = [_nth(message, each, separator, number) for each in repetitions]
    trimmed = [
        message.charset.rstrip(each, marks.component, marks.subcomponent) for each in repetitions
    ]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return marks.repetition.join(trimmed)


def _nth(message: Message, value: bytes, separator: bytes, number: int) -> bytes:
    parts = message.split(value, separator) if separator else [value]
    return parts[number - 1] if number <= len(parts) else b""


def _fields_with(message: Message, segment: Segment, text: str) -> list[str]:
    same = message.all(segment.id)
    name = segment.id or "?"
    if len(same) > 1:
        name += f"[{next(n for n, one in enumerate(same, start=1) if one is segment)}]"
    fields = [
        f"{name}-{number}"
        for number, value in enumerate(segment.fields)
        if number and (text in message.text(value) or text in _plain(message, value))
    ]
    if fields:
        return fields
    raw = segment.raw
    return [name] if text in message.text(raw) or text in _plain(message, raw) else []
