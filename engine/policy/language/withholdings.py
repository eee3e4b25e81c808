"""What a rule withholds: the message, segments, fields, components, or what bears a label.

Law: what is written is withheld from whatever other rules grant; what cannot be withheld, since
every copy carries it, is an error (rules.md §4, §10.26).
"""

from __future__ import annotations

from engine.hl7.path import Path
from engine.policy.language.conditions import condition
from engine.policy.language.fields import MSH_ALWAYS, segment_fields
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import path
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping, Node, Scalar
from engine.policy.model import FieldMask, Withholding
from engine.privacy.protections import Label

WITHHOLDING_KEYS = Keys(of="A withholding", optional=("fields", "where"))


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
        return _labelled(key, value, reader)
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


def _labelled(key: Scalar, value: Node, reader: Reader) -> Withholding | None:
    """`labels: [hiv, …]`: built-in labels, and code sets of the site."""
    found = reader.each(value, "`labels`", lambda item: _label(item, reader))
    return None if found is None else Withholding(key.place, labels=frozenset(found))


def _label(node: Node, reader: Reader) -> str | None:
    text = reader.text(node, "A label")
    known = {label.value for label in Label} | set(reader.sets.by_name)
    if text is None or text in known:
        return text
    if reader.sets.complete:
        reader.problems.note(
            node.place,
            Mistake.UNKNOWN_LABEL,
            f"There is no label and no code set `{text}`.",
            known_or_close(text, known),
        )
    return None


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
