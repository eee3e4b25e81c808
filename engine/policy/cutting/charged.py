"""Orders of which charges tell: one that only charges that are not sent are about goes with them.

Law: what pertains only to a charge that is kept back goes with it (rules.md §7), also where it does
not stand under it: an order of the message that a line names in FT1-23, or that holds the line
itself (standards.md B-6.3.6). One that a line which is sent names as well stays for that line.
"""

from __future__ import annotations

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.qualified import Qualified, share
from engine.policy.message.structure import ORDERS
from engine.policy.message.view import View
from engine.policy.outcome import Code

_ORDER_OF_LINE = 23
_NUMBERS = {"OBR": (2, 3), "ORC": (2, 3)}


def conceal_orders(cut: Cut) -> bool:
    """Take out the orders that pertain only to charges that are not sent; say whether any fell."""
    view, pieces = cut.view, cut.pieces
    lines = view.all("FT1")
    kept = [line for line in lines if pieces[line.index] is not None]
    # Where no charge is granted, none is kept back.
    gone = [
        line for line in lines if pieces[line.index] is None and (kept or _is_barred(cut, line))
    ]
    orders = _orders_beside(cut) if gone else []
    if not orders:
        return False
    of_gone, of_kept = _named(view, gone), _named(view, kept)
    commons: dict[int, list[Segment]] = {}
    for common in view.all("ORC"):
        commons.setdefault(view.parents[common.index], []).append(common)
    fell = False
    for order in orders:
        numbers: Qualified = {}
        for carrier in (order, *commons.get(order.index, ())):
            for field in _NUMBERS.get(carrier.id, ()):
                _add(view, carrier, field, numbers)
        is_named = share(numbers, of_gone) and not share(numbers, of_kept)
        own = view.below(order.index, "FT1")
        if is_named or (own and all(_is_barred(cut, line) for line in own)):
            cut.drop(order.index, Code.PARENT_CUT)
            fell = True
    return fell


def _is_barred(cut: Cut, line: Segment) -> bool:
    return line.index in cut.bars and cut.pieces[line.index] is None


def _orders_beside(cut: Cut) -> list[Segment]:
    """The orders that are left and stand under no charge."""
    view = cut.view
    return [
        order
        for name in sorted(ORDERS)
        for order in view.all(name)
        if cut.pieces[order.index] is not None and view.ancestor(order.index, "FT1") is None
    ]


def _named(view: View, lines: list[Segment]) -> Qualified:
    found: Qualified = {}
    for line in lines:
        _add(view, line, _ORDER_OF_LINE, found)
    return found


def _add(view: View, segment: Segment, field: int, found: Qualified) -> None:
    numbers = view.texts(segment, Path(segment.id, field, 1, 1))
    namespaces = view.texts(segment, Path(segment.id, field, 2, 1))
    for number, namespace in zip(numbers, namespaces, strict=True):
        if number.strip() not in ("", '""'):
            found.setdefault(number.strip(), set()).add(namespace.strip())
