"""How a message must name an insurer so that a channel of the site recognises it as its own.

A channel's `identified_by` is a list of conditions on one IN1 (rules.md §10.16); this turns the
first of them that a single IN1 can satisfy into the fields of that IN1. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.demo.hospital import Insurer
from engine.hl7.path import Path
from engine.policy.model import Channel, Kind, State
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    OneOf,
    Prefix,
)

#: What a value is where a condition only asks that there be one.
_ANY_VALUE = "DEMO"

_Values = Mapping[Path, str]


def insurers(channels: Iterable[Channel]) -> tuple[Insurer, ...]:
    """An insurer for each payer's channel that is not a draft, in the channels' order.

    Channels that no IN1 made here can satisfy are left out: their insurer has no patients.
    """
    found = []
    for channel in channels:
        if channel.kind is not Kind.PAYER or channel.state is State.DRAFT:
            continue
        for condition in channel.identified_by:
            values = example(condition)
            if values is not None and all(path.segment == "IN1" for path in values):
                found.append(Insurer(channel.name, _fields(values)))
                break
    return tuple(found)


def example(condition: Condition) -> _Values | None:
    """Values under which `condition` holds, or None when none can be named."""
    match condition:
        case Compare(path=path, matcher=OneOf(values=values)) if values:
            return {path: min(values)}
        case Compare(path=path, matcher=Prefix(values=values)) if values:
            return {path: values[0] + "1"}
        case Compare(path=path, matcher=Exists(wanted=wanted)):
            return {path: _ANY_VALUE} if wanted else {}
        case AllOf(parts=parts):
            return _together([example(part) for part in parts])
        case AnyOf(parts=parts):
            return next((found for found in map(example, parts) if found is not None), None)
        case _:
            return None


def _together(parts: list[_Values | None]) -> _Values | None:
    merged: dict[Path, str] = {}
    for part in parts:
        if part is None:
            return None
        merged |= part
    return merged


def _fields(values: _Values) -> dict[int, str]:
    """Field number → its text, with components in their places."""
    components: dict[int, dict[int, str]] = {}
    for path, value in values.items():
        components.setdefault(path.field, {})[path.component or 1] = value
    return {
        number: "^".join(parts.get(place, "") for place in range(1, max(parts) + 1))
        for number, parts in components.items()
    }
