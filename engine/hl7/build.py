"""What goes out is put together from slices of what came in, and from nothing else.

Law: every segment that is written ends in CR (HL7 2.9.1 §2.4.4), a field that is written never
shifts another, and cutting only ever empties: it adds nothing and replaces nothing by `""`,
which would tell a receiver to delete (§2.5.3.1).
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from engine.hl7.charset import UTF_8, declared
from engine.hl7.escape import escape
from engine.hl7.wire import Message


def join_segments(segments: Iterable[bytes]) -> bytes:
    """The message: its segments, each ended by CR, the last one too."""
    return b"\r".join(segments) + b"\r"


def join_fields(fields: list[bytes], separator: bytes) -> bytes:
    """The segment whose `fields[n]` is field n (as `Segment.fields`), trailing empty ones gone.

    In MSH (and FHS, BHS) `fields[1]` is the separator itself and is written as such.
    """
    end = len(fields)
    while end > 1 and not fields[end - 1]:
        end -= 1
    if end > 1 and fields[1] == separator:
        return fields[0] + separator + separator.join(fields[2:end])
    return separator.join(fields[:end])


def put_field(fields: list[bytes], number: int, value: bytes) -> None:
    """Set field `number` in a list made from `Segment.fields`, padding with empty ones."""
    if number >= len(fields):
        fields.extend([b""] * (number + 1 - len(fields)))
    fields[number] = value


def with_control_id(payload: bytes, control_id: bytes) -> bytes:
    """A message of ours with another MSH-10; every other byte stays."""
    message = Message.parse(payload)
    header = message.msh
    if header.field(10) == control_id:
        return payload
    fields = list(header.fields)
    put_field(fields, 10, control_id)
    return join_fields(fields, message.delimiters.field) + payload[len(header.raw) :]


def cut_field(message: Message, value: bytes, components: Container[int]) -> bytes:
    """`value` with only these components (from 1) left, in every repetition.

    A component that is kept is copied as it came; others are emptied. Empty trailing components
    and repetitions go, inner ones stay. In a message that names no component separator nothing
    can be told apart, so nothing is kept.
    """
    component = message.delimiters.component
    if not component or not value:
        return b""
    split = message.split
    repetition = message.delimiters.repetition
    repetitions = split(value, repetition) if repetition else [value]
    if len(repetitions) == 1:
        return _cut(split(value, component), component, components)
    kept = [_cut(split(each, component), component, components) for each in repetitions]
    while kept and not kept[-1]:
        kept.pop()
    return repetition.join(kept)


def _cut(parts: list[bytes], component: bytes, components: Container[int]) -> bytes:
    kept = [part if number in components else b"" for number, part in enumerate(parts, start=1)]
    while kept and not kept[-1]:
        kept.pop()
    return component.join(kept)


def field_value(message: Message, text: str) -> bytes:
    """Bytes of a text of our own, for a field of this message: escaped, in its character set."""
    escaped = escape(text, message.delimiters)
    if escaped.isascii():
        return escaped.encode("ascii")
    delimiters = message.delimiters
    named = declared(message.msh.raw, delimiters.field, delimiters.repetition)
    charset = message.charset if message.charset is not UTF_8 else named or UTF_8
    return charset.encode(escaped)
