"""Which fields hold codes, and of which kind; and the codes that a value holds.

Law: a coded field is read in both triplets of every repetition; a segment that no table names may
hold a code anywhere (standards.md C-0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from engine.policy.message.reading import codes_in
from engine.policy.message.structure import Structure
from engine.policy.message.view import View
from engine.policy.sensitive.readings import readings

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
    "GOL": (3,),
    "SCH": (6, 7),
    "RXO": (20,),
    "RXE": (27,),
    "RXD": (21,),
    "RXG": (22,),
    "RXA": (19,),
}
SERVICES: Mapping[str, tuple[int, ...]] = {
    "PR1": (3,),
    "FT1": (7, 25, 29, 43),
    "OBR": (4, 13, 26, 44, 46, 47, 50),
    "OBX": (3,),
    "SPM": (4,),
    "IAM": (3,),
    "AL1": (3,),
    "DRG": (1,),
    "RXO": (1, 24),
    "RXE": (2, 31),
    "RXD": (2, 25),
    "RXG": (4,),
    "RXA": (5,),
    "RXC": (2,),
    "PTH": (3,),
    "AIS": (3,),
    "PSL": (7,),
}

#: Segments of codes throughout, as Z segments may be: a person's gender, the sexes on records and
#: for clinical use (2.9.1, chapter 3).
THROUGHOUT = frozenset({"GSP", "GSR", "GSC"})

#: Fields of groups of diagnoses, where a code without a system is one of a group (MS-DRG).
_GROUPS = frozenset({("DRG", 1)})

#: What kind of code a field holds; the value of a result is one only if its type says so.
SERVICE, DIAGNOSIS, TYPED, GROUP = 0, 1, 2, 3

#: Types of OBX-5 that are codes (tables 0125, 0440); a value without a type may be one.
_CODED_TYPES = frozenset({b"CE", b"CWE", b"CNE", b"CF", b"CD", b"IS", b"ID", b""})
#: Types of texts, which have no components: what has some is a code of which the type is wrong.
_TEXTS = frozenset({b"ST", b"TX", b"FT"})
#: All other types (table 0440). One that nobody knows may be a code's.
_OTHER_TYPES = frozenset(
    b"AD AUI CCD CCP CN CNN CP CQ CSU CX DDI DIN DLD DLN DLT DR DT DTM DTN ED EI EIP ELD ERL FC FN"
    b" GTS HD ICD JCC LA1 LA2 MA MO MOC MOP MSG NA NDL NM NR OCD OG OSD OSP PCF PI PIP PL PLN PN"
    b" PPN PRL PT PTA QIP QSC RCD RFR RI RMC RP RPT SAD SCV SI SN SNM SPD SPS SRT TM TN TQ TS UVC"
    b" VH VID VR WVI WVS XAD XCN XON XPN XTN".split()
)
_NAME_OF_TYPE = re.compile(rb"[ ]*([A-Za-z0-9]*)")
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
    """OBX-5 of the results that are codes, by their type or by what they look like."""
    types = view.held("OBX", _TYPE)
    component = view.message.delimiters.component
    if not any(_is_of_codes(one) for one in types) and (
        _TEXTS.isdisjoint(types) or not any(component in one for one in view.held("OBX", _VALUE))
    ):
        return set()
    return {row[_VALUE] for row in view.rows("OBX", _VALUE) if is_coded(row, component)}


def is_coded(row: list[bytes], component: bytes) -> bool:
    """Whether the value of an OBX may be a code."""
    kind = row[_TYPE]
    return _is_of_codes(kind) or (kind in _TEXTS and component in row[_VALUE])


@lru_cache(maxsize=256)
def _is_of_codes(kind: bytes) -> bool:
    """Whether values of a type are codes, however it is written; so are those of an unknown one."""
    found = _NAME_OF_TYPE.match(kind)
    name = b"" if found is None else found[1].upper()
    return name in _CODED_TYPES or name not in _TEXTS | _OTHER_TYPES


def codes_of(view: View, value: bytes) -> list[tuple[str, str]]:
    """(system, code) of every triplet of every repetition of a coded field, as it may be meant."""
    delimiters = view.message.delimiters
    return [
        code
        for codes in codes_in(view.message, value)
        for one in codes
        for code in readings(*one, delimiters)
    ]


def _fields(name: str) -> Fields:
    found = [
        (number, GROUP if (name, number) in _GROUPS else SERVICE)
        for number in SERVICES.get(name, ())
    ]
    found += [(number, DIAGNOSIS) for number in DIAGNOSES.get(name, ())]
    if name == "OBX":
        found.append((_VALUE, TYPED))
    return tuple(sorted(found))


#: What to look at in each segment, the furthest field last.
_FIELDS = {name: _fields(name) for name in {*SERVICES, *DIAGNOSES}}
