"""Shapes of what is granted and withheld: segments, lists of fields, masks."""

from __future__ import annotations

from engine.config.schemas.conditions import NAMED, PATH
from engine.config.schemas.names import field_names
from engine.config.schemas.shapes import Shape, choice, flag, listed, mapping, ref, text
from engine.hl7.segments import HIGHEST_FIELD
from engine.policy.language.grants import CONSTANT_KEYS, GRANT_KEYS
from engine.policy.language.paths import MOST_FIELDS
from engine.policy.language.withholdings import WITHHOLDING_KEYS
from engine.policy.model import MaskKind
from engine.privacy.protections import Label

_COMPONENT = r"[1-9]\d{0,2}"
_FIELD = r"[1-9]\d{0,3}"
_RANGE = rf"^{_FIELD}(\.{_COMPONENT})?(-{_FIELD}(\.{_COMPONENT})?)?$"
_OWN_SEGMENT = "^Z[A-Z0-9]{2}$"


def grant_definitions() -> dict[str, Shape]:
    """`fields` and `grant` of each named segment, `Z-…` of others, and what they are made of."""
    found: dict[str, Shape] = {"mask": _mask(), "withholding": _withholding()}
    found["repetitions"] = {
        "type": "object",
        "patternProperties": {rf"^{_FIELD}$": ref("condition")},
        "additionalProperties": False,
        "minProperties": 1,
        "description": "field → which of its repetitions are granted",
    }
    for segment in (*sorted(NAMED), "Z"):
        found[f"{segment}-fields"] = _fields(segment)
        found[f"{segment}-grant"] = _grant(segment)
    return found


def by_segment(kind: str, description: str) -> Shape:
    """A mapping of segments to their `fields` or `grant`."""
    return {
        "type": "object",
        "properties": {
            segment: ref(f"{segment if segment in NAMED else 'Z'}-{kind}")
            for segment in HIGHEST_FIELD
        },
        "patternProperties": {_OWN_SEGMENT: ref(f"Z-{kind}")},
        "additionalProperties": False,
        "minProperties": 1,
        "description": description,
    }


def withheld() -> Shape:
    """What stands under `withhold`."""
    one: Shape = {"type": "string", "pattern": rf"^message$|{PATH}"}
    return {
        "anyOf": [one, ref("withholding"), listed({"anyOf": [one, ref("withholding")]})],
        "description": "what is withheld, whatever other rules grant",
    }


def _fields(segment: str) -> Shape:
    """`all`, or a list; an editor offers the fields with their names."""
    highest = HIGHEST_FIELD.get(segment, MOST_FIELDS)
    named: list[Shape] = [
        {"const": number, "description": f"{segment}-{number} {name}"}
        for number, name in sorted(field_names().get(segment, {}).items())
    ]
    number: Shape = {"type": "number", "minimum": 1, "exclusiveMaximum": highest + 1}
    written: Shape = {"type": "string", "pattern": _RANGE}
    return {"anyOf": [{"const": "all"}, listed({"anyOf": [*named, number, written]})]}


def _grant(segment: str) -> Shape:
    fields = ref(f"{segment}-fields", "what is granted")
    shapes: dict[str, Shape] = {
        "fields": fields,
        "where": ref("condition", "only the segments for which this holds"),
        "which": choice("the segments of this payer; of IN1 and FT1 only", ["own"]),
        "alone": flag("sent even if none of the OBX it came with is; of OBR only"),
        "documents": flag("documents too, of whatever type; of OBX only"),
        "mask": ref("mask"),
        "repetitions": ref("repetitions"),
    }
    return {"anyOf": [ref(f"{segment}-fields"), mapping(GRANT_KEYS, shapes)]}


def _mask() -> Shape:
    constant = mapping(CONSTANT_KEYS, {"constant": text("what is sent in its place")})
    words = [kind.value for kind in MaskKind if kind is not MaskKind.CONSTANT]
    return {
        "type": "object",
        "patternProperties": {
            rf"^{_FIELD}(\.{_COMPONENT})?$": {"anyOf": [{"enum": words}, constant]}
        },
        "additionalProperties": False,
        "minProperties": 1,
        "description": "field or component → what is left of it",
    }


def _withholding() -> Shape:
    parts = mapping(
        WITHHOLDING_KEYS,
        {
            "fields": {"anyOf": [{"const": "all"}, ref("Z-fields")]},
            "where": ref("condition", "only where this holds"),
        },
    )
    labels = ", ".join(label.value for label in Label)
    return {
        "type": "object",
        "properties": {"labels": listed(text(f"{labels}, or a code set of the site"))},
        "patternProperties": {PATH: {"anyOf": [ref("Z-fields"), {**parts, "minProperties": 1}]}},
        "additionalProperties": False,
    }
