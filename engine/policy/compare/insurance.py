"""Whose insurance an IN1 is under each of two policies: what a channel claims, and who contests it.

Law: an IN1 that two payers claim is nobody's (rules.md §10.6), so that what one payer no longer
claims may newly be another's: that counts as wider for the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.policy.compare.changes import Change, Effect
from engine.policy.meaning.formulas import Formula, any_of, leaf, no, proven
from engine.policy.meaning.statements import FACTS, Said, formula_of
from engine.policy.model import Channel, Coverage, Kind, Policy, State
from engine.policy.vocabulary.conditions import AllOf, Compare, Condition, MessageType


def named_by(channel: Channel) -> Formula:
    """When an IN1 is a channel's own. An entry of several keys is compared as a whole (§10.16)."""
    return any_of(_entry(entry) for entry in channel.identified_by)


def _entry(entry: Condition) -> Formula:
    if isinstance(entry, AllOf) and len(entry.parts) == 1:
        entry = entry.parts[0]
    if isinstance(entry, Compare):
        return formula_of(entry, MessageType(""), "IN1")
    return leaf(Said("an IN1 for which", entry))


def contests(old: Policy, new: Policy) -> Iterator[Change]:
    """An IN1 that two payers claim is nobody's (§10.6): what one lets go, another may get."""
    for name, before in sorted(old.channels.items()):
        if before.kind is Kind.PAYER and _lets_go(before, new.channels.get(name), new):
            freed = tuple(
                other
                for other in sorted(old.channels)
                if other != name and _may_gain(before, old.channels[other], old, new)
            )
            if freed:
                text = f"insurance that {name} claimed too was nobody's; it may now count as theirs"
                yield Change(Effect.MAY_DISCLOSE, text, channels=freed)
    for name, channel in sorted(new.channels.items()):
        was = old.channels.get(name)
        if (
            was is not None
            and _asks_none(new, name)
            and not proven(named_by(was), named_by(channel), FACTS)
        ):
            text = "identified_by: more patients count as not covered by it"
            yield Change(Effect.MAY_DISCLOSE, text, channels=(name,))


def _lets_go(before: Channel, after: Channel | None, new: Policy) -> bool:
    """Whether a payer no longer contests all that it did."""
    if after is None or after.kind is not Kind.PAYER:
        return True
    shared = before.name != after.name and any(
        one.name == after.name for one in new.channels.values() if one.id != after.id
    )
    return shared or not proven(named_by(before), named_by(after), FACTS)


def _may_gain(before: Channel, other: Channel, old: Policy, new: Policy) -> bool:
    """Whether another channel may get what a payer lets go."""
    if other.id not in new.channels or not _receives(new, other.id):
        return False
    if other.kind is Kind.PAYER:
        contested = other.name != before.name
    else:  # a vendor gets what its plan does, if another payer contested that
        payers = (one for one in old.channels.values() if one.kind is Kind.PAYER)
        contested = any(one.name != before.name for one in payers)
    return contested and not proven(named_by(before), no(named_by(other)), FACTS)


def _receives(policy: Policy, channel: str) -> bool:
    return policy.channels[channel].state is State.LIVE and any(
        rule.grants and channel in rule.channels for rule in policy.rules
    )


def _asks_none(policy: Policy, channel: str) -> bool:
    return any(rule.coverage is Coverage.NONE and channel in rule.channels for rule in policy.rules)
