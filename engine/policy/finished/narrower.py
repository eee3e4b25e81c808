"""Whether one copy of a message shows no more than another.

Law: what is not provably equal or empty counts as more. Segments may be missing, but none may be
new or stand in another order; in each, every field, repetition, component and subcomponent is
equal or empty, place by place. Only set ids may differ: closing gaps makes them anew, and they tell
nothing but positions in the copy itself (rules.md §10.23).
"""

from __future__ import annotations

from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import Message, Segment

_SET_ID = 1


def is_no_wider(copy: Message, than: Message) -> bool:
    """Whether all that `copy` says is said by `than`, in the same places."""
    if copy.delimiters != than.delimiters or copy.charset != than.charset:
        return False
    candidates = iter(than.segments)
    # Earliest matches: if any choice of segments in order fits, this one does.
    return all(
        any(_segment(copy, segment, candidate) for candidate in candidates)
        for segment in copy.segments
    )


def _segment(message: Message, segment: Segment, than: Segment) -> bool:
    if segment.id != than.id or not segment.id:
        return False
    if segment.raw == than.raw:
        return True
    delimiters = message.delimiters
    inner = (delimiters.repetition, delimiters.component, delimiters.subcomponent)
    fields, others = segment.fields, than.fields
    return len(fields) <= len(others) and all(
        _value(message, field, other, inner) or _is_set_id(segment, number, field, other)
        for number, (field, other) in enumerate(zip(fields, others, strict=False))
    )


def _is_set_id(segment: Segment, number: int, field: bytes, other: bytes) -> bool:
    return (
        number == _SET_ID and segment.id in SET_ID_SEGMENTS and field.isdigit() and other.isdigit()
    )


def _value(message: Message, value: bytes, other: bytes, inner: tuple[bytes, ...]) -> bool:
    """Equal or empty, or so in each of its parts; `inner` separates the parts, outermost first."""
    if value in (b"", other):
        return True
    if not inner:
        return False
    parts, others = message.split(value, inner[0]), message.split(other, inner[0])
    return len(parts) <= len(others) and all(
        _value(message, part, another, inner[1:])
        for part, another in zip(parts, others, strict=False)
    )
