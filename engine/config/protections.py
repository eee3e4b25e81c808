"""Which packs of statutes a site has on, and which documents are notes (rules.md §10.5).

Law: the federal pack is on unless it is switched off by name and with a reason; every other pack is
off unless it is named. Of a pack that is on, what it says of one label may be switched off in the
same way; whatever is switched off, every report says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.config.packs import DEFAULT, labels, packs
from engine.hl7.path import Path
from engine.policy.language import Reader
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import path
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.model import Mark, Policy
from engine.privacy.protections import Label, Pack, Protection, Protections, Source

#: The keys that say which documents are notes of a kind.
NOTES = {
    "psychotherapy_notes": Label.PSYCHOTHERAPY_NOTES,
    "sud_counseling_notes": Label.SUD_COUNSELING_NOTES,
}


@dataclass(frozen=True, slots=True)
class ProtectionSettings:
    """The packs by name, what is off with the reasons, and the documents.

    `off` names packs, and entries of packs as `PACK/LABEL`.
    """

    on: frozenset[str] = frozenset({DEFAULT})
    off: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[Mark, ...] = ()


def protections_of(given: Mapping[str, Node], reader: Reader) -> ProtectionSettings:
    """Read `protections`, `protections_off` and the documents of config.yaml."""
    named = _named(given.get("protections"), reader)
    off = _off(given.get("protections_off"), reader)
    on = (frozenset(named) | {DEFAULT}) - off.keys()
    for name, (node, reason) in off.items():
        pack, _, label = name.partition("/")
        if name in named:
            reader.bad_value(
                named[name],
                f"`{name}` is switched off under `protections_off`.",
                "Keep one of both.",
            )
        elif label and pack not in on:
            mend = "Remove what is said of its entries."
            reader.bad_value(node, f"The pack `{pack}` does not hold here.", mend)
        else:
            reader.problems.note(
                node.place,
                Mistake.PROTECTION_OFF,
                f"`{name}` is switched off: {reason}",
                "Have counsel confirm it; every report says so.",
            )
    reasons = {name: reason for name, (_, reason) in off.items()}
    documents = [
        mark for key, label in NOTES.items() for mark in _documents(key, label, given, reader)
    ]
    return ProtectionSettings(on, reasons, tuple(documents))


def protections_in(settings: ProtectionSettings) -> Protections:
    """The packs that a site has chosen, without what it has switched off."""
    chosen = tuple(_without(packs()[name], settings.off) for name in sorted(settings.on))
    return Protections(chosen, dict(settings.off))


def protected(policy: Policy, settings: ProtectionSettings) -> Policy:
    """A site's policy under its packs."""
    sets, marks = labels()
    return replace(
        policy,
        protections=protections_in(settings),
        label_sets=(*sets, *policy.label_sets),
        marks=(*marks, *settings.documents),
    )


def _without(pack: Pack, off: Mapping[str, str]) -> Pack:
    """The pack without what is switched off of it."""
    left = [one for one in pack.protections if _entry(pack, one) not in off]
    return replace(pack, protections=tuple(left))


def _entry(pack: Pack, protection: Protection) -> str:
    return f"{pack.id}/{protection.label.value}"


def _named(node: Node | None, reader: Reader) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for item in reader.sequence(node, "`protections`") or ():
        text = reader.text(item, "A pack")
        if text is not None and _is_known(item, text, reader):
            found[text] = item
    return found


def _off(node: Node | None, reader: Reader) -> dict[str, tuple[Scalar, str]]:
    """What is switched off, where, and why."""
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        reader.wrong_type(
            node, "`protections_off`", "a mapping of packs, or PACK/LABEL, to reasons"
        )
        return {}
    found = {}
    for key, value in node.entries:
        reason, name = reader.text(value, "The reason why it is off"), key.text or ""
        if _may_be_off(key, name, reader) and reason is not None:
            found[name] = (key, reason)
    return found


def _may_be_off(node: Scalar, name: str, reader: Reader) -> bool:
    """Whether it is a pack, or an entry of one that anything could lift."""
    pack, _, label = name.partition("/")
    if not _is_known(node, pack, reader) or not label:
        return pack in packs() and name == pack
    found = [one for one in packs()[pack].protections if one.label.value == label]
    if not found:
        labels_ = {one.label.value for one in packs()[pack].protections}
        reader.bad_value(
            node, f"The pack `{pack}` protects no `{label}`.", known_or_close(label, labels_)
        )
    elif all(one.source is Source.CONTENT and not one.lifted_by for one in found):
        reader.bad_value(node, f"Nothing lifts `{name}`, whatever a site says.", "Remove it.")
        return False
    return bool(found)


def _is_known(node: Node, name: str, reader: Reader) -> bool:
    if name in packs():
        return True
    reader.bad_value(
        node,
        f"There is no pack `{name}`.",
        known_or_close(name, packs()),
    )
    return False


def _documents(
    name: str, label: Label, given: Mapping[str, Node], reader: Reader
) -> Iterator[Mark]:
    """Values of fields that say that a document or result is such notes."""
    node = given.get(name)
    if node is None:
        return
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, f"`{name}`", "a mapping of fields to lists of values")
        return
    for key, value in node.entries:
        where = _field(key, reader)
        texts = reader.each(value, f"`{key.text}`", lambda item: reader.text(item, "A value"))
        if where is not None and texts is not None:
            yield Mark(where, frozenset(texts), label.value)


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
