"""Which insurer a charge is for, and what a charge that is not sent takes along.

Law: a line belongs to the insurance that FT1-14 names, in the message's own IN1s (those of the
charge itself before those of the message); a line that cannot be matched is nobody's and holds the
copy. Where any line is not sent, nothing that is sent may tell of it (rules.md §10.10,
standards.md B-6.3).
"""

from __future__ import annotations

from engine.hl7.build import join_fields
from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cut import Cut
from engine.policy.identify import Claims
from engine.policy.outcome import Code
from engine.policy.view import View

_PLAN_OF_LINE = 14
_PLAN_OF_INSURANCE = 2
_PRIORITY = Path("IN1", 22)
_LINE_NUMBER = Path("FT1", 1)
_REFERENCES = 31
_TOTALS = (46, 47, 48, 49)

#: A coded value: identifier and coding system; the system may be empty.
Coded = tuple[str, str]


def insurance_of_lines(view: View, claims: Claims) -> dict[int, int | None]:
    """For each FT1 (by index) the IN1 that it is charged to; None where that is not certain."""
    parents = view.parents
    by_parent: dict[int, list[Segment]] = {}
    for insurance in view.all("IN1"):
        by_parent.setdefault(parents[insurance.index], []).append(insurance)
    lines = view.all("FT1")
    of_lines = {line.index for line in lines}
    general = [
        one for parent, found in by_parent.items() if parent not in of_lines for one in found
    ]
    return {
        line.index: _match(view, line, by_parent.get(line.index) or general, claims)
        for line in lines
    }


def is_unmatched_by_plan(line: Segment) -> bool:
    """Whether the line names a plan, so that a message without insurance cannot say whose."""
    return bool(line.field(_PLAN_OF_LINE))


def conceal(cut: Cut) -> bool:
    """Take out and empty what would tell of a line that is not sent; say whether any fell."""
    view, pieces = cut.view, cut.pieces
    gone = [line for line in view.all("FT1") if pieces[line.index] is None]
    if not gone:
        return False
    fell = _keep_pointed_to(cut)
    for visit in view.all("PV1"):
        if pieces[visit.index] is not None:
            fell = _empty_totals(cut, visit) or fell
    _forget_references(cut, gone)
    return fell


def uses_references(view: View) -> bool:
    """Whether any line refers to others by FT1-31, so that FT1-1 must stay as it is."""
    return any(line.field(_REFERENCES) for line in view.all("FT1"))


def _match(view: View, line: Segment, candidates: list[Segment], claims: Claims) -> int | None:
    if not candidates:
        return None
    if not line.field(_PLAN_OF_LINE):
        if view.hides("IN1"):
            return None  # which insurance is the first cannot be known
        matching = [min(candidates, key=lambda one: _priority(view, one))]
    else:
        wanted = coded(view, line, _PLAN_OF_LINE)
        matching = [
            one for one in candidates if _same(wanted, coded(view, one, _PLAN_OF_INSURANCE))
        ]
    claimed = {claims.by_index.get(one.index, frozenset()) for one in matching}
    if len(claimed) != 1 or any(one.index in claims.contested for one in matching):
        return None
    return matching[0].index


def _priority(view: View, insurance: Segment) -> tuple[int, int]:
    """IN1-22 as a number, then the order in the message; without a number, last."""
    text = next(iter(view.texts(insurance, _PRIORITY)), "").strip()
    number = int(text) if text.isascii() and text.isdigit() else 1 << 30
    return number, insurance.index


def coded(view: View, segment: Segment, field: int) -> set[Coded]:
    """The codes of a CE or CWE field: both triplets of every repetition."""
    parts = [view.texts(segment, Path(segment.id, field, component)) for component in (1, 3, 4, 6)]
    found: set[Coded] = set()
    for code, system, other_code, other_system in zip(*parts, strict=True):
        found |= {(code, system), (other_code, other_system)}
    return {one for one in found if one[0]}


def _same(some: set[Coded], others: set[Coded]) -> bool:
    """One code in common, of one system where both name theirs."""
    return any(
        code == other and (not system or not other_system or system == other_system)
        for code, system in some
        for other, other_system in others
    )


def _keep_pointed_to(cut: Cut) -> bool:
    """Keep only the DG1 that a kept line points to, by FT1-19 or by its procedures' PR1-15."""
    view, pieces = cut.view, cut.pieces
    pointed: set[Coded] = set()
    for line in view.all("FT1"):
        if pieces[line.index] is not None:
            pointed |= coded(view, line, 19)
    for procedure in view.all("PR1"):
        line_above = view.ancestor(procedure.index, "FT1")
        if line_above is not None and pieces[procedure.index] is not None:
            pointed |= coded(view, procedure, 15)
    fell = False
    for diagnosis in view.all("DG1"):
        if pieces[diagnosis.index] is not None and not _same(coded(view, diagnosis, 3), pointed):
            cut.drop(diagnosis.index, Code.PARENT_CUT)
            fell = True
    return fell


def _empty_totals(cut: Cut, visit: Segment) -> bool:
    """Empty PV1-46 to PV1-49; say whether nothing of the visit remained."""
    if not any(visit.field(number) for number in _TOTALS):
        return False
    cutter = cut.plan.segments["PV1"].cutter(cut.view, visit.index, own=True)
    less = None if cutter is None else cut.plan.without_totals(cutter)
    left = None if less is None else less.cut(visit, cut.view.message)
    if left is None:
        cut.drop(visit.index, Code.PARENT_CUT)
        return True
    cut.pieces[visit.index] = left
    return False


def _forget_references(cut: Cut, gone: list[Segment]) -> None:
    """FT1-31 must not name a line that is not sent."""
    view, message = cut.view, cut.view.message
    numbers = {text for line in gone for text in view.texts(line, _LINE_NUMBER) if text}
    separator = message.delimiters.repetition
    for line in view.all("FT1"):
        piece = cut.pieces[line.index]
        if piece is None or not line.field(_REFERENCES):
            continue
        fields = message.split(piece, line.separator)
        if len(fields) <= _REFERENCES:
            continue
        named = message.split(fields[_REFERENCES], separator)
        kept = [one for one in named if view.text(one) not in numbers]
        if len(kept) < len(named):
            fields[_REFERENCES] = separator.join(kept)
            cut.pieces[line.index] = join_fields(fields, line.separator)
