"""One segment cut to a mask, over the received bytes.

Law: a field or component that is kept is the very slice that was received; what is not kept
becomes empty, never `""` (which would tell the receiver to delete, HL7 2.9.1 §2.4.3.1); trailing
empty fields of a cut segment go, and where only components are kept, trailing empty components
and repetitions go too (rules.md §4, §10.21).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from engine.hl7.build import cut_field
from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import HEADERS, Message, Segment
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask
from engine.policy.segment.picking import Picking

#: Masks that reach further than any segment's fields do are cut field by field.
_FURTHEST = 128


class Cutter:
    """How one segment id is cut under one mask; made once, used for every message."""

    __slots__ = (
        "_components",
        "_picking",
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
        last = max(mask.fields, default=0)
        is_listed = mask.rest == NOTHING and 0 < last < _FURTHEST
        self._picking = Picking(mask.fields) if is_listed else None
        is_plain = is_listed and not self._components and segment_id not in HEADERS
        #: Up to which field `cut_columns` must have them; 0 where that cannot cut them.
        self.reach = last if is_plain else 0

    def cut(self, segment: Segment, message: Message) -> bytes | None:
        """The segment that is left; None when that is nothing, or nothing but its set id."""
        if self.whole:
            return segment.raw
        separator = segment.separator
        if self._picking is None or message.charset.mask is not None:
            return self.worth(separator.join(self.fields(segment.fields, message)))
        picked = self._picking.of(segment.fields, separator)
        if self._components:
            left = list(picked)
            for number, numbers in self._components:
                place = self._picking.places[number]
                left[place] = cut_field(message, left[place], numbers)
            picked = tuple(left)
        # No field can hold the separator's byte here, so that only empty fields are stripped.
        return self.worth(separator.join(picked).rstrip(separator))

    def worth(self, left: bytes) -> bytes | None:
        """The segment that is left; None when that is nothing, or nothing but its set id."""
        return left if left.find(left[3:4] or b"|", self._start) >= 0 else None

    def cut_each(self, indexes: Iterable[int], message: Message) -> list[bytes | None]:
        """The same for many occurrences, by their indexes."""
        return [self.cut(message.segment(index), message) for index in indexes]

    def cut_columns(
        self, columns: Sequence[tuple[bytes, ...]], separator: bytes
    ) -> list[bytes | None]:
        """The same for occurrences that are split already, where only whole fields are kept.

        `columns[n]` has field n of each, up to a field `reach`. In no field may the separator's
        byte be part of a character.
        """
        if self._picking is None:
            raise AssertionError("only with a reach")
        cut = map(separator.join, self._picking.of_columns(columns, separator))
        if self.reach > 1 and b"" not in columns[self.reach]:
            return list(cut)
        return [self.worth(left.rstrip(separator)) for left in cut]

    def fields(self, fields: Sequence[bytes], message: Message) -> list[bytes]:
        """The fields that are left, trailing empty ones dropped; the segment's name is first."""
        of_field = self.mask.of_field
        out = [
            value if not number or of_field(number) != NOTHING else b""
            for number, value in enumerate(fields)
        ]
        for number, numbers in self._components:
            if number < len(out):
                out[number] = cut_field(message, out[number], numbers)
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
