"""Orders: which a message has, what may carry their numbers, and what goes with them.

Law: an ORC goes with its order; one that is of something else, with all that follows it up to what
is not its own (HL7 v2 chapter 4).
"""

from __future__ import annotations

from engine.hl7.wire import Segment
from engine.policy.message.pharmacy import pharmacy_orders
from engine.policy.message.view import View

_ORDERS = frozenset({"OBR", "RXO", "RXE", "RXD", "RXG", "RXA"})
#: What begins something new behind an ORC that no order follows.
_ENDS = frozenset({"ORC", "PID", "PV1", "IN1", "FT1", "TXA"})


def orders_in(view: View) -> dict[int, list[Segment]]:
    """Each order's first segment, and what may carry its numbers: itself and its ORC."""
    parents, segments = view.parents, view.message.segments
    found: dict[int, list[Segment]] = {}
    for name in _ORDERS:
        for order in view.all(name):
            found.setdefault(order.index, []).append(order)
    for common in view.all("ORC"):
        above = parents[common.index]
        root = above if above >= 0 and segments[above].id in _ORDERS else common.index
        found.setdefault(root, []).append(common)
    for root, index in pharmacy_orders(view).items():
        common = view.message.segment(index)
        if common not in found[root]:
            found[root].append(common)
    return found


def ordered(view: View, order: Segment) -> frozenset[int]:
    """The segments that an order begins with.

    Of an ORC with no order that it takes along (a diet, blood, supplies: ODS, BPO, RQD) all that
    follows it, up to the next that begins something new.
    """
    ids, found = view.message.ids, [order.index]
    if order.id == "ORC":
        for index in range(order.index + 1, len(ids)):
            if ids[index] in _ENDS:
                break
            found.append(index)
    return frozenset(found)
