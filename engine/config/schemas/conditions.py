"""Shapes of conditions, paths and message types."""

from __future__ import annotations

from engine.config.schemas.names import field_names
from engine.config.schemas.shapes import (
    TEXT,
    Shape,
    choice,
    flag,
    listed,
    one_or_list,
    ref,
    text,
)
from engine.hl7.occurring import OCCURRING
from engine.policy.language.conditions import KEYWORDS
from engine.policy.language.matchers import MATCHERS
from engine.policy.model import Coverage

#: Segments whose fields are named: those of the messages that are about patients.
NAMED = frozenset().union(*OCCURRING.values())

_INDEX = r"(\[[1-9]\d*\])?"
_PLACE = rf"-[1-9]\d*{_INDEX}(\.[1-9]\d*(\.[1-9]\d*)?)?"

#: A path of any segment, with or without a field.
PATH = rf"^[A-Z][A-Z0-9]{{2}}{_INDEX}({_PLACE})?$"

MESSAGE_TYPES: Shape = one_or_list(
    {"type": "string", "pattern": r"^[A-Z0-9]{3}(\^[A-Z0-9]{3})?$"},
    "message types: `ADT` (all of them) or `ADT^A01` (MSH-9.1^MSH-9.2)",
)

_NUMBER: Shape = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$"}]
}
_TIME = text("a time: `2026-03-01`, `20260301120000`, `now`, `now-30d`, `now-12h`, `now-15m`")

_MATCHERS: dict[str, Shape] = {
    "fold": one_or_list(TEXT, "one of these texts, ignoring case and outer space"),
    "prefix": one_or_list(TEXT, "a text that begins with one of these"),
    "exists": flag("whether there is a value"),
    "matches": one_or_list(TEXT, "the whole text matches this regular expression (RE2)"),
    "set": one_or_list(TEXT, "a code of this code set in rules/sets/"),
    "after": {**_TIME, "description": "later than this"},
    "before": {**_TIME, "description": "earlier than this"},
    "at_least": {**_NUMBER, "description": "this number or a higher one"},
    "at_most": {**_NUMBER, "description": "this number or a lower one"},
}


def condition_definitions() -> dict[str, Shape]:
    """`condition`, `every` and `matcher`.

    `coverage` stands directly under `when` only; fields are named once, since they are many.
    """
    words: dict[str, Shape] = {
        "message": {
            "anyOf": [
                MESSAGE_TYPES,
                {
                    "type": "object",
                    "properties": {"not": MESSAGE_TYPES},
                    "required": ["not"],
                    "additionalProperties": False,
                },
            ],
            "description": "MSH-9 is one of these types; `{not: …}` none of them",
        },
        "any": listed(ref("condition"), "at least one of these holds"),
        "all": listed(ref("condition"), "all of these hold"),
        "not": ref("condition", "this does not hold"),
        "every": ref("every", "all occurrences match, and there is one"),
    }
    coverage = choice("whether this payer covers the patient; under `when` only", Coverage)
    matched: Shape = {"patternProperties": {PATH: ref("matcher")}, "additionalProperties": False}
    known = {name: words.get(name, {}) for name in KEYWORDS}
    return {
        "condition": {
            "type": "object",
            "properties": {"coverage": coverage, **known, **_paths()},
            **matched,
        },
        "every": {"type": "object", "minProperties": 1, **matched},
        "matcher": _matcher(),
    }


def _matcher() -> Shape:
    properties = {name: _MATCHERS.get(name, {}) for name in MATCHERS}
    return {
        "anyOf": [
            one_or_list(TEXT),
            {
                "type": "object",
                "properties": {"not": ref("matcher", "no occurrence matches this"), **properties},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 2,
            },
        ]
    }


def _paths() -> dict[str, Shape]:
    """Fields by their paths, with their names; other paths need no name."""
    return {
        f"{segment}-{number}": ref("matcher", name)
        for segment, names in field_names().items()
        if segment in NAMED
        for number, name in sorted(names.items())
    }
