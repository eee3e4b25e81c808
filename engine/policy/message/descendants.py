"""What belongs to segments of a message: their descendants in its groups."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from engine.policy.message.view import View


def with_descendants(view: View, roots: AbstractSet[int]) -> list[int]:
    """These segments and all that belong to them, by index."""
    found = []
    for indexes in view.structure.by_id.values():
        for index in indexes:
            at = index
            while at >= 0 and at not in roots:
                at = view.parents[at]
            if at >= 0:
                found.append(index)
    return found
