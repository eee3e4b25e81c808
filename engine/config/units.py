"""`units`: which source units are 42 CFR Part 2 programs; in config.yaml, and in facts files.

Law: a unit that is not listed is not known, and content of substance use from it holds (rules.md
§10.5).
"""

from __future__ import annotations

from engine.config.fact_values import is_empty
from engine.policy.language import Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node
from engine.privacy.units import Unit, Units


def units_of(node: Node | None, reader: Reader) -> Units:
    """PV1-3.1 of each unit, and what it is."""
    if node is None or is_empty(node):
        return Units()
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, "`units`", "a mapping of units")
        return Units()
    found = {key.text or "": reader.choice(value, "A unit", Unit) for key, value in node.entries}
    return Units({name: unit for name, unit in found.items() if unit is not None})
