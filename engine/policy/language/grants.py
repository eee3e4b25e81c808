"""What a rule discloses and withholds, and the most a channel may receive: lists of fields.

Law: only what is written is granted. A range takes every field between its ends, but never MSH-8,
which is granted by name alone (rules.md §10.20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.hl7.path import Path
from engine.policy.language.conditions import condition
from engine.policy.language.mistakes import Mistake
from engine.policy.language.paths import MOST_FIELDS, field_known, path, segment_id
from engine.policy.language.reader import Keys, Reader
from engine.policy.model import FieldMask, Grant, Withholding
from engine.policy.source import Mapping, Node, Scalar

_ITEM = re.compile(
    r"(?P<field>[1-9]\d{0,3})(?:\.(?P<component>[1-9]\d{0,2}))?"
    r"(?:-(?P<to>[1-9]\d{0,3})(?:\.(?P<to_component>[1-9]\d{0,2}))?)?"
)

#: MSH fields that every copy carries (rules.md §10.20); 15 and 16 are the channel's own.
MSH_ALWAYS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 17, 18})

GRANT_KEYS = Keys(
    of="A grant",
    required=("fields",),
    optional=("where", "which", "alone"),
    unsupported={"mask": "masks", "repetitions": "choosing repetitions"},
)

WITHHOLDING_KEYS = Keys(of="A withholding", optional=("fields", "where"))


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
            f"The fields of {segment} cannot be `{node.text or ''}`.",
            "Write `all`, or a list such as `[1, 3, 11.3-11.5]`.",
        )
        return None
    mask = field_mask(node, segment, reader, named_only=named_only)
    return None if mask is None else (mask,)


# --- disclose ---------------------------------------------------------------------------------


def grants(node: Node, reader: Reader) -> tuple[Grant, ...]:
    """The grants of `disclose`, one a segment id; what cannot be read is noted and left out."""
    if not isinstance(node, Mapping) or not node.entries:
        reader.wrong_type(node, "`disclose`", "a mapping of segments")
        return ()
    found = (_grant(key, value, reader) for key, value in node.entries)
    return tuple(grant for grant in found if grant is not None)


def _grant(key: Scalar, value: Node, reader: Reader) -> Grant | None:
    segment = segment_id(key, reader)
    if segment is None:
        return None
    named_only = frozenset({8}) if segment == "MSH" else frozenset()
    if not isinstance(value, Mapping):
        fields = segment_fields(value, segment, reader, named_only=named_only)
        return None if fields is None else Grant(segment, fields[0], key.place)
    given = reader.mapping(value, GRANT_KEYS)
    if given is None or "fields" not in given:
        return None
    fields = segment_fields(given["fields"], segment, reader, named_only=named_only)
    where = condition(given.get("where"), "`where`", reader)
    own = _which(given.get("which"), segment, reader)
    alone = _alone(given.get("alone"), segment, reader)
    return None if fields is None else Grant(segment, fields[0], key.place, where, own, alone)


def _which(node: Node | None, segment: str, reader: Reader) -> bool:
    text = reader.text(node, "`which`")
    if node is None:
        return False
    if text is not None and text != "own":
        reader.bad_value(node, f"`which` cannot be `{text}`.", "Write `own`.")
    if segment not in {"IN1", "FT1"}:
        reader.bad_value(
            node,
            f"`which: own` cannot choose among {segment} segments.",
            "It belongs to IN1 (which takes IN2 and IN3 along) and to FT1.",
        )
    return text == "own"


def _alone(node: Node | None, segment: str, reader: Reader) -> bool:
    if node is not None and segment != "OBR":
        reader.bad_value(
            node, f"`alone` says nothing of {segment}.", "It belongs to OBR only; remove it."
        )
    return reader.flag(node, "`alone`") is True


# --- withhold ---------------------------------------------------------------------------------


def withholdings(node: Node, reader: Reader) -> tuple[Withholding, ...]:
    """`message`, a list of segments and fields, or a mapping of them; see rules.md §4."""
    if isinstance(node, Scalar):
        return _listed(node, reader)
    if isinstance(node, Mapping):
        return _mapped(node, reader)
    items = reader.sequence(node, "`withhold`") or ()
    return tuple(found for item in items for found in _of_item(item, reader))


def _of_item(item: Node, reader: Reader) -> tuple[Withholding, ...]:
    if isinstance(item, Mapping):
        return _mapped(item, reader)
    return _listed(item, reader)


def _listed(node: Node, reader: Reader) -> tuple[Withholding, ...]:
    text = reader.text(node, "`withhold`")
    if text is None or not isinstance(node, Scalar):
        return ()
    if text == "message":
        return (Withholding(node.place, message=True),)
    target = _target(node, reader)
    if target is None:
        return ()
    return (Withholding(node.place, segment=target.segment, mask=_mask_of(target)),)


def _mapped(node: Mapping, reader: Reader) -> tuple[Withholding, ...]:
    found = (_entry(key, value, reader) for key, value in node.entries)
    return tuple(withholding for withholding in found if withholding is not None)


def _entry(key: Scalar, value: Node, reader: Reader) -> Withholding | None:
    if key.text == "labels":
        reader.unsupported(key, "Withholding by `labels`")
        return None
    target = _target(key, reader)
    if target is None:
        return None
    if not isinstance(value, Mapping):
        mask = _fields_of(value, target, reader)
        return Withholding(key.place, segment=target.segment, mask=mask)
    given = reader.mapping(value, WITHHOLDING_KEYS) or {}
    if not given:
        reader.bad_value(value, f"It is not said where {target} is withheld.", "Write `where:`.")
    mask = _mask_of(target)
    if "fields" in given:
        mask = _fields_of(given["fields"], target, reader)
    where = condition(given.get("where"), "`where`", reader)
    return Withholding(key.place, segment=target.segment, mask=mask, where=where)


def _target(node: Scalar, reader: Reader) -> Path | None:
    """A segment, field or component; not one occurrence, and nothing that every copy carries."""
    target = path(node, reader)
    if target is None:
        return None
    if target.occurrence or target.repetition or target.subcomponent:
        reader.problems.note(
            node.place,
            Mistake.BAD_PATH,
            f"`{target}` is finer than what can be withheld.",
            "Name a segment, a field or a component; choose occurrences with `where:`.",
        )
        return None
    if target.segment == "MSH" and (target.field == 0 or target.field in MSH_ALWAYS):
        reader.bad_value(
            node,
            f"{target} is part of every copy.",
            "Use `rewrite` to send another value, or withhold the `message`.",
        )
        return None
    return target


def _mask_of(target: Path) -> FieldMask | None:
    if not target.field:
        return None
    return {target.field: frozenset({target.component}) if target.component else None}


def _fields_of(node: Node, target: Path, reader: Reader) -> FieldMask | None:
    if target.field:
        reader.bad_value(
            node, f"{target} is a field already.", f"Write `{target}: {{where: …}}`, or list it."
        )
        return _mask_of(target)
    fields = segment_fields(node, target.segment, reader)
    return None if fields is None else fields[0]
