"""The disclosure matrix: what each counterpart may receive, of which messages, why and when.

Law: a sheet says what the policy does, no less: it is made from the same unrolling that `diff`
compares. What a setting of the model means for a reader stands on the sheet, or a test fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from engine.errors import Place
from engine.policy.meaning.canonical import labelling
from engine.policy.meaning.reach import Granted, Reach, Unrolling, Withheld
from engine.policy.model import Channel, ControlId, Kind, LeakScan, Policy, State, Structure
from engine.policy.runnable.events import CANCEL_FOLLOWS, types_named
from engine.policy.segment.masks import NONE, Mask
from engine.policy.telling.wording import (
    condition,
    grant_asks,
    listed,
    message_type,
    message_types,
    rule_asks,
    without_types,
)
from engine.policy.vocabulary.conditions import MessageType
from engine.privacy.protections import Label


@dataclass(frozen=True, slots=True)
class Row:
    """One grant: of which segment, which fields, for what, when, by which rule.

    `when` is what the rule asks of the message, `where` what the grant asks of the segment.
    """

    segment: str
    mask: Mask
    purpose: str
    when: str
    where: str
    rule: str
    why: str
    basis: str
    place: Place


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule takes, whatever is granted: segments with fields, or the message (none)."""

    parts: tuple[tuple[str, Mask], ...]
    when: str
    rule: str
    why: str
    place: Place


@dataclass(frozen=True, slots=True)
class Section:
    """Message types of which the same is sent."""

    types: tuple[str, ...]
    rows: tuple[Row, ...]
    taken: tuple[Taken, ...]
    is_cancel: bool = False  # sent only where the event was disclosed


@dataclass(frozen=True, slots=True)
class Sheet:
    """One counterpart's part of the matrix: its contract in words, the ceiling, the sections."""

    channel: str
    name: str
    contract: tuple[tuple[str, str], ...]
    ceiling: tuple[tuple[str, Mask], ...]
    sections: tuple[Section, ...]


def matrix(policy: Policy, channels: tuple[str, ...]) -> tuple[Sheet, ...]:
    """The sheets of these channels."""
    types = sorted(types_named(policy), key=lambda kind: (kind.code, kind.trigger or ""))
    unrolling = Unrolling(policy.rules)
    return tuple(_sheet(policy, policy.channels[name], types, unrolling) for name in channels)


def _sheet(
    policy: Policy, channel: Channel, types: list[MessageType], unrolling: Unrolling
) -> Sheet:
    as_if_live = replace(channel, state=State.LIVE)
    alike: dict[tuple[tuple[Row, ...], tuple[Taken, ...]], list[MessageType]] = {}
    for kind in types:
        found = unrolling.reach(as_if_live, kind)
        if found.grants:
            alike.setdefault((tuple(_rows(found)), tuple(_taken(found))), []).append(kind)
    is_payer = channel.kind is Kind.PAYER
    sections = [_section(kinds, rows, taken, is_payer) for (rows, taken), kinds in alike.items()]
    ceiling = tuple((name, Mask.of(mask)) for name, mask in sorted(channel.ceiling.items()))
    contract = tuple(_contract(policy, channel))
    sections.sort(key=lambda section: (section.is_cancel, section.types))
    return Sheet(channel.id, channel.name, contract, ceiling, tuple(sections))


def _section(
    kinds: list[MessageType], rows: tuple[Row, ...], taken: tuple[Taken, ...], is_payer: bool
) -> Section:
    follows = [row.rule == CANCEL_FOLLOWS for row in rows]
    is_cancel = any(follows) if is_payer else all(follows)
    return Section(tuple(map(message_type, kinds)), rows, taken, is_cancel)


def _rows(found: Reach) -> Iterator[Row]:
    grants = [one for ones in found.grants.values() for one in ones if one.mask != NONE]
    for one in sorted(grants, key=_order):
        rule = one.rule
        yield Row(
            one.grant.segment,
            one.mask,
            rule.purpose.value,
            _DISCLOSED if rule.name == CANCEL_FOLLOWS else rule_asks(rule, one.coverage),
            grant_asks(one.grant, one.mask, own=one.own),
            rule.name,
            rule.why,
            rule.basis,
            one.grant.place,
        )


#: What the built-in rule for cancels asks.
_DISCLOSED = "something of the visit was disclosed"

#: The order in which a message holds the usual segments; others follow by name.
_USUAL = "MSH EVN PID PD1 MRG NK1 PV1 PV2 AL1 DG1 PR1 GT1 ORC OBR NTE OBX SPM FT1 TXA IN1 IN2 IN3"


def _order(one: Granted) -> tuple[object, ...]:
    return (*segment_order(one.grant.segment), one.rule.name)


