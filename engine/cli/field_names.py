"""The standard's names of fields and components, for pages that people read.

Law: a number never changes its meaning for a name: names are of HL7 2.8.2, else of the latest
version that has the field, and what has none is shown by its number alone.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

#: Versions in which a name is looked for, in this order; older ones know what was withdrawn since.
_VERSIONS = ("v2_8_2", "v2_5_1", "v2_3")

#: Segments that matter to those who sign, as the standard calls them (HL7 2.8.2, chapters 2 to 9).
SEGMENTS = {
    "AL1": "Allergy",
    "DG1": "Diagnosis",
    "EVN": "Event",
    "FT1": "Charge",
    "GT1": "Guarantor",
    "IN1": "Insurance",
    "IN2": "Insurance, additional",
    "IN3": "Insurance, certification",
    "MRG": "Merged patient",
    "MSH": "Message header",
    "NK1": "Next of kin",
    "NTE": "Notes",
    "OBR": "Order of observations",
    "OBX": "Observation",
    "ORC": "Order",
    "PD1": "Patient, additional",
    "PID": "Patient",
    "PR1": "Procedure",
    "PV1": "Visit",
    "PV2": "Visit, additional",
    "SPM": "Specimen",
    "TXA": "Document",
}

_ABBREVIATIONS = frozenset({"ssn", "id", "drg", "dea", "hcfa", "npi"})


def field_name(segment: str, number: int, component: int = 0) -> str:
    """`Patient name`, `Patient name: Given name`; `""` where the standard has none."""
    found = _field(segment, number)
    if found is None:
        return ""
    name = _spelt(found[3].removesuffix(f"_{segment}"))
    if not component:
        return name
    parts = found[1] or ()
    if component > len(parts):
        return name
    return f"{name}: {_spelt(parts[component - 1][1][3], inner=True)}"


@cache
def _field(segment: str, number: int) -> Any:
    for version in _VERSIONS:
        fields = import_module(f"hl7apy.{version}.fields").FIELDS
        found = fields.get(f"{segment}_{number}")
        if found is not None:
            return found
    return None


def _spelt(name: str, *, inner: bool = False) -> str:
    words = name.replace("_S_", "'s ").replace("_", " ").lower().split()
    text = " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)
    return text if inner else text[:1].upper() + text[1:]
