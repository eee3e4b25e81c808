"""Lists of fields: what a grant, a withholding and a ceiling name of a segment.

Law: only what is written is named. A range takes every field between its ends, but never MSH-8,
which is granted by name alone (rules.md §10.20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.policy.language.paths import MOST_FIELDS, field_known
from engine.policy.language.reader import Reader
from engine.policy.language.source import Node, Scalar
from engine.policy.model import FieldMask

_ITEM = re.compile(
    r"(?P<field>[1-9]\d{0,3})(?:\.(?P<component>[1-9]\d{0,2}))?"
    r"(?:-(?P<to>[1-9]\d{0,3})(?:\.(?P<to_component>[1-9]\d{0,2}))?)?"
)

#: MSH fields that every copy carries (rules.md §10.20); 15 and 16 are the channel's own.
MSH_ALWAYS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 17, 18})


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of a list of fields: fields `first` to `last`, or components of one field."""

    first: int
    last: int
    components: frozenset[int] | None

    @property
    def is_range(self) -> bool:
        return self.last > self.first


def field_mask(
    node: Node, segment: str, reader: Reader, *, named_only: frozenset[int] = frozenset()
) -> FieldMask | None:
    """A list such as `[1, 3.1, 11.3-11.5, 1-6]`; None if any of it cannot be read.

    Fields in `named_only` are left out of ranges.
    """
    items = reader.each(node, f"The fields of {segment}", lambda item: _item(item, segment, reader))
    if items is None:
        return None
    mask: dict[int, frozenset[int] | None] = {}
    for item in items:
        for number in range(item.first, item.last + 1):
            if item.is_range and number in named_only:
                continue
            mask[number] = _joined(mask.get(number, frozenset()), item.components)
    return mask


def _joined(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    return None if one is None or other is None else one | other


def _item(node: Node, segment: str, reader: Reader) -> _Item | None:
    text = reader.text(node, f"An entry of the fields of {segment}")
    if text is None:
        return None
    match = _ITEM.fullmatch(text)
    item = None if match is None else _range(match)
    if item is None:
        reader.bad_value(
            node,
            f"`{text}` is not a field of {segment}.",
            "Write `3`, `3.1`, `1-6` or `11.3-11.5`.",
        )
        return None
    return item if field_known(node, segment, item.last, reader) else None


def _range(match: re.Match[str]) -> _Item | None:
    first, component = int(match["field"]), match["component"]
    to, to_component = match["to"], match["to_component"]
    if to is None:
        return _Item(first, first, None if component is None else frozenset({int(component)}))
    if component is None and to_component is None:
        last = int(to)
        return _Item(first, last, None) if first < last <= MOST_FIELDS else None
    if component is None or to_component is None or int(to) != first:
        return None
    low, high = int(component), int(to_component)
    return _Item(first, first, frozenset(range(low, high + 1))) if low < high else None


def segment_fields(
    node: Node, segment: str, reader: Reader, *, named_only: frozenset[int] = frozenset()
) -> tuple[FieldMask | None] | None:
    """`all`, as (None,), or a list of fields, as (mask,); None if it cannot be read."""
    if isinstance(node, Scalar):
        if node.text == "all":
            return (None,)
        reader.bad_value(
            node,
            f"The fields of {segment} cannot be {f'`{node.text}`' if node.text else 'left out'}.",
            "Write `all`, or a list such as `[1, 3, 11.3-11.5]`.",
        )
        return None
    mask = field_mask(node, segment, reader, named_only=named_only)
    return None if mask is None else (mask,)
