"""Repetitions of a field that a copy must not keep, although its segment and the rest of it go."""

from __future__ import annotations

from collections.abc import Callable

from engine.hl7.build import join_fields
from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.outcome import Code


def take_out(cut: Cut, segment: Segment, number: int, tells: Callable[[bytes], bool]) -> bool:
    """Take out the repetitions of a field that tell; say whether nothing of the segment remained.

    Of a segment that is gone, or has nothing there, nothing is done.
    """
    piece, message = cut.pieces[segment.index], cut.view.message
    if piece is None or not segment.field(number):
        return False
    fields = message.split(piece, segment.separator)
    if len(fields) <= number:
        return False
    separator = message.delimiters.repetition
    said = message.split(fields[number], separator)
    kept = [one for one in said if not tells(one)]
    if len(kept) == len(said):
        return False
    fields[number] = separator.join(kept)
    cutter = cut.cutter_of(segment.index)
    less = None if cutter is None else cutter.worth(join_fields(fields, segment.separator))
    if less is None:
        cut.drop(segment.index, Code.PARENT_CUT)
        return True
    cut.pieces[segment.index] = less
    return False