def segment_order(segment: str) -> tuple[int, str]:
    """Where a segment usually stands."""
    at = _USUAL.find(segment)
    return (at if at >= 0 else len(_USUAL), segment)


def _taken(found: Reach) -> Iterator[Taken]:
    """One entry for all that a rule takes on one condition; whole messages last."""
    alike: dict[tuple[str, str], list[Withheld]] = {}
    for ones in found.withheld.values():
        for one in ones:
            alike.setdefault((one.rule.name, _withheld_when(one)), []).append(one)
    for (name, when), several in sorted(alike.items()):
        parts: dict[str, Mask] = {}
        for one in several:
            segment = one.withholding.segment or _labelled(one)
            parts[segment] = parts.get(segment, NONE) | one.mask
        in_order = tuple(sorted(parts.items(), key=lambda part: segment_order(part[0])))
        first = several[0]
        yield Taken(in_order, when, name, first.rule.why, first.withholding.place)
    whole = {
        rule.name: rule
        for _, rule in found.blocks
        if rule is not None and any(one.message for one in rule.withholdings)
    }
    for rule in whole.values():
        when = condition(without_types(rule.when))
        yield Taken((), when, rule.name, rule.why, rule.place)


def _labelled(one: Withheld) -> str:
    return f"whatever is labelled {listed(sorted(one.withholding.labels))}"


def _withheld_when(one: Withheld) -> str:
    parts = (condition(without_types(one.rule.when)), condition(one.withholding.where))
    return "; ".join(part for part in parts if part)


# --- the contract ---------------------------------------------------------------------------------


def _contract(policy: Policy, channel: Channel) -> Iterator[tuple[str, str]]:
    kind = channel.kind.value
    if channel.payer_type is not None:
        kind += f", {channel.payer_type.value}"
    yield "Kind", kind
    if channel.address:
        yield "Address", channel.address
    yield "State", _STATES[channel.state]
    until = f"until {channel.agreement_expires}" if channel.agreement_expires else "no last day"
    yield "Agreement", ", ".join(filter(None, (channel.agreement_reference, until)))
    if channel.reassess_on is not None:
        is_known = channel.reassess_on > date.min
        yield "To be assessed again", channel.reassess_on.isoformat() if is_known else "now"
    yield "May receive for", ", ".join(sorted(one.value for one in channel.purposes))
    yield "Messages, at most", message_types(channel.ceiling_messages)
    yield "Named in messages by", _identified(channel)
    if channel.rewrite:
        rewritten = ", ".join(f"MSH-{n}: {text}" for n, text in sorted(channel.rewrite.items()))
        yield "Header rewritten", rewritten
    if channel.control_id is ControlId.NEW:
        yield "Control id", "of its own, not the sender's"
    yield (
        "A copy that lacks a required segment",
        "is held" if channel.structure is Structure.STRICT else "is sent",
    )
    yield (
        "A copy that names what is withheld",
        "is held" if channel.leak_scan is LeakScan.NAMES else "is sent",
    )
    yield (
        "Set ids",
        "numbered anew, so that no gap shows" if channel.renumber else "kept as they came",
    )
    if labelling(policy):
        sets = (f"{one.name} as {one.label or one.name}" for one in policy.sets.values())
        yield "Code sets that may label", ", ".join(sorted(sets))
    yield from _protected(policy)
    yield "Environment", f"{policy.environment}, time zone {policy.timezone}"


def _protected(policy: Policy) -> Iterator[tuple[str, str]]:
    """What stands above the rules: packs, also those that are off, and what marks content."""
    packs = ", ".join(pack.id for pack in policy.protections.packs) or "none"
    off = [f"{name} is off: {why}" for name, why in sorted(policy.protections.off.items())]
    yield "Packs of statutes", "; ".join((packs, *off))
    if policy.units:
        units = sorted(f"{name} ({unit.value})" for name, unit in policy.units.items())
        yield "Source units", ", ".join(units)
    if policy.self_pay is not None:
        said = condition(policy.self_pay.when)
        yield "Self-pay is asked for by", f"{policy.self_pay.segment} {said}".strip()
    if policy.label_sets or policy.marks:
        count = f"{len(policy.label_sets)} sets of codes, {len(policy.marks)} markers"
        notes = Label.PSYCHOTHERAPY_NOTES.value
        documents = sorted(
            f"{mark.path} {text}"
            for mark in policy.marks
            if mark.label == notes
            for text in mark.texts
        )
        yield "Sensitive content is found by", count
        yield "Psychotherapy notes are", ", ".join(documents) or "not named"


_STATES = {
    State.LIVE: "live",
    State.SHADOW: "shadow: decided and recorded, nothing is sent",
    State.DRAFT: "draft: nothing is sent",
}


def _identified(channel: Channel) -> str:
    entries = " or ".join(condition(entry) for entry in channel.identified_by)
    return entries or "nothing"
