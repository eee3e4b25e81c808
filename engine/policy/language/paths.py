"""Paths as they are written in a site, checked against what the standard knows.

Law: a segment or a field that no version from 2.1 to 2.9.1 has is a typing error until proven
otherwise, and an error in a rule about privacy must not pass in silence. Segments beginning with
Z are the sites' own: any field is possible (rules.md §10.24).
"""

from __future__ import annotations

import re

from engine.hl7.path import Path
from engine.hl7.segments import HIGHEST_FIELD
from engine.policy.language.mistakes import Mistake, close_to
from engine.policy.language.reader import Reader
from engine.policy.language.source import Node, Scalar

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")

#: Numbers of fields above this are a slip of the pen even in a Z segment.
MOST_FIELDS = 999


def segment_id(node: Scalar, reader: Reader) -> str | None:
    """A segment id that the standard has, or one beginning with Z."""
    text = node.text or ""
    if _SEGMENT.fullmatch(text) is None:
        reader.problems.note(
            node.place,
            Mistake.BAD_PATH,
            f"`{text}` is not a segment id.",
            _in_capitals(text, _SEGMENT.fullmatch(text.upper()) is not None)
            or "Write three characters such as `PID` or `IN1`.",
        )
        return None
    return text if segment_known(node, text, reader) else None


def is_path(text: str) -> bool:
    """Whether the text has the form of a path with a field."""
    try:
        return Path.parse(text).field > 0
    except ValueError:
        return False


def _in_capitals(text: str, would_do: bool) -> str:
    return f"Did you mean `{text.upper()}`?" if would_do and text != text.upper() else ""


def segment_known(node: Node, segment: str, reader: Reader) -> bool:
    """Whether the segment exists; notes `unknown-segment` if not."""
    if segment.startswith("Z") or segment in HIGHEST_FIELD:
        return True
    reader.problems.note(
        node.place,
        Mistake.UNKNOWN_SEGMENT,
        f"No version of HL7 v2 has a segment `{segment}`.",
        close_to(segment, HIGHEST_FIELD) or "Segments of your own begin with Z.",
    )
    return False


def field_known(node: Node, segment: str, number: int, reader: Reader) -> bool:
    """Whether the field exists in some version of the standard; notes `unknown-field` if not."""
    limit = HIGHEST_FIELD.get(segment, MOST_FIELDS)
    if number <= limit:
        return True
    reader.problems.note(
        node.place,
        Mistake.UNKNOWN_FIELD,
        f"{segment} has no field {number}; its last one is {segment}-{limit}.",
        "Check the number.",
    )
    return False


def path(node: Scalar, reader: Reader) -> Path | None:
    """A path such as `PID-3.1` or `OBX[3]-5`, of a field that exists."""
    text = node.text or ""
    try:
        found = Path.parse(text)
    except ValueError:
        reader.problems.note(
            node.place,
            Mistake.BAD_PATH,
            f"`{text}` is not a path.",
            _in_capitals(text, is_path(text.upper()))
            or "Write `PID-3`, `PID-3.1`, `PID-3[2].1` or `OBX[3]-5`.",
        )
        return None
    if not segment_known(node, found.segment, reader):
        return None
    if not field_known(node, found.segment, found.field, reader):
        return None
    return found
