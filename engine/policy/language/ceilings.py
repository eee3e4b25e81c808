"""A grant against a ceiling: what is above it, and what is left under it.

Law: the ceiling is the most that a counterpart may ever receive. A whole segment or field is above
a ceiling that names its parts, however many parts those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.policy.language.fields import MSH_ALWAYS
from engine.policy.model import FieldMask, Grant
from engine.policy.vocabulary.conditions import MessageType

Ceiling = Mapping[str, "FieldMask | None"]

#: Nothing of a segment.
NOTHING: FieldMask = {}


def under(segment: str, mask: FieldMask | None, ceiling: Ceiling) -> FieldMask | None:
    """What of a grant (`mask`; None: the whole segment) is within the ceiling.

    An empty mask: nothing of it.
    """
    limit = ceiling.get(segment, NOTHING)
    if limit is None:
        return mask
    limits = dict(limit)
    if segment == "MSH":
        limits.update(dict.fromkeys(MSH_ALWAYS))
    if mask is None and segment == "MSH":
        limits.pop(8, None)  # granted by name alone (rules.md §10.20)
    if mask is None:
        return limits if segment in ceiling else NOTHING
    return {
        number: _narrower(parts, limits[number])
        for number, parts in mask.items()
        if number in limits and _narrower(parts, limits[number]) != frozenset()
    }


def cut_to_ceiling(grant: Grant, ceiling: Ceiling) -> Grant | None:
    """What of a whole grant is within the ceiling; None: nothing.

    A field that is masked as one value is left whole or not at all.
    """
    mask = under(grant.segment, grant.mask, ceiling)
    if mask is not None:
        broken = {
            number
            for number, component in grant.maskings
            if not component and mask.get(number, NOTHING) is not None
        }
        mask = {number: parts for number, parts in mask.items() if number not in broken}
    if mask == NOTHING:
        return None
    return replace(
        grant,
        mask=mask,
        maskings={
            (number, component): masking
            for (number, component), masking in grant.maskings.items()
            if _grants(mask, number, component)
        },
        repetitions={
            number: chosen
            for number, chosen in grant.repetitions.items()
            if mask is None or number in mask
        },
    )


def _grants(mask: FieldMask | None, number: int, component: int) -> bool:
    if mask is None:
        return True
    parts = mask.get(number, frozenset())
    return parts is None or component in parts


def _narrower(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None:
        return other
    return one if other is None else one & other


def _covers(limit: FieldMask, mask: FieldMask) -> bool:
    """Whether a mask is plainly within a limit: the common case, by far."""
    for number, parts in mask.items():
        if number not in limit:
            return False
        allowed = limit[number]
        if allowed is not None and (parts is None or not parts <= allowed):
            return False
    return True


def above(segment: str, mask: FieldMask | None, ceiling: Ceiling) -> tuple[str, ...]:
    """The names of what a grant takes beyond the ceiling: `PID`, `PID-13`, `PID-11.1`."""
    limit = ceiling.get(segment, NOTHING)
    if limit is None or (mask is not None and _covers(limit, mask)):
        return ()
    left = under(segment, mask, ceiling)
    if left == mask:
        return ()
    if mask is None or left is None or (not left and segment not in ceiling):
        return (segment,)
    names: list[str] = []
    for number in sorted(mask):
        wanted, got = mask[number], left.get(number, frozenset())
        if wanted == got:
            continue
        if wanted is None or not got:
            names.append(f"{segment}-{number}")
        else:
            names.extend(f"{segment}-{number}.{part}" for part in sorted(wanted - got))
    return tuple(names)


def reaches(types: frozenset[MessageType], message: MessageType) -> bool:
    """Whether a rule's message type has anything in common with a ceiling's types."""
    return any(
        allowed.code == message.code
        and (allowed.trigger is None or message.trigger in (None, allowed.trigger))
        for allowed in types
    )
