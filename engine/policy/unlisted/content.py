"""What stands in a message: which segments, which fields of them, and which codes.

Law: paths are told, and codes that may be told (`engine.policy.unlisted.codes`); of all other
values only that they are there. A segment's id is one that a rule could name; any other line is one
kind of content, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from engine.hl7.wire import Message, Segment
from engine.policy.cutting.segment_plan import MSH_ALWAYS, MSH_NEVER
from engine.policy.segment.masks import NOTHING
from engine.policy.unlisted.codes import CODED, told_codes

#: Stands for itself and for every field behind it: no rule names such a one by its number.
LAST_FIELD = 1000

#: Header fields that no rule decides of: delimiters, what is always sent, what is the channel's.
_OF_NO_RULE = {1, 2, *MSH_ALWAYS.fields, *MSH_NEVER.fields}


class Content(NamedTuple):
    """A segment, one of its fields, or a code there. `segment` `""`: a line that is no segment."""

    segment: str
    field: int = 0
    system: str = ""
    code: str = ""

    @property
    def whole_field(self) -> Content:
        """The field that a code stands in; of anything else itself."""
        return Content(self.segment, self.field) if self.code else self

    @property
    def whole_segment(self) -> Content:
        """The segment that it is of."""
        return Content(self.segment)

    @property
    def path(self) -> str:
        """`ZPV`, `PID-19`; without its code."""
        if not self.segment:
            return "(no segment)"
        return f"{self.segment}-{self.field}" if self.field else self.segment


def content_of(message: Message, looks_into: Callable[[str], bool], *, codes: bool) -> set[Content]:
    """What stands in a message; fields and codes of the segments that `looks_into` names."""
    found = {Content(segment_id) for segment_id in message.ids if segment_id != "MSH"}
    for index, segment_id in enumerate(message.ids):
        if looks_into(segment_id):
            segment = message.segment(index)
            found |= content_in(message, segment, segment.fields, codes=codes)
    return found


def content_in(
    message: Message, segment: Segment, fields: Iterable[bytes], *, codes: bool
) -> set[Content]:
    """Fields and codes of one received segment; of the `fields` that are left of it."""
    return set(_content_in(message, segment, fields, codes=codes))


def _content_in(
    message: Message, segment: Segment, fields: Iterable[bytes], *, codes: bool
) -> Iterator[Content]:
    name = segment.id
    passed_over = _OF_NO_RULE if name == "MSH" else NOTHING.members
    coded = CODED.get(name, ()) if codes else ()
    for number, value in enumerate(fields):
        if not number or number in passed_over or not _has_value(message, value):
            continue
        yield Content(name, min(number, LAST_FIELD))
        if number in coded:
            for system, code in told_codes(message, segment, number, value):
                yield Content(name, number, system, code)


def _has_value(message: Message, value: bytes) -> bool:
    """Whether there is more than separators, which mean nothing by themselves (2.9.1 §2.5.3)."""
    if not value or value.isalnum():
        return bool(value)
    marks, split = message.delimiters, message.split
    return any(
        any(split(component, marks.subcomponent))
        for repetition in split(value, marks.repetition)
        for component in split(repetition, marks.component)
    )
