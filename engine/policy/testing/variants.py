"""Variants of a sample message: the same message with some values set, and some parts gone.

Law: a variant differs from its sample in what was asked and in nothing else. A path without an
index means all: every occurrence, every repetition; what it names must be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.hl7.build import join_fields, join_segments, put_field
from engine.hl7.path import Path
from engine.hl7.wire import Message, Segment


@dataclass(frozen=True, slots=True)
class Put:
    """The text at a path, as it stands in a message: escaped, with its delimiters."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A segment, or what a field or a part of it holds."""

    path: Path


Change = Put | Remove


class NotThereError(ValueError):
    """The message has no such segment."""


def variant(message: Message, changes: Iterable[Change], added: Iterable[str] = ()) -> Message:
    """The message changed in this order, with segments added at its end.

    Raises `NotThereError` where a change names a segment that the message does not have.
    """
    for change in changes:
        message = Message.parse(join_segments(_changed(message, change)))
    pieces = [segment.raw for segment in message.segments]
    pieces += [message.charset.encode(line) for line in added]
    return Message.parse(join_segments(pieces))


def _changed(message: Message, change: Change) -> list[bytes]:
    meant = message.all(change.path.segment)
    if change.path.occurrence:
        meant = meant[change.path.occurrence - 1 : change.path.occurrence]
    if not meant:
        raise NotThereError(str(change.path))
    indexes = {segment.index for segment in meant}
    if isinstance(change, Remove) and not change.path.field:
        return [segment.raw for segment in message.segments if segment.index not in indexes]
    text = message.charset.encode(change.text) if isinstance(change, Put) else b""
    return [
        _put(message, segment, change.path, text) if segment.index in indexes else segment.raw
        for segment in message.segments
    ]


def _put(message: Message, segment: Segment, path: Path, text: bytes) -> bytes:
    marks = message.delimiters
    fields = list(segment.fields)
    value = segment.field(path.field)
    if path.component or path.repetition:
        repetitions = message.split(value, marks.repetition) if marks.repetition else [value]
        inner = ((marks.component, path.component), (marks.subcomponent, path.subcomponent))
        chosen = range(len(repetitions)) if not path.repetition else (path.repetition - 1,)
        repetitions += [b""] * (max(chosen) + 1 - len(repetitions))
        for number in chosen:
            repetitions[number] = _within(message, repetitions[number], inner, text)
        text = marks.repetition.join(repetitions)
    put_field(fields, path.field, text)
    return join_fields(fields, segment.separator)


def _within(
    message: Message, value: bytes, levels: tuple[tuple[bytes, int], ...], text: bytes
) -> bytes:
    """`value` with `text` at the numbered part of each level; a level without number is all."""
    if not levels or not levels[0][1]:
        return text
    (separator, number), rest = levels[0], levels[1:]
    parts = message.split(value, separator)
    parts += [b""] * (number - len(parts))
    parts[number - 1] = _within(message, parts[number - 1], rest, text)
    return separator.join(parts)
