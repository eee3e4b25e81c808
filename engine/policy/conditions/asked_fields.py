"""Which fields of a segment occurrence settle a condition, where nothing else does.

Law: occurrences that have the same in all of these fields get the same answer; where that is not
certain, the condition is asked of each.
"""

from __future__ import annotations

from engine.policy.message.reading import fields_read
from engine.policy.vocabulary.conditions import AllOf, AnyOf, Compare, Condition, MessageIs, Not

#: Nothing of an occurrence is asked.
NO_FIELDS: frozenset[int] = frozenset()


def fields_asked(condition: Condition, segment_id: str) -> frozenset[int] | None:
    """The fields that settle `condition`, asked of a segment of this id; None: more than fields."""
    match condition:
        case MessageIs():
            return NO_FIELDS
        case Not(part):
            return fields_asked(part, segment_id)
        case AllOf(parts) | AnyOf(parts):
            return together([fields_asked(part, segment_id) for part in parts])
        case Compare(path):
            is_own = path.segment == segment_id and path.field and not path.occurrence
            return fields_read(path) if is_own else None


def together(asked: list[frozenset[int] | None]) -> frozenset[int] | None:
    """The fields that settle several conditions; None where they do not settle one of them."""
    found = NO_FIELDS
    for fields in asked:
        if fields is None:
            return None
        found |= fields
    return found
