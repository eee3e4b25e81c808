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
    view, pieces, parents = cut.view, cut.pieces, cut.view.parents
    for segment_id, indexes in view.structure.numbered:
        torn = {parents[index] for index in indexes if pieces[index] is None}
        if torn and not (segment_id == "FT1" and uses_references(view)):
            _number(cut, indexes, torn)
    if view.is_part:
        # Each patient of a result message goes alone; the others' PIDs are siblings.
        patients = view.structure.by_id.get("PID", ())
        _number(cut, patients, {parents[index] for index in patients})


def _number(cut: Cut, indexes: Iterable[int], under: set[int]) -> None:
    """Number the kept ones of some segments of one id anew, from 1 under each of some parents."""
    pieces, parents = cut.pieces, cut.view.parents
    separator = cut.view.message.delimiters.field
    numbers = dict.fromkeys(under, 0)
    for index in indexes:
        piece, parent = pieces[index], parents[index]
        if piece is None or parent not in numbers:
            continue
        # Neither the name nor a number can hold a byte of a longer character.
        end = piece.find(separator, 4)
        written = piece[4:] if end < 0 else piece[4:end]
        if written.isdigit():
            numbers[parent] += 1
            number = b"%d" % numbers[parent]
            if written != number:
                pieces[index] = piece[:4] + number + piece[4 + len(written) :]
