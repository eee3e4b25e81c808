"""Pharmacy orders of several segments: as it was ordered, encoded, dispensed, given (RXO, RXE, …).

Law: what stands between one ORC and the next is one order, whichever of its segments the ORC is
read to go with; what is said of one of them is said of all (HL7 2.9.1 chapter 4A).
"""

from __future__ import annotations

from engine.policy.message.view import View

PHARMACY = frozenset({"RXO", "RXE", "RXD", "RXG", "RXA"})
_ENDS = frozenset({"PID", "FT1", "OBR"})


def pharmacy_orders(view: View) -> dict[int, int]:
    """For each pharmacy segment the ORC of its order, both by index; those without one are not."""
    if not view.has("ORC") or not any(view.has(name) for name in PHARMACY):
        return {}
    found: dict[int, int] = {}
    common: int | None = None
    for segment in view.segments:
        if segment.id == "ORC":
            common = segment.index
        elif segment.id in _ENDS:
            common = None
        elif segment.id in PHARMACY and common is not None:
            found[segment.index] = common
    return found
