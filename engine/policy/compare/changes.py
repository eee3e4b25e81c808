"""What a difference between two policies consists of: values, and how alike ones are put together.

Law: every change says its effect. What is not proven to be narrower counts as wider (exit 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from engine.errors import Place


class Effect(Enum):
    """What a change does to what is disclosed."""

    DISCLOSED = "newly-disclosed"
    MAY_DISCLOSE = "may-disclose-more"
    WITHHELD = "newly-withheld"
    DISCLOSES_LESS = "discloses-less"
    NEUTRAL = "changed"

    @property
    def widens(self) -> bool:
        """Whether more is disclosed, or may be."""
        return self in (Effect.DISCLOSED, Effect.MAY_DISCLOSE)


#: What the comparison of one setting finds: what each difference does, in words for people.
Found = Iterator[tuple[Effect, str]]


class Side(Enum):
    """Which of the two sites a place is in."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """A rule, or a part of a channel's file, that makes the difference."""

    side: str
    place: Place
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: whom, of which messages, of which segment and fields, and why.

    `types`, `segment` and `fields` are empty where it is not about a part of a message.
    """

    effect: Effect
    text: str
    channels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    segment: str = ""
    fields: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


def together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes that differ in their message types alone become one; then those in channels alone."""
    found = list(changes)
    by_type: dict[Change, set[str]] = {}
    for change in found:
        by_type.setdefault(replace(change, types=()), set()).update(change.types)
    by_channel: dict[Change, set[str]] = {}
    for change, types in by_type.items():
        key = replace(change, types=tuple(sorted(types)), channels=())
        by_channel.setdefault(key, set()).update(change.channels)
    merged = (
        replace(change, channels=tuple(sorted(names))) for change, names in by_channel.items()
    )
    return tuple(sorted(merged, key=_order))


def _order(change: Change) -> tuple[object, ...]:
    effects = list(Effect)
    return (
        effects.index(change.effect),
        change.channels,
        change.types,
        change.segment,
        change.fields,
        change.text,
    )
