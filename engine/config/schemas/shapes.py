"""What values look like to an editor: the parts that schemas are made of.

Law: an editor reads `3` as a number and `no` as it likes, while a site's scalars are texts; so a
text here is any scalar, and what must have a form is checked where it is written as a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from engine.policy.language import Keys, Support

Shape = dict[str, Any]

#: The form of an address.
ADDRESS = r"^(tcp|tls):.+:\d{1,5}$"

_LOADS = (Support.IN_FORCE, Support.NOT_ENFORCED)

#: Any scalar that says something.
TEXT: Shape = {"type": ["string", "number", "boolean"], "minLength": 1}


def text(description: str, pattern: str | None = None) -> Shape:
    """A text, of this form where it is written as one."""
    shape: Shape = {**TEXT, "description": description}
    return shape if pattern is None else {**shape, "pattern": pattern}


def choice(description: str, options: Iterable[str] | type[Enum]) -> Shape:
    """One of some words."""
    if isinstance(options, type):
        options = [str(option.value) for option in options]
    return {"enum": sorted(options), "description": description}


def settled(description: str, options: Mapping[str, Support]) -> Shape:
    """One of some words, of those that load in this version."""
    return choice(description, [name for name, how in options.items() if how in _LOADS])


def flag(description: str) -> Shape:
    """`true` or `false`."""
    return {"enum": [True, False, "true", "false"], "description": description}


def whole(description: str, least: int, most: int) -> Shape:
    """A whole number."""
    return {
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": "^[0-9]{1,12}$"},
        ],
        "description": description,
    }


def duration(description: str) -> Shape:
    """A number and a unit."""
    return {"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$", "description": description}


def size(description: str) -> Shape:
    """A size in bytes."""
    return {"type": "string", "pattern": r"^\d+(B|KiB|MiB|GiB)$", "description": description}


def day(description: str) -> Shape:
    """A date."""
    return {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": description}


def listed(item: Shape, description: str = "") -> Shape:
    """A list with at least one item."""
    shape: Shape = {"type": "array", "items": item, "minItems": 1}
    return {**shape, "description": description} if description else shape


def one_or_list(item: Shape, description: str = "") -> Shape:
    """One value or a list of them."""
    shape: Shape = {"anyOf": [item, listed(item)]}
    return {**shape, "description": description} if description else shape


def ref(name: str, description: str = "") -> Shape:
    """A shape of `$defs`."""
    shape: Shape = {"$ref": f"#/$defs/{name}"}
    return {**shape, "description": description} if description else shape


def mapping(keys: Keys, shapes: dict[str, Shape], description: str = "") -> Shape:
    """A mapping with exactly the keys of a table."""
    properties: dict[str, Shape | bool] = {}
    for name in (*keys.required, *keys.optional, *keys.not_enforced):
        properties[name] = shapes.get(name, {})
    for name, about in keys.not_enforced.items():
        properties[name] = {**shapes.get(name, {}), "description": f"{about}: no effect yet"}
    shape: Shape = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": list(keys.required),
    }
    return {**shape, "description": description} if description else shape
