"""Reading one label that a person puts on a visit, an account or all of a patient's care.

Law: a label says what is protected and where; one that says neither is a mistake.
"""

from __future__ import annotations

from engine.config.fact_values import FactReader
from engine.config.restrictions import items_of_kind
from engine.policy.language import Keys
from engine.policy.language.source import Node
from engine.privacy.facts import ItemKind, Sensitivity
from engine.privacy.protections import Label

#: What may be labelled: an order or a charge is known by its codes.
_ITEMS = (ItemKind.VISIT, ItemKind.ACCOUNT, ItemKind.EVERYTHING)

LABEL_KEYS = Keys(
    "a label", required=("patient", "label"), optional=tuple(kind.value for kind in _ITEMS)
)


def sensitivity_of(node: Node, read: FactReader) -> Sensitivity | None:
    """One item of `labels`."""
    given = read.mapping(node, LABEL_KEYS)
    patient = read.patient(given.get("patient"))
    label = read.reader.choice(given.get("label"), "`label`", Label)
    named = [kind for kind in _ITEMS if kind.value in given]
    if not named:
        read.reader.missing_key(node.place, LABEL_KEYS.of, *LABEL_KEYS.optional)
        return None
    items = [item for kind in named for item in items_of_kind(kind, given[kind.value], read)]
    if len(items) > 1:
        place = given[named[-1].value]
        read.reader.bad_value(place, "It is on more than one thing.", "Write two labels.")
    return Sensitivity(patient, items[0], label.value) if label is not None and items else None
