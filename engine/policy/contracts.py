"""What differs between two contracts with a counterpart, and between two sites as a whole.

Law: every setting of a channel and of a policy has a row here, or is compared where rules are, or
says why it discloses nothing; a test fails for a setting that has none of these. What may let more
leave counts as wider, even where no rule uses it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.policy.canonical import codes_form, text_of
from engine.policy.changes import Cause, Change, Effect, Side
from engine.policy.formulas import Formula, any_of, leaf, no, proven
from engine.policy.masks import NONE, Mask
from engine.policy.model import (
    AllOf,
    Channel,
    Compare,
    Condition,
    ControlId,
    Coverage,
    Kind,
    MessageType,
    Policy,
    State,
    Structure,
)
from engine.policy.plan import MSH_ALWAYS
from engine.policy.statements import FACTS, Said, formula_of
from engine.policy.wording import fields, listed, message_types
from engine.privacy.facts import Unit

Found = Iterator[tuple[Effect, str]]

_MORE, _LESS = Effect.MAY_DISCLOSE, Effect.DISCLOSES_LESS


def contract_changes(name: str, old: Channel | None, new: Channel | None) -> Iterator[Change]:
    """The changes of one channel's file; what rules send is compared elsewhere."""
    if new is None or old is None:
        if new is None:
            yield Change(Effect.NEUTRAL, "the channel is gone", channels=(name,))
        else:
            yield Change(Effect.NEUTRAL, f"a new channel, {new.state.value}", channels=(name,))
        return
    for compare in CHANNEL_ROWS.values():
        for effect, text in compare(old, new):
            said = effect
            if effect.widens and new.state is not State.LIVE:
                said = Effect.NEUTRAL  # nothing is sent; going live is a change of its own
            causes = (Cause(Side.NEW.value, new.place, "", "the channel's file"),)
            yield Change(said, text, channels=(name,), causes=causes)


# --- a channel ------------------------------------------------------------------------------------


def _kind(old: Channel, new: Channel) -> Found:
    if old.kind is not new.kind:
        yield _MORE, f"it is a {new.kind.value}, no longer a {old.kind.value}"


def _payer_type(old: Channel, new: Channel) -> Found:
    if old.payer_type is not new.payer_type:
        yield _MORE, "its payer_type is another, and with it what statutes protect from it"


def _purposes(old: Channel, new: Channel) -> Found:
    added = sorted(one.value for one in new.purposes - old.purposes)
    gone = sorted(one.value for one in old.purposes - new.purposes)
    if added:
        yield _MORE, f"it may receive for {listed(added, 'and')}"
    if gone:
        yield _LESS, f"it may no longer receive for {listed(gone, 'and')}"


def _ceiling_messages(old: Channel, new: Channel) -> Found:
    added = _beyond(new.ceiling_messages, old.ceiling_messages)
    gone = _beyond(old.ceiling_messages, new.ceiling_messages)
    if added:
        yield _MORE, f"its ceiling allows {message_types(added)}"
    if gone:
        yield _LESS, f"its ceiling no longer allows {message_types(gone)}"


def _beyond(some: frozenset[MessageType], others: frozenset[MessageType]) -> list[MessageType]:
    return [one for one in some if one not in others and MessageType(one.code) not in others]


def _ceiling(old: Channel, new: Channel) -> Found:
    for segment in sorted({*old.ceiling, *new.ceiling}):
        before, after = _limit(old, segment), _limit(new, segment)
        if after - before != NONE:
            yield _MORE, f"its ceiling allows {segment} {fields(after - before)}"
        if before - after != NONE:
            yield _LESS, f"its ceiling no longer allows {segment} {fields(before - after)}"


def _limit(channel: Channel, segment: str) -> Mask:
    return Mask.of(channel.ceiling[segment]) if segment in channel.ceiling else NONE


def _identified_by(old: Channel, new: Channel) -> Found:
    before, after = named_by(old), named_by(new)
    if not proven(after, before, FACTS):
        yield _MORE, "identified_by: insurance counts as its own that did not before"
    if not proven(before, after, FACTS):
        yield _LESS, "identified_by: insurance no longer counts as its own"


def _expires(old: Channel, new: Channel) -> Found:
    before, after = old.agreement_expires, new.agreement_expires
    if before == after:
        return
    later = before is not None and (after is None or after > before)
    until = "for ever" if after is None else f"until {after}"
    yield (_MORE if later else _LESS), f"its agreement holds {until}, before until {before}"


def _rewrite(old: Channel, new: Channel) -> Found:
    for number in sorted({*old.rewrite, *new.rewrite}):
        if number not in new.rewrite and 1 in MSH_ALWAYS.of_field(number):
            yield Effect.DISCLOSED, f"MSH-{number} is sent as received; it was rewritten before"
        elif old.rewrite.get(number) != new.rewrite.get(number):
            yield Effect.NEUTRAL, f"MSH-{number} is rewritten to another value"


def _renumber(old: Channel, new: Channel) -> Found:
    if old.renumber and not new.renumber:
        yield _MORE, "set ids are kept, so that gaps tell what is missing"
    elif new.renumber and not old.renumber:
        yield _LESS, "set ids are numbered anew"


def _control_id(old: Channel, new: Channel) -> Found:
    if old.control_id is not new.control_id:
        if new.control_id is ControlId.KEEP:
            yield _MORE, "copies carry the sender's control id"
        else:
            yield _LESS, "copies carry a control id of their own"


def _state(old: Channel, new: Channel) -> Found:
    if old.state is not new.state:
        text = f"its state is {new.state.value}, before {old.state.value}"
        yield (_MORE if new.state is State.LIVE else _LESS), text


