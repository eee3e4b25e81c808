"""What is grouped from diagnoses and procedures, which tells of those that are not sent.

Law: where the law or a rule takes a diagnosis or a procedure, or its code alone, or one goes with
its charge, neither the DRG of the stay goes nor the category and group that stand beside a
diagnosis; one that nobody grants betrays nothing that is kept back (standards.md B-9.2, B-9.5).
"""

from __future__ import annotations

from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.outcome import Code
from engine.policy.segment.masks import Mask
from engine.policy.vocabulary.codesets import IDENTIFIERS

_GROUPED_FROM = ("DG1", "PR1")
#: DG1-3 and PR1-3.
_CODED = 3
#: DG1-7 (major diagnostic category) and DG1-8 (diagnosis related group).
_GROUPS = (7, 8)


def conceal_groups(cut: Cut) -> bool:
    """Take out what tells of a diagnosis or procedure that is kept back; say whether any fell."""
    view, pieces = cut.view, cut.pieces
    groups = [one for one in view.all("DRG") if pieces[one.index] is not None]
    beside = [
        one
        for one in view.all("DG1")
        if pieces[one.index] is not None and any(one.field(number) for number in _GROUPS)
    ]
    if not (groups or beside) or not _keeps_back(cut):
        return False
    for group in groups:
        cut.drop(group.index, Code.PARENT_CUT)
    fell = [cut.empty(diagnosis, _GROUPS) for diagnosis in beside]
    return bool(groups) or any(fell)


def _keeps_back(cut: Cut) -> bool:
    """Whether a diagnosis, a procedure, its code or the group itself is gone.

    One that is merely not granted is not kept back.
    """
    if any(one.index in cut.bars and cut.pieces[one.index] is None for one in cut.view.all("DRG")):
        return True
    return any(
        (segment.index in cut.bars and not _is_told(cut, segment))
        or cut.causes.get(segment.index) is Code.PARENT_CUT
        or _is_withheld(cut, segment)
        for segment_id in _GROUPED_FROM
        for segment in cut.view.all(segment_id)
    )


def _is_told(cut: Cut, segment: Segment) -> bool:
    """Whether anything is left of the field that says what it is."""
    piece = cut.pieces[segment.index]
    left = [] if piece is None else cut.view.message.split(piece, segment.separator)
    return len(left) > _CODED and bool(left[_CODED])


def _is_withheld(cut: Cut, segment: Segment) -> bool:
    """Whether rules withhold all of it, or a code that it has."""
    coded = segment.field(_CODED)
    return any(
        (part.mask.is_whole or (coded and _takes_code(part.mask)))
        and (part.where is None or part.where(cut.view, segment.index))
        for part in cut.plan.withheld.get(segment.id, ())
    )


def _takes_code(mask: Mask) -> bool:
    numbers = mask.of_field(_CODED)
    return any(component in numbers for component in IDENTIFIERS)
