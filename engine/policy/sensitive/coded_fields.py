"""Which fields hold codes, and of which kind; and the codes that a value holds.

Law: a coded field is read in both triplets of every repetition; a segment that no table names may
hold a code anywhere (standards.md C-0).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.policy.message.reading import codes_in
from engine.policy.message.structure import Structure
from engine.policy.message.view import View

#: Fields that hold codes, by segment; those of diagnoses apart, since there a code without a
#: system may be one of ICD-9, which is all digits and elsewhere means nothing (standards.md C-0).
DIAGNOSES: Mapping[str, tuple[int, ...]] = {
    "DG1": (3,),
    "FT1": (19,),
    "PR1": (15,),
    "OBR": (31,),
    "ORC": (16,),
    "PV2": (3,),
    "PDA": (1,),
    "PRB": (3,),
}
SERVICES: Mapping[str, tuple[int, ...]] = {
    "PR1": (3,),
    "FT1": (7, 25, 29, 43),
    "OBR": (4, 13, 44),
    "OBX": (3,),
    "SPM": (4,),
    "IAM": (3,),
    "AL1": (3,),
    "DRG": (1,),
    "RXO": (1,),
    "RXE": (2,),
    "RXD": (2,),
    "RXG": (4,),
    "RXA": (5,),
    "RXC": (2,),
}

#: Segments of codes throughout, as Z segments may be: a person's gender, the sexes on records and
#: for clinical use (2.9.1, chapter 3).
THROUGHOUT = frozenset({"GSP", "GSR", "GSC"})

#: What kind of code a field holds; the value of a result is one only if its type says so.
SERVICE, DIAGNOSIS, TYPED = 0, 1, 2

#: Types of OBX-5 that are codes (table 0125); a value without a type may be one.
_CODED_TYPES = frozenset({b"CE", b"CWE", b"CNE", b"CF", b"CD", b""})
_TYPE, _VALUE = 2, 5

#: Fields of a segment to look at, each with its kind.
Fields = tuple[tuple[int, int], ...]


def coded_fields(structure: Structure) -> tuple[tuple[str, tuple[int, ...], Fields], ...]:
    """The segments that may carry codes, and in which fields; none named: anywhere."""
    return tuple(
        (name, indexes, _FIELDS.get(name, ()))
        for name, indexes in structure.by_id.items()
        if name in _FIELDS or name in THROUGHOUT or name[:1] == "Z"
    )


def coded_results(view: View) -> set[bytes]:
    """OBX-5 of the results whose type says that it is a code."""
    if _CODED_TYPES.isdisjoint(view.held("OBX", _TYPE)):
        return set()
    return {row[_VALUE] for row in view.rows("OBX", _VALUE) if is_coded(row)}


def is_coded(row: list[bytes]) -> bool:
    """Whether the type of an OBX says that its value is a code."""
    return row[_TYPE] in _CODED_TYPES


def codes_of(view: View, value: bytes) -> list[tuple[str, str]]:
    """(system, code) of every triplet of every repetition of a coded field."""
    return [code for codes in codes_in(view.message, value) for code in codes]


def _fields(name: str) -> Fields:
    found = [(number, SERVICE) for number in SERVICES.get(name, ())]
    found += [(number, DIAGNOSIS) for number in DIAGNOSES.get(name, ())]
    if name == "OBX":
        found.append((_VALUE, TYPED))
    return tuple(sorted(found))


#: What to look at in each segment, the furthest field last.
_FIELDS = {name: _fields(name) for name in {*SERVICES, *DIAGNOSES}}
