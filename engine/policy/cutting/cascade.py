"""What goes along when something goes, whatever the cause of the absence (rules.md §10.18).

Law: a segment goes only with its parent; an order that came with results goes only with at least
one of them; a child order does not outlive the order that it names. The cascade is repeated until
nothing more falls, so that its result does not depend on the order in which it looks.
"""

from __future__ import annotations

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.message.view import View
from engine.policy.outcome import Code
from engine.policy.vocabulary.conditions import MessageType

#: Messages in which a PID that no rule grants is no parent for what follows it. One that a rule
#: grants on a condition is: the condition speaks of the patient, and with it of all that follows.
WITHOUT_PID = frozenset({"ADT", "DFT"})

#: A placer's or a filler's number of an order.
_Number = tuple[str, str]

#: What a copy must still hold for its type to be worth sending (§10.18, standards.md B-5.3).
_WORTH = {"ORU": ("PID", "OBR"), "DFT": ("FT1",), "MDM": ("TXA",)}

#: Events that say nothing without their MRG: merges, moves and changes of identifiers.
MERGES = frozenset({"A18", "A30", "A34", "A35", "A36"} | {f"A{number}" for number in range(39, 52)})

_NUMBERS = {
    "placer": (Path("OBR", 2, 1, 1), Path("ORC", 2, 1, 1)),
    "filler": (Path("OBR", 3, 1, 1), Path("ORC", 3, 1, 1)),
}
_PARENT, _NO_PARENT = 29, {b""}
_NAMED = {"filler": Path("OBR", 29, 2, 1), "placer": Path("OBR", 29, 1, 1)}


class Named:
    """Which orders of a view name which others as their parents, by OBR-29.

    By number, not by pair: any number of orders may name, or have, one number.
    """

    __slots__ = ("_children", "_numbers", "_parents")

    def __init__(self, view: View) -> None:
        self._children: dict[_Number, list[int]] = {}
        is_named = view.has("OBR") and view.held("OBR", _PARENT) != _NO_PARENT
        orders = view.all("OBR") if is_named else []
        for child in orders:
            if child.field(_PARENT):
                for number in _named(view, child):
                    self._children.setdefault(number, []).append(child.index)
        #: The orders that have a number which is named, and for each of them these numbers.
        self._parents: dict[_Number, list[int]] = {}
        self._numbers: dict[int, list[_Number]] = {}
        for index, number in _numbers(view, orders) if self._children else ():
            if number in self._children:
                self._parents.setdefault(number, []).append(index)
                self._numbers.setdefault(index, []).append(number)

    def fallen(self, pieces: list[bytes | None]) -> list[int]:
        """The kept orders that are below one that is gone, each behind the one it is below."""
        if not self._parents:
            return []
        torn = [
            number
            for number, parents in self._parents.items()
            if any(pieces[parent] is None for parent in parents)
        ]
        found: dict[int, None] = {}
        seen = set(torn)
        while torn:
            for child in self._children[torn.pop()]:
                if pieces[child] is not None:
                    found[child] = None
                    below = [n for n in self._numbers.get(child, ()) if n not in seen]
                    seen.update(below)
                    torn += below
        return list(found)


def cascade(cut: Cut, named: Named) -> None:
    """Take out all that does not stand without what has gone already."""
    pieces = cut.pieces
    for index in cut.view.structure.without_order:
        if pieces[index] is not None:
            cut.drop(index, Code.PARENT_CUT)
    while (_lacks_anchor(cut) and _fall(cut)) or _fall_orders(cut, named):
        pass


def needed_by(kind: MessageType) -> tuple[str, ...]:
    """The segments without which a message of this type is not worth sending."""
    if kind.code == "ADT" and kind.trigger in MERGES:
        return ("MRG",)
    return _WORTH.get(kind.code, ())


def is_worth_sending(cut: Cut) -> bool:
    """Whether enough is left of the copy for its type."""
    kind = cut.view.type
    for segment_id in needed_by(kind):
        if not cut.keeps_any(segment_id):
            return False
    if kind.code in WITHOUT_PID and _refuses_patient(cut):
        return False
    return cut.pieces.count(None) < len(cut.pieces)


def _lacks_anchor(cut: Cut) -> bool:
    """Whether a segment that others belong to is gone, so that they must be looked at."""
    pieces = cut.pieces
    return None in [pieces[anchor] for anchor in cut.view.structure.anchors]


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
    if view.type.code not in WITHOUT_PID:
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
            if pieces[results[0]] is not None:
                continue
            if all(pieces[result] is None for result in results):
                if rules.alone and rules.stands_alone(cut.view, order):
                    continue
                cut.drop(order, Code.PARENT_CUT)
                fell = True
    for order in named.fallen(pieces):
        cut.drop(order, Code.PARENT_CUT)
        fell = True
    return fell


def _named(view: View, child: Segment) -> set[_Number]:
    """What OBR-29 of `child` names: filler numbers where it has one, else placer numbers."""
    for kind, path in _NAMED.items():
        numbers = {(kind, text) for text in view.texts(child, path) if text}
        if numbers:
            return numbers
    return set()


def _numbers(view: View, orders: list[Segment]) -> set[tuple[int, _Number]]:
    """Every order's numbers, its own and those of its ORC."""
    found: set[tuple[int, _Number]] = set()
    for kind, (of_obr, of_orc) in _NUMBERS.items():
        for order in orders:
            found |= {(order.index, (kind, text)) for text in view.texts(order, of_obr) if text}
        for control in view.all("ORC"):
            order_of = view.parents[control.index]
            found |= {(order_of, (kind, text)) for text in view.texts(control, of_orc) if text}
    return found