def _structure(old: Channel, new: Channel) -> Found:
    if old.structure is Structure.STRICT and new.structure is not Structure.STRICT:
        yield _MORE, "copies that lack a required segment are no longer held"
    elif old.structure is not new.structure:
        yield _LESS, "copies that lack a required segment are held"


#: Setting of a channel → what its change does.
CHANNEL_ROWS: dict[str, Callable[[Channel, Channel], Found]] = {
    "kind": _kind,
    "payer_type": _payer_type,
    "purposes": _purposes,
    "ceiling_messages": _ceiling_messages,
    "ceiling": _ceiling,
    "identified_by": _identified_by,
    "agreement_expires": _expires,
    "rewrite": _rewrite,
    "renumber": _renumber,
    "control_id": _control_id,
    "state": _state,
    "structure": _structure,
}


# --- a site ---------------------------------------------------------------------------------------


def site_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """What is of no single channel."""
    for compare in POLICY_ROWS.values():
        for effect, text in compare(old, new):
            yield Change(effect, text)
    yield from _contests(old, new)


def _environment(old: Policy, new: Policy) -> Found:
    if old.environment != new.environment:
        yield _MORE, f"messages of the {new.environment} environment are accepted"


def _timezone(old: Policy, new: Policy) -> Found:
    if old.timezone != new.timezone:
        yield _MORE, f"days begin and end in {new.timezone}, before in {old.timezone}"


def _sets(old: Policy, new: Policy) -> Found:
    """Code sets that label; what a condition asks of others is compared with the condition."""
    before, after = labelling(old), labelling(new)
    if before - after:
        yield _MORE, "code sets label other content, or less of it"
    elif after - before:
        yield _LESS, "code sets label more content"


def labelling(policy: Policy) -> frozenset[tuple[str, str]]:
    """What labels by code: the label, and the form of the set."""
    named = {
        label
        for rule in policy.rules
        for withholding in rule.withholdings
        for label in withholding.labels
    }
    found = ((label, one) for one in policy.sets.values() for label in (one.label, one.name))
    return frozenset(
        (label, text_of(codes_form(one)))
        for label, one in found
        if label is not None and (label == one.label or label in named)
    )


def _protections(old: Policy, new: Policy) -> Found:
    """Packs of statutes: one that is gone may let more leave, whatever others hold."""
    before, after = _statutes(old), _statutes(new)
    names = sorted(_pack_names(old) - _pack_names(new))
    if before - after:
        gone = f"the packs {', '.join(names)} no longer hold" if names else "packs protect less"
        yield _MORE, gone
    elif after - before:
        yield _LESS, "packs of statutes protect more"
    for name, reason in sorted(new.protections.off.items()):
        if old.protections.off.get(name) != reason:
            yield Effect.NEUTRAL, f"{name} is switched off: {reason}"


def _statutes(policy: Policy) -> frozenset[object]:
    return frozenset(
        one for pack in policy.protections.packs for one in (*pack.protections, *pack.minors)
    )


def _pack_names(policy: Policy) -> frozenset[str]:
    return frozenset(pack.id for pack in policy.protections.packs)


def _label_sets(old: Policy, new: Policy) -> Found:
    before, after = frozenset(old.label_sets), frozenset(new.label_sets)
    if before - after:
        yield _MORE, "the built-in labels are put on less"
    elif after - before:
        yield _LESS, "the built-in labels are put on more"


def _marks(old: Policy, new: Policy) -> Found:
    """One by one: a value that no longer marks is a value that is no longer protected."""
    before, after = _marked(old), _marked(new)
    if before - after:
        yield _MORE, "fewer values mark protected content, such as psychotherapy notes"
    elif after - before:
        yield _LESS, "more values mark protected content, such as psychotherapy notes"


def _marked(policy: Policy) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (str(mark.path), text, mark.label) for mark in policy.marks for text in mark.texts
    )


def _units(old: Policy, new: Policy) -> Found:
    """What is no Part 2 program is not protected as one; an unlisted unit may be one."""
    before, after = _units_that_are(old, Unit.PART2), _units_that_are(new, Unit.PART2)
    if before - after or _units_that_are(new, Unit.GENERAL) - _units_that_are(old, Unit.GENERAL):
        yield _MORE, "units: fewer source units are, or may be, Part 2 programs"
    elif old.units != new.units:
        yield _LESS, "units: more source units are, or may be, Part 2 programs"


def _units_that_are(policy: Policy, what: Unit) -> frozenset[str]:
    return frozenset(name for name, unit in policy.units.items() if unit is what)


#: Setting of a policy → what its change does.
POLICY_ROWS: dict[str, Callable[[Policy, Policy], Found]] = {
    "environment": _environment,
    "timezone": _timezone,
    "sets": _sets,
    "protections": _protections,
    "label_sets": _label_sets,
    "marks": _marks,
    "units": _units,
}


# --- whose insurance ------------------------------------------------------------------------------


def named_by(channel: Channel) -> Formula:
    """When an IN1 is a channel's own. An entry of several keys is compared as a whole (§10.16)."""
    return any_of(_entry(entry) for entry in channel.identified_by)


def _entry(entry: Condition) -> Formula:
    if isinstance(entry, AllOf) and len(entry.parts) == 1:
        entry = entry.parts[0]
    if isinstance(entry, Compare):
        return formula_of(entry, MessageType(""), "IN1")
    return leaf(Said("an IN1 for which", entry))


def _contests(old: Policy, new: Policy) -> Iterator[Change]:
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
                yield Change(_MORE, text, channels=freed)
    for name, channel in sorted(new.channels.items()):
        was = old.channels.get(name)
        if (
            was is not None
            and _asks_none(new, name)
            and not proven(named_by(was), named_by(channel), FACTS)
        ):
            text = "identified_by: more patients count as not covered by it"
            yield Change(_MORE, text, channels=(name,))


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
