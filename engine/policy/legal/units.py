"""Which source units a message names, and whether one of them is a 42 CFR Part 2 program.

Law: the unit itself identifies the patient, so that one which is registered as a program protects
the message wherever it stands in it: as where the patient is, was or goes, as whoever ordered,
charged or recorded (42 CFR 2.12(a); standards.md LAW-20, B-9.5). What the source is, where that
matters, is told by the first field that says anything (rules.md §10.5).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.hl7.path import Path
from engine.policy.message.view import View
from engine.privacy.units import Unit, Units

#: Where a message names its source: the first of these that says anything.
_SOURCE = (Path("PV1", 3, 1), Path("FT1", 13, 1), Path("MSH", 4, 1))

#: Fields that may name a unit, each in any component: locations and departments (PL, CWE),
#: services, facilities (HD) and organizations (XON).
_NAMING: Mapping[str, tuple[int, ...]] = {
    "MSH": (4,),
    "EVN": (7,),
    "PV1": (3, 6, 10, 11, 37, 39, 42),
    "PV2": (1, 23),
    "FT1": (13, 16),
    "ORC": (13, 17, 21),
    "OBX": (23,),
}
_COMPONENTS = range(1, 11)
#: A facility within a location or an organization (HD) has its name and its id in subcomponents.
_PARTS = (1, 2, 3)


def source_units(view: View, units: Units) -> set[Unit | None]:
    """What is known of each source unit that the message names; None: nothing."""
    for path in _SOURCE:
        named = {text for text in view.values(path) if text}
        if named:
            return {units.get(name) for name in named}
    return set()


def is_of_part2(view: View, units: Units) -> bool:
    """Whether the message names a program anywhere; in whichever case, since this only denies."""
    programs = units.programs
    return bool(programs) and any(
        text.strip().casefold() in programs
        for segment_id, fields in _NAMING.items()
        if view.has(segment_id)
        for field in fields
        if _may_name(view, segment_id, field, programs)
        for component in _COMPONENTS
        for part in _PARTS
        for text in view.values(Path(segment_id, field, component, part))
    )


def _may_name(view: View, segment_id: str, field: int, programs: frozenset[str]) -> bool:
    """Whether one of them stands somewhere in the field, so that it is worth taking apart."""
    texts = [view.text(value).casefold() for value in view.held(segment_id, field) if value]
    return any(program in text for text in texts for program in programs)
