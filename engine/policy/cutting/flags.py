"""Flags that go to no counterpart outside the hospital, whatever is granted (standards.md B-7.1).

Law: that somebody is a very important person (table 0099) or uses drugs (PV2-39) is nobody's
business; where the flag is not set, a segment is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.policy.cutting.parts import Part
from engine.policy.message.structure import Structure
from engine.policy.message.view import View
from engine.policy.reasons import withheld_by_rule
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask

#: The built-in rule that withholds them.
FLAGS_STAY = "flags-stay"

#: Segment → its field.
_FIELDS = {"PV1": 16, "PV2": 39, "IN1": 53, "GT1": 57, "NK1": 39}


def has_flags(view: View) -> bool:
    """Whether any is set."""
    lines, separator = view.message.lines, view.message.delimiters.field
    for index, field in view.structure.once(_flagged):
        if lines[index].count(separator) >= field and _is_set(view, index, field):
            return True
    return False


def _flagged(structure: Structure) -> tuple[tuple[int, int], ...]:
    """The segments that may have one, and in which field."""
    by_id = structure.by_id
    return tuple((index, field) for name, field in _FIELDS.items() for index in by_id.get(name, ()))


def _is_set(view: View, at: int, field: int) -> bool:
    return bool(view.message.segment(at).field(field))


def _part(field: int) -> Part:
    def where(view: View, at: int) -> bool:
        return _is_set(view, at, field)

    mask = Mask(NOTHING, {field: EVERYTHING})
    reason = withheld_by_rule(FLAGS_STAY)
    return Part(FLAGS_STAY, mask, where, withheld=reason, asks=frozenset({field}))


#: What is withheld of each segment.
FLAGS: Mapping[str, Part] = {name: _part(field) for name, field in _FIELDS.items()}
