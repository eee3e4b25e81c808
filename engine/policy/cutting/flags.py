"""Flags that go to no counterpart outside the hospital, whatever is granted (standards.md B-7.1).

Law: that somebody is a very important person (table 0099) or uses drugs (PV2-39) is nobody's
business; where the flag is not set, a segment is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.policy.conditions.evaluate import Test
from engine.policy.cutting.parts import Part
from engine.policy.message.view import View
from engine.policy.reasons import withheld_by_rule
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask

#: The built-in rule that withholds them.
FLAGS_STAY = "flags-stay"

#: Segment → its field.
_FIELDS = {"PV1": 16, "PV2": 39, "IN1": 53, "GT1": 57, "NK1": 39}


def _part(field: int) -> Part:
    def is_set(view: View, at: int) -> bool:
        line, separator = view.message.lines[at], view.message.delimiters.field
        return line.count(separator) >= field and bool(view.message.segment(at).field(field))

    where: Test = is_set
    mask = Mask(NOTHING, {field: EVERYTHING})
    return Part(FLAGS_STAY, mask, where, withheld=withheld_by_rule(FLAGS_STAY))


#: What is withheld of each segment.
FLAGS: Mapping[str, Part] = {name: _part(field) for name, field in _FIELDS.items()}
