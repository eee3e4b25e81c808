"""The cut: what a channel's plan leaves of one patient's part, over the received bytes.

Law: what is sent is a slice of what was received, but for set ids, the channel's MSH and what the
rules empty; nothing is added, reordered or repaired. All that this module takes out is decided by
a plan; what it does not find in the plan it does not send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.policy.cutting import charges
from engine.policy.cutting.cascade import Named, cascade
from engine.policy.cutting.charged import conceal_orders
from engine.policy.cutting.contacts import conceal_contact
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.grouped import conceal_groups
from engine.policy.cutting.plan import Plan
from engine.policy.cutting.pointers import conceal_pointers
from engine.policy.cutting.renumber import renumber
from engine.policy.message.cuts import left_of
from engine.policy.message.view import View
from engine.policy.outcome import Code
from engine.policy.segment.cutter import Cutter


def carry_out(cut: Cut, named: Named, renumbers: bool) -> None:
    """Leave in `cut` what its plan and its bars leave; the copy's MSH is made by `payload`."""
    _apply_own(cut)
    _bar(cut)
    if cut.contact is not None:
        conceal_contact(cut, cut.contact)
    cascade(cut, named)
    while _conceal(cut):
        cascade(cut, named)
    if renumbers:
        renumber(cut)


def _conceal(cut: Cut) -> bool:
    """Take out what would tell of something that is kept back; say whether any segment fell."""
    return (
        charges.conceal(cut) or conceal_groups(cut) or conceal_orders(cut) or conceal_pointers(cut)
    )


def shared_pieces(view: View, plan: Plan) -> list[bytes | None]:
    """What a plan leaves of the segments that are cut alike for all who have it."""
    pieces: list[bytes | None] = [None] * len(view.message.ids)
    for segment_id, indexes in view.structure.by_id.items():
        rules = plan.segments.get(segment_id)
        if rules is None or rules.needs_own:
            continue
        if rules.is_conditional:
            alike: dict[Cutter, list[int]] = {}
            for index, cutter in zip(indexes, rules.cutters(view), strict=True):
                if cutter is not None:
                    alike.setdefault(cutter, []).append(index)
            _cut_alike(view, pieces, alike)
        elif rules.fixed is not None:
            _cut_alike(view, pieces, {rules.fixed: indexes})
    return pieces


def _apply_own(cut: Cut) -> None:
    """Segments of which it matters whose they are, one by one."""
    view = cut.view
    for rules in cut.plan.of_owners:
        alike: dict[Cutter, list[int]] = {}
        for index in view.structure.by_id.get(rules.id, ()):
            mine = cut.own.holds(view, index, rules.id)
            cutter = rules.cutter(view, index, mine) if mine or not rules.only_own else None
            if cutter is not None:
                alike.setdefault(cutter, []).append(index)
            elif not mine:
                cut.causes[index] = Code.OTHER_COVERAGE
        _cut_alike(view, cut.pieces, alike)


def _cut_alike(
    view: View, pieces: list[bytes | None], alike: Mapping[Cutter, Sequence[int]]
) -> None:
    for cutter, indexes in alike.items():
        for index, left in zip(indexes, left_of(view, cutter, indexes), strict=True):
            pieces[index] = left


def _bar(cut: Cut) -> None:
    """Segments that the law stands against, or that only some of the rules may grant."""
    if not cut.bars:
        return
    view, pieces, segments = cut.view, cut.pieces, cut.view.message.segments
    for index, bar in cut.bars.items():
        if pieces[index] is None:
            continue
        cutter = cut.cutter_of(index)
        left = None if cutter is None else cutter.cut(segments[index], view.message)
        if left is None:
            cut.drop(index, bar.code)
        else:
            pieces[index] = left
