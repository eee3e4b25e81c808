"""Which insurer a charge is for, and what a charge that is not sent takes along.

Law: a line belongs to the insurance that FT1-14 names, in the message's own IN1s (those of the
charge itself before those of the message); a line that cannot be matched is nobody's and holds the
copy. Where any line is not sent, nothing that is sent may tell of it (rules.md §10.10,
standards.md B-6.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.pointers import add_codes
from engine.policy.cutting.qualified import Qualified, share
from engine.policy.cutting.repetitions import take_out
from engine.policy.identify import Claims
from engine.policy.message.view import View
from engine.policy.outcome import Code

_PLAN_OF_LINE = 14
_PLAN_OF_INSURANCE = 2
_PRIORITY = Path("IN1", 22)
_LINE_NUMBER = Path("FT1", 1)
_REFERENCES = 31
_ANY_SYSTEM = None
_TOTALS = (46, 47, 48, 49)
#: What is counted over all charges of a stay: its revenue codes, days, occurrences and amounts.
_COUNTED = ("GP1", "GP2", "UB1", "UB2")

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
    general = _Candidates(
        view,
        [one for parent, found in by_parent.items() if parent not in of_lines for one in found],
        claims,
    )
    return {
        line.index: (
            _Candidates(view, by_parent[line.index], claims) if line.index in by_parent else general
        ).match(view, line)
        for line in lines
    }


def is_unmatched_by_plan(line: Segment) -> bool:
    """Whether the line names a plan, so that a message without insurance cannot say whose."""
    return bool(line.field(_PLAN_OF_LINE))


def conceal(cut: Cut) -> bool:
    """Take out and empty what would tell of a line that is not sent; say whether any fell."""
    view, pieces = cut.view, cut.pieces
    if not view.has("FT1"):
        return False
    gone = [line for line in view.all("FT1") if pieces[line.index] is None]
    if not gone:
        return False
    fell = _keep_pointed_to(cut)
    for visit in view.all("PV1"):
        if pieces[visit.index] is not None and any(visit.field(number) for number in _TOTALS):
            fell = cut.empty(visit, _TOTALS) or fell
    for segment_id in _COUNTED:
        for counted in view.all(segment_id):
            if pieces[counted.index] is not None:
                cut.drop(counted.index, Code.PARENT_CUT)
                fell = True
    return _forget_references(cut, gone) or fell


def uses_references(view: View) -> bool:
    """Whether any line refers to others by FT1-31, so that FT1-1 must stay as it is."""
    return any(line.field(_REFERENCES) for line in view.all("FT1"))


class _Candidates:
    """The insurances that a charge may be for, by the codes of their plans.

    Of all that have one code and system only this is kept: who claims them, and the first.
    """

    def __init__(self, view: View, insurances: list[Segment], claims: Claims) -> None:
        self._first: int | None = None
        if insurances and not view.hides("IN1"):  # else which is the first cannot be known
            first = min(insurances, key=lambda one: _priority(view, one)).index
            self._first = None if first in claims.contested else first
        self._alike: dict[tuple[str, str | None], _Alike] = {}
        for one in insurances:
            claimed = None if one.index in claims.contested else claims.by_index[one.index]
            for code, system in coded(view, one, _PLAN_OF_INSURANCE):
                for key in ((code, system), (code, _ANY_SYSTEM)):
                    self._alike.setdefault(key, _Alike(one.index)).claimed.add(claimed)

    def match(self, view: View, line: Segment) -> int | None:
        """The insurance of a line; None where that is not certain."""
        if not line.field(_PLAN_OF_LINE):
            return self._first
        matching = [
            self._alike[code, other]
            for code, system in coded(view, line, _PLAN_OF_LINE)
            for other in ((system, "") if system else (_ANY_SYSTEM,))
            if (code, other) in self._alike
        ]
        claimed = {one for alike in matching for one in alike.claimed}
        if len(claimed) != 1 or None in claimed:
            return None
        return min(alike.first for alike in matching)


@dataclass(slots=True)
class _Alike:
    """Insurances of one plan; whoever claims a contested one is None."""

    first: int
    claimed: set[frozenset[str] | None] = field(default_factory=set)


def _priority(view: View, insurance: Segment) -> tuple[int, int]:
    """IN1-22 as a number, then the order in the message; without a number, last."""
    text = next(iter(view.texts(insurance, _PRIORITY)), "").strip()
    number = int(text) if text.isascii() and text.isdigit() else 1 << 30
    return number, insurance.index


def coded(view: View, segment: Segment, number: int) -> set[Coded]:
    """The codes of a CE or CWE field: both triplets of every repetition."""
    parts = [view.texts(segment, Path(segment.id, number, component)) for component in (1, 3, 4, 6)]
    found: set[Coded] = set()
    for code, system, other_code, other_system in zip(*parts, strict=True):
        found |= {(code, system), (other_code, other_system)}
    return {one for one in found if one[0]}


def _keep_pointed_to(cut: Cut) -> bool:
    """Keep only the DG1 that a kept line points to, by FT1-19 or by its procedures' PR1-15."""
    view, pieces = cut.view, cut.pieces
    pointed: Qualified = {}
    for segment_id, number in (("FT1", 19), ("PR1", 15)):
        for segment in view.all(segment_id):
            if pieces[segment.index] is None:
                continue
            if segment_id == "PR1" and view.ancestor(segment.index, "FT1") is None:
                continue
            add_codes(view, segment.field(number), pointed)
    fell = False
    for diagnosis in view.all("DG1"):
        if pieces[diagnosis.index] is None:
            continue
        named: Qualified = {}
        add_codes(view, diagnosis.field(3), named)
        if not share(named, pointed):
            cut.drop(diagnosis.index, Code.PARENT_CUT)
            fell = True
    return fell


def _forget_references(cut: Cut, gone: list[Segment]) -> bool:
    """FT1-31 must not name a line that is not sent; say whether nothing of a line remained."""
    view = cut.view
    numbers = {text for line in gone for text in view.texts(line, _LINE_NUMBER) if text}
    fell = False
    for line in view.all("FT1"):
        fell = take_out(cut, line, _REFERENCES, lambda one: view.text(one) in numbers) or fell
    return fell
