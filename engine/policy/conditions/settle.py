"""Conditions with the message type known: what it settles is settled once, not for each message.

Law: settling changes no answer. A rule whose condition is false for a type is not asked of messages
of that type at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.policy.conditions.evaluate import is_one_of
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Condition,
    MessageIs,
    MessageType,
    Not,
)

#: Holds for everything, and for nothing.
ALWAYS = AllOf(())
NEVER = AnyOf(())


def settle(condition: Condition, message_type: MessageType) -> Condition:
    """The condition as it is for messages of this type, `ALWAYS` and `NEVER` folded away."""
    match condition:
        case MessageIs(types):
            return ALWAYS if is_one_of(message_type, types) else NEVER
        case Not(part):
            return _negated(settle(part, message_type))
        case AllOf(parts):
            left = _left(parts, message_type, ALWAYS)
            return NEVER if NEVER in left else _joined(AllOf(left))
        case AnyOf(parts):
            left = _left(parts, message_type, NEVER)
            return ALWAYS if ALWAYS in left else _joined(AnyOf(left))
        case _:
            return condition


def _negated(part: Condition) -> Condition:
    if part == ALWAYS:
        return NEVER
    return ALWAYS if part == NEVER else Not(part)


def _joined(several: AllOf | AnyOf) -> Condition:
    return several.parts[0] if len(several.parts) == 1 else several


def types_in(condition: Condition) -> Iterator[MessageType]:
    """Every message type that a condition speaks of."""
    match condition:
        case MessageIs(types):
            yield from types
        case Not(part):
            yield from types_in(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from types_in(part)


def types_demanded(condition: Condition) -> frozenset[MessageType] | None:
    """Types of which a message must be for the condition to hold; None: it may be of any."""
    match condition:
        case MessageIs(types):
            return types
        case AllOf(parts):
            found = [one for part in parts if (one := types_demanded(part)) is not None]
            return min(found, key=len) if found else None
        case AnyOf(parts):
            each = [types_demanded(part) for part in parts]
            named = [one for one in each if one is not None]
            if not named or len(named) < len(each):
                return None
            return frozenset(kind for one in named for kind in one)
        case _:
            return None


def _left(
    parts: tuple[Condition, ...], message_type: MessageType, neutral: Condition
) -> tuple[Condition, ...]:
    settled = (settle(part, message_type) for part in parts)
    return tuple(part for part in settled if part != neutral)
