"""Conditions that no message can meet, found without looking at one.

Law: only what is certain is said; a path may mean several occurrences, so that two equalities of
one path contradict each other only where one is of the other's negation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    Matcher,
    MessageIs,
    MessageType,
    Not,
    Numeric,
    OneOf,
    Timed,
)
from engine.policy.vocabulary.moments import is_before


def contradiction(condition: Condition) -> str | None:
    """Why a condition can never hold; None: it may."""
    parts = list(_parts(condition))
    return next(_found(parts), None)


def _found(parts: list[Condition]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, AnyOf):
            reasons = [contradiction(one) for one in part.parts]
            yield from (reason for reason in reasons[:1] if reason and all(reasons))
        if isinstance(part, Compare) and _is_empty(part.matcher):
            yield f"nothing at {part.path} lies between both ends"
    if not _types_meet([part.types for part in parts if isinstance(part, MessageIs)]):
        yield "no message is of both types"
    for part in parts:
        if isinstance(part, Compare) and any(_denies(other, part) for other in parts):
            yield f"{part.path} is asked for and excluded"


def _parts(condition: Condition) -> Iterator[Condition]:
    """What all must hold together."""
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _parts(part)
    else:
        yield condition


def _types_meet(asked: Iterable[frozenset[MessageType]]) -> bool:
    left: frozenset[MessageType] | None = None
    for types in asked:
        left = types if left is None else _both(left, types)
    return left is None or bool(left)


def _both(one: frozenset[MessageType], other: frozenset[MessageType]) -> frozenset[MessageType]:
    return frozenset(
        a if b.trigger is None else b
        for a in one
        for b in other
        if a.code == b.code and (None in (a.trigger, b.trigger) or a.trigger == b.trigger)
    )


def _denies(other: Condition, wanted: Compare) -> bool:
    """Whether another part excludes every value that `wanted` could match."""
    if wanted.matcher == Exists(False):
        return False
    match other:
        case Not(Compare(path, matcher, every=False)):
            return path == wanted.path and _holds_all(matcher, wanted.matcher)
        case Compare(path, Exists(False), every=False):
            return path == wanted.path
        case _:
            return False


def _holds_all(wide: Matcher, narrow: Matcher) -> bool:
    if wide in (narrow, Exists(True)):
        return True
    match wide, narrow:
        case OneOf(others, fold=False), OneOf(values, fold=False):
            return values <= others
        case _:
            return False


def _is_empty(matcher: Matcher) -> bool:
    match matcher:
        case Numeric(least, most) if least is not None and most is not None:
            return least > most
        case Timed(after, before) if after is not None and before is not None:
            if after.from_now is not None and before.from_now is not None:
                return after.from_now >= before.from_now
            if after.parts and before.parts and after.zone == before.zone:
                return not is_before(after.parts, before.parts)
    return False
