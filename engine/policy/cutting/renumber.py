"""Set ids without gaps, so that a gap betrays nothing (rules.md §10.23, standards.md B-9.4).

Law: only among siblings (same id, same parent) of which one was removed; those that carry a number
become 1…n; one that is not granted stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.policy.cutting.charges import uses_references
from engine.policy.cutting.cut import Cut


def renumber(cut: Cut) -> None:
    """Close the gaps that the cut has made."""
    view, pieces = cut.view, cut.pieces
    for segment_id, indexes in view.structure.numbered:
        left = [pieces[index] for index in indexes]
        if None not in left:
            continue
        there = [index for index in indexes if pieces[index] is not None]
        if not there:
            continue
        if segment_id == "FT1" and uses_references(view):
            continue
        parents = view.parents
        torn = {parents[index] for index in indexes if pieces[index] is None}
        _number(cut, [index for index in there if parents[index] in torn])
    if view.is_part:
        # Each patient of a result message goes alone; the others' PIDs are siblings.
        _number(cut, view.structure.by_id.get("PID", ()))


def _number(cut: Cut, indexes: Iterable[int]) -> None:
    """Number kept segments of one id anew, under each parent from 1."""
    pieces, parents = cut.pieces, cut.view.parents
    separator = cut.view.message.delimiters.field
    numbers: dict[int, int] = {}
    for index in indexes:
        piece = pieces[index]
        if piece is None:
            continue
        # Neither the name nor a number can hold a byte of a longer character.
        end = piece.find(separator, 4)
        written = piece[4:] if end < 0 else piece[4:end]
        if written.isdigit():
            parent = parents[index]
            number = numbers[parent] = numbers.get(parent, 0) + 1
            pieces[index] = b"%s%d%s" % (piece[:4], number, piece[4 + len(written) :])
