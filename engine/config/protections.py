"""Which packs of statutes a site has on, and what it calls psychotherapy notes (rules.md §10.5).

Law: the federal pack is on unless it is switched off by name and with a reason; every other pack is
off unless it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.config.packs import DEFAULT, labels, packs
from engine.hl7.path import Path
from engine.policy.language import Reader
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import path
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.model import Mark, Policy
from engine.privacy.protections import Label, Protections


@dataclass(frozen=True, slots=True)
class ProtectionSettings:
    """The packs by name, those that are off with their reasons, and the documents."""

    on: frozenset[str] = frozenset({DEFAULT})
    off: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[Mark, ...] = ()


def protections_of(given: Mapping[str, Node], reader: Reader) -> ProtectionSettings:
    """Read `protections`, `protections_off` and `psychotherapy_notes` of config.yaml."""
    named = _named(given.get("protections"), reader)
    off = _off(given.get("protections_off"), reader)
    for name in sorted(off.keys() & named.keys()):
        reader.bad_value(
            named[name], f"`{name}` is switched off under `protections_off`.", "Keep one of both."
        )
    on = (frozenset(named) | {DEFAULT}) - off.keys()
    return ProtectionSettings(on, off, _documents(given.get("psychotherapy_notes"), reader))


def protected(policy: Policy, settings: ProtectionSettings) -> Policy:
    """A site's policy under its packs."""
    sets, marks = labels()
    chosen = tuple(packs()[name] for name in sorted(settings.on))
    return replace(
        policy,
        protections=Protections(chosen, dict(settings.off)),
        label_sets=(*sets, *policy.label_sets),
        marks=(*marks, *settings.documents),
    )


def _named(node: Node | None, reader: Reader) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for item in reader.sequence(node, "`protections`") or ():
        text = reader.text(item, "A pack")
        if text is not None and _is_known(item, text, reader):
            found[text] = item
    return found


def _off(node: Node | None, reader: Reader) -> dict[str, str]:
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, "`protections_off`", "a mapping of packs to reasons")
        return {}
    found = {}
    for key, value in node.entries:
        reason = reader.text(value, "The reason why a pack is off")
        if _is_known(key, key.text or "", reader) and reason is not None:
            found[key.text or ""] = reason
    return found


def _is_known(node: Node, name: str, reader: Reader) -> bool:
    if name in packs():
        return True
    reader.bad_value(
        node,
        f"There is no pack `{name}`.",
        known_or_close(name, packs()),
    )
    return False


def _documents(node: Node | None, reader: Reader) -> tuple[Mark, ...]:
    """Values of fields that say that a document or result is psychotherapy notes."""
    if node is None:
        return ()
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, "`psychotherapy_notes`", "a mapping of fields to lists of values")
        return ()
    found = []
    for key, value in node.entries:
        where = _field(key, reader)
        texts = reader.each(value, f"`{key.text}`", lambda item: reader.text(item, "A value"))
        if where is not None and texts is not None:
            found.append(Mark(where, frozenset(texts), Label.PSYCHOTHERAPY_NOTES.value))
    return tuple(found)


def _field(key: Scalar, reader: Reader) -> Path | None:
    where = path(key, reader)
    if where is not None and (not where.field or where.occurrence or where.repetition):
        reader.problems.note(
            key.place,
            Mistake.BAD_PATH,
            f"`{where}` is no field of every occurrence.",
            "Write a field or component such as `TXA-2` or `OBX-3.1`.",
        )
        return None
    return where
