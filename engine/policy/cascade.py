"""What goes along when something goes, whatever the cause of the absence (rules.md §10.18).

Law: a segment goes only with its parent; an order that came with results goes only with at least
one of them; a child order does not outlive the order that it names. The cascade is repeated until
nothing more falls, so that its result does not depend on the order in which it looks.
"""

from __future__ import annotations

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cut import Cut
from engine.policy.outcome import Code
from engine.policy.view import View

#: Messages in which a PID that no rule grants is no parent for what follows it. One that a rule
#: grants on a condition is: the condition speaks of the patient, and with it of all that follows.
_WITHOUT_PID = frozenset({"ADT", "DFT"})

#: What a copy must still hold for its type to be worth sending (§10.18, standards.md B-5.3).
_WORTH = {"ORU": ("PID", "OBR"), "DFT": ("FT1",), "MDM": ("TXA",)}

#: Events that say nothing without their MRG: merges, moves and changes of identifiers.
MERGES = frozenset({"A18", "A30", "A34", "A35", "A36"} | {f"A{number}" for number in range(39, 52)})

_PLACER = (Path("OBR", 2, 1, 1), Path("ORC", 2, 1, 1))
_FILLER = (Path("OBR", 3, 1, 1), Path("ORC", 3, 1, 1))
_NAMED_PLACER = Path("OBR", 29, 1, 1)
_NAMED_FILLER = Path("OBR", 29, 2, 1)

#: For an OBR that names others as its parents, those others.
Named = dict[int, list[int]]


def named_orders(view: View) -> Named:
    """Which orders of the view each OBR names by OBR-29."""
    orders = view.all("OBR")
    return {order.index: _named(view, order, orders) for order in orders if order.field(29)}


def cascade(cut: Cut, named: Named) -> None:
    """Take out all that does not stand without what has gone already."""
    pieces = cut.pieces
    for index in cut.view.structure.without_order:
        if pieces[index] is not None:
            cut.drop(index, Code.PARENT_CUT)
    while (_lacks_anchor(cut) and _fall(cut)) or _fall_orders(cut, named):
        pass


def is_worth_sending(cut: Cut) -> bool:
    """Whether enough is left of the copy for its type."""
    kind = cut.view.type
    needed = _WORTH.get(kind.code, ())
    if kind.code == "ADT" and kind.trigger in MERGES:
        needed = ("MRG",)
    for segment_id in needed:
        if not cut.keeps_any(segment_id):
            return False
    if kind.code in _WITHOUT_PID and _refuses_patient(cut):
        return False
    return cut.pieces.count(None) < len(cut.pieces)


def _lacks_anchor(cut: Cut) -> bool:
    """Whether a segment that others belong to is gone, so that they must be looked at."""
    pieces = cut.pieces
    return any(pieces[anchor] is None for anchor in cut.view.structure.anchors)


def _fall(cut: Cut) -> bool:
    """Look once at every kept segment's parent; say whether anything fell."""
    view, pieces = cut.view, cut.pieces
    parents = view.parents
    orphans = _without_patient(cut)
    fell = False
    for index, piece in enumerate(pieces):
        if piece is None:
            continue
        parent = parents[index]
        if parent < 0 or pieces[parent] is not None:
            continue
        if parent not in orphans:
            cut.drop(index, Code.PARENT_CUT)
            fell = True
    return fell


def _refuses_patient(cut: Cut) -> bool:
    """Whether no PID is kept, and not because none is granted."""
    pids = cut.view.all("PID")
    return not cut.keeps_any("PID") and len(_without_patient(cut)) < len(pids)


def _without_patient(cut: Cut) -> frozenset[int]:
    """The PIDs without which a message may be sent: those that no rule grants."""
    view = cut.view
    if view.type.code not in _WITHOUT_PID:
        return frozenset()
    rules = cut.plan.segments.get("PID")
    return frozenset(
        pid.index for pid in view.all("PID") if rules is None or not rules.refuses(view, pid.index)
    )


def _fall_orders(cut: Cut, named: Named) -> bool:
    pieces, rules = cut.pieces, cut.plan.segments.get("OBR")
    fell = False
    if rules is not None:
        for order, results in cut.view.structure.results:
            if pieces[order] is None:
                continue
            for result in results:
                if pieces[result] is not None:
                    break
            else:
                if rules.alone and rules.stands_alone(cut.view, order):
                    continue
                cut.drop(order, Code.PARENT_CUT)
                fell = True
    for order, others in named.items():
        if pieces[order] is not None and any(pieces[other] is None for other in others):
            cut.drop(order, Code.PARENT_CUT)
            fell = True
    return fell


def _named(view: View, child: Segment, orders: list[Segment]) -> list[int]:
    """The orders that OBR-29 of `child` names: by filler number where it has one, else placer."""
    for path, numbers in ((_NAMED_FILLER, _FILLER), (_NAMED_PLACER, _PLACER)):
        wanted = {text for text in view.texts(child, path) if text}
        if wanted:
            return [
                order.index
                for order in orders
                if order is not child and wanted & _numbers(view, order, numbers)
            ]
    return []


def _numbers(view: View, order: Segment, paths: tuple[Path, Path]) -> set[str]:
    of_obr, of_orc = paths
    found = set(view.texts(order, of_obr))
    for control in view.all("ORC"):
        if view.parents[control.index] == order.index:
            found |= set(view.texts(control, of_orc))
    return found - {""}
