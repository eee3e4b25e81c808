"""The names of HL7's fields, as its own tables have them, by segment id and field number.

Law: names are for people: an editor shows them beside a number, and nothing is decided by them.
They are read from hl7apy at run time, the newest version that has a field first.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES, load_library

from engine.hl7.segments import HIGHEST_FIELD

#: Versions whose table of segments is not in order (ORO of 2.1).
_DAMAGED = frozenset({"2.1"})

_UPPER = frozenset({"ID", "DRG", "HL7", "ICD", "NDC", "UB82", "UB92", "VIP", "CPT", "EOB", "COB"})


@lru_cache(maxsize=1)
def field_names() -> dict[str, dict[int, str]]:
    """Segment id → field number → name."""
    names: dict[str, dict[int, str]] = {segment: {} for segment in HIGHEST_FIELD}
    for version in sorted(SUPPORTED_LIBRARIES.keys() - _DAMAGED, key=_by_age, reverse=True):
        library: Any = load_library(version)
        for segment, fields in _segments(library):
            for place, name in _names(fields):
                if place <= HIGHEST_FIELD[segment]:
                    names[segment].setdefault(place, name)
    return names


def _names(fields: Any) -> list[tuple[int, str]]:
    """Number and name of each field; a name that two fields have is one of them by mistake."""
    found = [
        (int(name.rpartition("_")[2]), _readable(str(reference[3])))
        for name, reference, *_ in fields
    ]
    twice = Counter(name for _, name in found)
    return [(place, name) for place, name in found if twice[name] == 1]


def _segments(library: Any) -> list[tuple[str, Any]]:
    """Every segment of a version with its fields; those that hold anything have none."""
    return [
        (name, found[1])
        for name, found in library.SEGMENTS.items()
        if name in HIGHEST_FIELD and len(found) > 1
    ]


def _by_age(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _readable(name: str) -> str:
    """`PATIENT_IDENTIFIER_LIST` → `Patient identifier list`."""
    words = [
        word if word in _UPPER or word in HIGHEST_FIELD else word.lower()
        for word in name.strip().split("_")
        if word
    ]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
