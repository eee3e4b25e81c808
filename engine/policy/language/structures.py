"""What a channel's rules can never deliver, though the message structures require it.

Law: a warning, since many counterparts take less than HL7 asks for; a channel with
`structure: strict` would hold every such copy (rules.md §3, §10.29). What any rule of the channel
grants to a type counts as delivered, whatever its conditions.
"""

from __future__ import annotations

from engine.hl7.required import always_required
from engine.policy.language.ceilings import reaches
from engine.policy.language.mistakes import Mistake, Problems
from engine.policy.model import Channel, Policy, Rule, Structure
from engine.policy.vocabulary.conditions import AllOf, Condition, MessageIs, MessageType


def note_incomplete(policy: Policy, problems: Problems) -> None:
    """Note, for each channel, the required segments that no rule of it grants."""
    for channel in policy.channels.values():
        rules = [rule for rule in policy.rules if rule.grants and channel.id in rule.channels]
        lacking = _lacking(channel, rules)
        if not lacking:
            continue
        strict = channel.structure is Structure.STRICT
        problems.note(
            channel.place,
            Mistake.INCOMPLETE_STRUCTURE,
            f"No rule grants {channel.id} what HL7 requires: {'; '.join(lacking)}."
            + (" Every such copy is held." if strict else ""),
            "Grant it, or write `structure: lenient`."
            if strict
            else "Grant it, unless the counterpart does without.",
        )


def _lacking(channel: Channel, rules: list[Rule]) -> list[str]:
    """Segments and the types that lack them, as `PV1 of ADT^A01, ADT^A04`."""
    granting = [(_types(rule.when), rule) for rule in rules]
    named = {message for types, _ in granting for message in types or ()}
    lacking: dict[str, list[str]] = {}
    for message in sorted(named, key=_spelt):
        if not reaches(channel.ceiling_messages, message):
            continue
        granted = {
            grant.segment
            for types, rule in granting
            if types is None or reaches(types, message)
            for grant in rule.grants
        }
        for segment in always_required(message.code, message.trigger) - granted:
            lacking.setdefault(segment, []).append(_spelt(message))
    return [f"{segment} of {', '.join(types)}" for segment, types in sorted(lacking.items())]


def _types(when: Condition) -> frozenset[MessageType] | None:
    """The types that a rule names; None: it is for all."""
    if isinstance(when, MessageIs):
        return when.types
    if isinstance(when, AllOf):
        found = (_types(part) for part in when.parts)
        return next((types for types in found if types is not None), None)
    return None


def _spelt(message: MessageType) -> str:
    return message.code if message.trigger is None else f"{message.code}^{message.trigger}"
