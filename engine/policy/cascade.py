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

#: Messages in which a PID that no rule grants is no parent for what follows it.
_WITHOUT_PID = frozenset({"ADT", "DFT"})

#: What an ORC may stand for; an ORC without any of these is worth nothing.
_ORDERS = frozenset({"OBR", "RXO", "RXE", "RXD", "RXG", "RXA"})

#: What a copy must still hold for its type to be worth sending (§10.18, standards.md B-5.3).
_WORTH = {"ORU": ("PID", "OBR"), "DFT": ("FT1",), "MDM": ("TXA",)}
#: Events that say nothing without their MRG: merges, moves and changes of identifiers.
MERGES = frozenset({"A18", "A30", "A34", "A35", "A36"} | {f"A{number}" for number in range(39, 52)})

_PLACER = (Path("OBR", 2, 1, 1), Path("ORC", 2, 1, 1))
_FILLER = (Path("OBR", 3, 1, 1), Path("ORC", 3, 1, 1))
_NAMED_PLACER = Path("OBR", 29, 1, 1)
_NAMED_FILLER = Path("OBR", 29, 2, 1)


class Groups:
    """How the segments of a view belong together: found once, for all channels.

    `anchors` have others under them; `without_order` are ORC that no order follows; `results`
    are the OBX of each OBR; `named` the orders that an OBR names as its parents.
    """

    __slots__ = ("anchors", "named", "results", "without_order")

    def __init__(self, view: View) -> None:
        orders = view.by_id.get("OBR", [])
        parents, segments = view.parents, view.message.segments
        self.anchors = frozenset(parents) - {-1}
        self.without_order = [
            control.index
            for control in view.by_id.get("ORC", ())
            if parents[control.index] < 0 or segments[parents[control.index]].id not in _ORDERS
        ]
        self.results: dict[int, list[int]] = {}
        self.named: dict[int, list[int]] = {}
        if orders:
            for result in view.by_id.get("OBX", ()):
                above = parents[result.index]
                if above >= 0 and segments[above].id == "OBR":
                    self.results.setdefault(above, []).append(result.index)
            for order in orders:
                if order.field(29):
                    self.named[order.index] = _named(view, order, orders)


def cascade(cut: Cut, groups: Groups) -> None:
    """Take out all that does not stand without what has gone already."""
    pieces = cut.pieces
    for index in groups.without_order:
        if pieces[index] is not None:
            cut.drop(index, Code.PARENT_CUT)
    while (_lacks_anchor(cut, groups) and _fall(cut)) or _fall_orders(cut, groups):
        pass


def _lacks_anchor(cut: Cut, groups: Groups) -> bool:
    """Whether a segment that others belong to is gone, so that they must be looked at."""
    pieces = cut.pieces
    for anchor in groups.anchors:  # noqa: SIM110 - asked of every copy
        if pieces[anchor] is None:
            return True
    return False


def is_worth_sending(cut: Cut) -> bool:
    """Whether enough is left of the copy for its type."""
    kind = cut.view.type
    needed = _WORTH.get(kind.code, ())
    if kind.code == "ADT" and kind.trigger in MERGES:
        needed = ("MRG",)
    for segment_id in needed:
        if not cut.keeps_any(segment_id):
            return False
    return cut.pieces.count(None) < len(cut.pieces)


def _fall(cut: Cut) -> bool:
    """Look once at every kept segment's parent; say whether anything fell."""
    view, pieces = cut.view, cut.pieces
    parents, segments = view.parents, view.message.segments
    stands_alone = view.type.code in _WITHOUT_PID
    fell = False
    for index, piece in enumerate(pieces):
        if piece is None:
            continue
        parent = parents[index]
        if parent < 0 or pieces[parent] is not None:
            continue
        if not (stands_alone and segments[parent].id == "PID"):
            cut.drop(index, Code.PARENT_CUT)
            fell = True
    return fell


def _fall_orders(cut: Cut, groups: Groups) -> bool:
    pieces, rules = cut.pieces, cut.plan.segments.get("OBR")
    fell = False
    if rules is not None and not rules.alone:
        for order, results in groups.results.items():
            if pieces[order] is None:
                continue
            for result in results:
                if pieces[result] is not None:
                    break
            else:
                cut.drop(order, Code.PARENT_CUT)
                fell = True
    for order, named in groups.named.items():
        if pieces[order] is not None and any(pieces[other] is None for other in named):
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
    for control in view.by_id.get("ORC", ()):
        if view.parents[control.index] == order.index:
            found |= set(view.texts(control, of_orc))
    return found - {""}
