"""What a segment has at a path: texts and codes, decoded and unescaped.

Law: texts are for comparing, never for sending (rules.md §10.15); what is missing or empty reads as
`""`, and separators at the end of a value mean nothing (HL7 2.9.1 §2.5.3).
"""

from __future__ import annotations

from functools import lru_cache

from engine.hl7.escape import unescape
from engine.hl7.path import Path
from engine.hl7.wire import Message, Segment
from engine.policy.vocabulary.codesets import triplets
from engine.policy.vocabulary.conditions import MessageType

_EMPTY = ("",)

#: Fields of which a message may name the coding system in the field before (tables 0053, 0089),
#: as versions before 2.3 had it.
_METHOD_BEFORE = {("DG1", 3): 2, ("PR1", 3): 2}

#: (system, code) for each triplet of one repetition of a coded field.
Codes = tuple[tuple[str, str], ...]


def text_of(message: Message, value: bytes) -> str:
    """A received value decoded and unescaped."""
    if value.isalnum():
        return value.decode("ascii")
    escape = message.delimiters.escape
    text = message.text(value)
    if escape and escape in value:
        return unescape(text, message.delimiters, message.charset)
    return text


def texts_at(message: Message, segment: Segment, path: Path) -> tuple[str, ...]:
    """What a segment has at a path: a text for each repetition, whichever the path names."""
    if not path.field:
        return (message.text(segment.raw),)
    value = segment.field(path.field)
    if not value:
        return _EMPTY
    if value.isalnum():  # no delimiter is in it
        is_all = path.component <= 1 and path.subcomponent <= 1
        return (value.decode("ascii"),) if is_all else _EMPTY
    if segment.id == "MSH" and path.field <= 2:
        return (message.text(value),)  # the delimiters themselves
    delimiters = message.delimiters
    parts = [value]
    if delimiters.repetition and delimiters.repetition in value:
        parts = message.split(value, delimiters.repetition)
    for separator, number in (
        (delimiters.component, path.component),
        (delimiters.subcomponent, path.subcomponent),
    ):
        if number:
            parts = [_nth(message.split(part, separator), number) for part in parts]
    # Separators at the end mean nothing, so that `PSY^` is `PSY`.
    if not path.subcomponent:
        ends = delimiters.subcomponent, b"" if path.component else delimiters.component
        parts = [message.charset.rstrip(part, *ends) for part in parts]
    return tuple([text_of(message, part) for part in parts])


def codes_in(message: Message, value: bytes) -> tuple[Codes, ...]:
    """The codes that a coded field holds: those of each repetition."""
    delimiters = message.delimiters
    return tuple(
        [
            triplets([text_of(message, part) for part in message.split(one, delimiters.component)])
            for one in message.split(value, delimiters.repetition)
        ]
    )


def codes_at(
    message: Message, segment: Segment, field: int, left: bytes | None = None
) -> tuple[Codes, ...]:
    """The codes that a segment has in a coded field: those of each repetition.

    `left`: what a copy has left of the field, instead of what was received.
    """
    found = codes_in(message, segment.field(field) if left is None else left)
    method = _METHOD_BEFORE.get((segment.id, field))
    if method is None:
        return found
    named = text_of(message, segment.field(method))
    return tuple([tuple([(system or named, code) for system, code in one]) for one in found])


def fields_read(path: Path) -> frozenset[int]:
    """The fields of a segment that are read to say what it has at a path."""
    method = _METHOD_BEFORE.get((path.segment, path.field))
    return frozenset({path.field} if method is None else {path.field, method})


def type_of(message: Message) -> MessageType:
    """MSH-9.1 and MSH-9.2 as they stand; ask it by `message.once`."""
    value, component = message.msh.field(9), message.delimiters.component
    if component and value.isascii() and message.charset.mask is None:
        return _plain_type(value, component)
    parts = message.split(value, component)
    trigger = message.text(parts[1]) if len(parts) > 1 else ""
    return MessageType(message.text(parts[0]), trigger or None)


def version_of(message: Message) -> tuple[int, int]:
    """MSH-12.1 as numbers; what cannot be read counts as old."""
    version = message.split(message.msh.field(12), message.delimiters.component)[0]
    numbers = version.split(b".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (ValueError, IndexError):
        return 0, 0


@lru_cache(maxsize=512)
def _plain_type(value: bytes, component: bytes) -> MessageType:
    parts = [part.decode("ascii") for part in value.split(component)]
    return MessageType(parts[0], (parts[1] if len(parts) > 1 else "") or None)


def _nth(parts: list[bytes], number: int) -> bytes:
    return parts[number - 1] if number <= len(parts) else b""
