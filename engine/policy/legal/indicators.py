"""Protection indicators: segments that their sender marks, field by field (standards.md B-7.1).

Law: what a field says beyond the values that are free to go marks its segment; few segments are
long enough to say anything, and a message of none costs a look at how long its lines are.
"""

from __future__ import annotations

from engine.policy.legal.orders import ordered, orders_in
from engine.policy.legal.said_codes import says_of
from engine.policy.legal.signal_codes import ORDERS, Says
from engine.policy.message.structure import Structure
from engine.policy.message.view import View

#: What says nothing in a field.
EMPTY = frozenset({b"", b'""'})

#: What lets a segment go under a protection indicator (table 0136).
NO = EMPTY | {b"N"}

#: Segment, field, and the values that let the segment go: the protection indicators of a diagnosis,
#: a group and single persons (table 0136), and the access checks of a result, which are free text.
_INDICATORS = (
    ("DG1", 18, NO),
    ("DRG", 10, NO),
    ("NK1", 23, NO),
    ("GT1", 39, NO),
    ("IN2", 37, NO),
    ("OBX", 13, EMPTY),
)

_ORC = 28

_NOTHING: frozenset[int] = frozenset()


def marked(view: View, segment_id: str, field: int, free: frozenset[bytes]) -> list[int]:
    """The segments of an id whose field says more than what is free to go."""
    indexes = view.structure.by_id.get(segment_id, ())
    lines, separator = view.message.lines, view.message.delimiters.field
    for index in indexes:
        if lines[index].count(separator) >= field:
            break
    else:
        return []
    if view.held(segment_id, field) <= free:
        return []
    rows = view.rows(segment_id, field)
    return [index for index, row in zip(indexes, rows, strict=True) if row[field] not in free]


def marked_groups(view: View) -> frozenset[int]:
    """Segments that are marked, and orders by their first segment."""
    found: list[int] = []
    for segment_id, field, free in view.structure.once(_indicators_of):
        found += marked(view, segment_id, field, free)
    if view.has("ORC") and marked(view, "ORC", _ORC, EMPTY):
        for root, carriers in orders_in(view).items():
            commons = (one for one in carriers if one.id == "ORC")
            if any(says_of(view, one, _ORC, ORDERS, Says.RESTRICTED) for one in commons):
                found += ordered(view, view.message.segment(root))
    return frozenset(found) if found else _NOTHING


def _indicators_of(structure: Structure) -> tuple[tuple[str, int, frozenset[bytes]], ...]:
    """The indicators that messages of this form may have."""
    return tuple(one for one in _INDICATORS if one[0] in structure.by_id)
