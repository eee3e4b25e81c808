"""What is said of a visit, an account or another item, as JSON that is kept sealed. Pure.

Law: what is read is what was written; what cannot be read raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.privacy.aliases import Alias
from engine.privacy.facts import Item, ItemKind, Sensitivity
from engine.privacy.patients import Patient


def item_as_json(item: Item) -> list[str]:
    """Kind, number and namespace."""
    return [item.kind.value, item.number, item.namespace]


def item_of(said: Sequence[str]) -> Item:
    """What `item_as_json` wrote."""
    kind, number, namespace = said
    return Item(ItemKind(kind), number, namespace)


def sensitivity_as_json(fact: Sensitivity) -> dict[str, Any]:
    """A label, but for whose it is."""
    return {"item": item_as_json(fact.item), "label": fact.label}


def sensitivity_of(said: Mapping[str, Any]) -> Sensitivity:
    """A label, with `patient`."""
    return Sensitivity(Patient(*said["patient"]), item_of(said["item"]), said["label"])


def alias_as_json(alias: Alias) -> list[Any]:
    """Both numbers, their owners, and who said so when."""
    sides = ([[one.id, one.authority] for one in side] for side in (alias.owners, alias.before))
    said = (item_as_json(alias.old), item_as_json(alias.new), *sides)
    return [*said, alias.by, alias.at.isoformat()]


def alias_of(said: Sequence[Any]) -> Alias:
    """What `alias_as_json` wrote."""
    old, new, owners, before, by, at = said
    return Alias(
        item_of(old),
        item_of(new),
        tuple(Patient(*one) for one in owners),
        tuple(Patient(*one) for one in before),
        by,
        datetime.fromisoformat(at),
    )
