"""One segment cut to a mask, over the received bytes.

Law: a field or component that is kept is the very slice that was received; what is not kept
becomes empty, never `""` (which would tell the receiver to delete, HL7 2.9.1 §2.4.3.1); trailing
empty fields of a cut segment go, and where only components are kept, trailing empty components
and repetitions go too (rules.md §4, §10.21).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import HEADERS, Message, Segment
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask, Numbers

#: Picks what is kept of a segment's fields, or of such fields of many segments.
_Pick = Callable[[Sequence[Any]], tuple[Any, ...]]

#: Masks that reach further than any segment's fields do are cut field by field.
_FURTHEST = 128


class Cutter:
    """How one segment id is cut under one mask; made once, used for every message."""

    __slots__ = (
        "_components",
        "_padding",
        "_pick",
        "_start",
        "mask",
        "reach",
        "segment_id",
        "whole",
    )

    def __init__(self, segment_id: str, mask: Mask) -> None:
        self.segment_id = segment_id
        self.mask = mask
        self.whole = mask.is_whole
        self._components = tuple(
            (number, numbers)
            for number, numbers in mask.fields.items()
            if numbers not in (NOTHING, EVERYTHING)
        )
        #: From where on a separator shows that more is left than the name and the set id.
        self._start = 4 if segment_id in SET_ID_SEGMENTS else 0
        self._pick = _picking(mask)
        is_plain = self._pick is not None and not self._components and segment_id not in HEADERS
        #: Up to which field `cut_columns` must have them; 0 where that cannot cut them.
        self.reach = max(mask.fields, default=0) if is_plain else 0
        #: Put behind a segment's fields, so that a field beyond its end reads as empty.
        self._padding = [b""] * (max(mask.fields, default=0) + 1)

    def cut(self, segment: Segment, message: Message) -> bytes | None:
        """The segment that is left; None when that is nothing, or nothing but its set id."""
        if self.whole:
            return segment.raw
        separator = segment.separator
        if self._pick is None or self._components or message.charset.mask is not None:
            left = separator.join(self.fields(segment.fields, message))
        else:
            # No field can hold the separator's byte here, so that only empty fields are stripped.
            left = separator.join(self._pick(segment.fields + self._padding)).rstrip(separator)
        return self.worth(left)

    def worth(self, left: bytes) -> bytes | None:
        """The segment that is left; None when that is nothing, or nothing but its set id."""
        return left if left.find(left[3:4] or b"|", self._start) >= 0 else None

    def cut_each(self, indexes: Iterable[int], message: Message) -> list[bytes | None]:
        """The same for many occurrences, by their indexes."""
        return [self.cut(message.segment(index), message) for index in indexes]

    def cut_columns(
        self, columns: Sequence[Sequence[bytes]], separator: bytes
    ) -> list[bytes | None]:
        """The same for occurrences that are split already, where only whole fields are kept.

        `columns[n]` has field n of each, up to a field `reach`; the last one is empty: what is not
        kept is picked from there. In no field may the separator's byte be part of a character.
        """
        if self._pick is None:
            raise AssertionError("only with a reach")
        cut = map(separator.join, zip(*self._pick(columns), strict=True))
        if self.reach > 1 and b"" not in columns[self.reach]:
            return list(cut)
        return [self.worth(left.rstrip(separator)) for left in cut]

    def fields(self, fields: Sequence[bytes], message: Message) -> list[bytes]:
        """The fields that are left, trailing empty ones dropped; the segment's name is first."""
        if self._pick is not None:
            out = list(self._pick([*fields, *self._padding]))
        else:
            kept = self.mask.of_field
            out = [
                value if not number or kept(number) != NOTHING else b""
                for number, value in enumerate(fields)
            ]
        for number, numbers in self._components:
            if number < len(out) and out[number]:
                out[number] = cut_field(out[number], numbers, message)
        while not out[-1]:
            out.pop()
        return out

    def without(self, fields: Iterable[int]) -> Cutter | None:
        """The same with these fields emptied; None if nothing is left."""
        mask = self.mask - Mask(NOTHING, dict.fromkeys(sorted(fields), EVERYTHING))
        return None if mask.is_empty else cutter_for(self.segment_id, mask)


@lru_cache(maxsize=4096)
def cutter_for(segment_id: str, mask: Mask) -> Cutter:
    """The cutter of a mask: one for all channels that cut alike, so that they share its work."""
    return Cutter(segment_id, mask)


def cut_field(value: bytes, numbers: Numbers, message: Message) -> bytes:
    """A field with only these components of every repetition."""
    separator = message.delimiters.repetition
    repetitions = [
        _cut_repetition(repetition, numbers, message)
        for repetition in message.split(value, separator)
    ]
    while repetitions and not repetitions[-1]:
        repetitions.pop()
    return separator.join(repetitions)


def _cut_repetition(value: bytes, numbers: Numbers, message: Message) -> bytes:
    separator = message.delimiters.component
    if not separator:
        return b""  # nothing can be told apart, so nothing is kept
    kept = [
        part if number in numbers else b""
        for number, part in enumerate(message.split(value, separator), start=1)
    ]
    while kept and not kept[-1]:
        kept.pop()
    return separator.join(kept)


def _picking(mask: Mask) -> _Pick | None:
    """Picks the fields that are kept, in one step, from fields with padding behind them.

    The last item of the padding stands for every field that is not kept.
    """
    last = max(mask.fields, default=0)
    if mask.rest != NOTHING or not 0 < last < _FURTHEST:
        return None
    return itemgetter(
        0, *(number if mask.of_field(number) != NOTHING else -1 for number in range(1, last + 1))
    )
