"""What is grouped from diagnoses and procedures, which tells of those that are not sent.

Law: where the law or a rule takes a diagnosis or a procedure, or one goes with its charge, neither
the DRG of the stay goes nor the category and group that stand beside another diagnosis; one that
nobody grants betrays nothing that is kept back (standards.md B-9.2, B-9.5).
"""

from __future__ import annotations

from engine.policy.cutting.cut import Cut
from engine.policy.outcome import Code

#: What is kept back of these tells, and a group that is kept back itself stands beside others.
_GROUPED_FROM = ("DG1", "PR1", "DRG")
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
    """Whether a diagnosis or a procedure is gone that was not merely not granted."""
    return any(
        cut.pieces[segment.index] is None
        and (
            segment.index in cut.bars
            or cut.causes.get(segment.index) is Code.PARENT_CUT
            or _is_withheld(cut, segment_id, segment.index)
        )
        for segment_id in _GROUPED_FROM
        for segment in cut.view.all(segment_id)
    )


def _is_withheld(cut: Cut, segment_id: str, index: int) -> bool:
    return any(
        part.mask.is_whole and (part.where is None or part.where(cut.view, index))
        for part in cut.plan.withheld.get(segment_id, ())
    )
