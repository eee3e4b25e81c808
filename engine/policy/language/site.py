"""All files together: one policy, and what only shows when channels and rules meet.

Law: nothing depends on the order of files, rules or keys. Every grant is measured against the
ceiling of every channel that it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.errors import Place
from engine.policy.language.ceilings import above, cut_to_ceiling, reaches
from engine.policy.language.channels import ReadChannel, channel_of
from engine.policy.language.mistakes import Mistake, Problems
from engine.policy.language.reader import Reader
from engine.policy.language.rules import Known, ReadRule, rules_of
from engine.policy.language.sets import sets_of
from engine.policy.language.source import Node
from engine.policy.model import Coverage, Grant, Kind, Policy, Rule
from engine.policy.vocabulary.conditions import AllOf, MessageIs, MessageType


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """The policy, and each channel's `deliver` part for whoever reads that."""

    policy: Policy
    deliver: Mapping[str, Node]


def policy_of(
    channel_files: Iterable[Node],
    rule_files: Iterable[Node],
    *,
    every_channel_read: bool,
    environment: str,
    timezone: str,
    problems: Problems,
    set_files: Iterable[Node] = (),
    every_set_read: bool = True,
) -> ReadPolicy:
    """Read the channel, rules and set files of a site; what is wrong with them goes to `problems`.

    `every_channel_read` is False if there are channel files that could not even be read as YAML;
    then no channel that a rule names is called unknown. `every_set_read` says the same of the
    files of code sets. The policy may be used only if `problems` holds no error.
    """
    sets = sets_of(set_files, every_set_read, Reader(problems))
    reader = Reader(problems, sets)
    files = tuple(channel_files)
    channels = _channels(files, reader)
    known = Known(channels, complete=every_channel_read and len(channels) == len(files))
    read = [rule for node in rule_files for rule in rules_of(node, known, reader)]
    _unique_names(read, reader)
    rules = [part for rule in read for part in _measured(rule, channels, reader)]
    policy = Policy(
        {name: channels[name].channel for name in sorted(channels)},
        # The parts of one rule stay as they are: in the order of their channels.
        tuple(sorted(rules, key=lambda rule: rule.name)),
        environment,
        timezone,
        sets=dict(sorted(sets.by_name.items())),
    )
    deliver = {name: read.deliver for name, read in channels.items() if read.deliver is not None}
    return ReadPolicy(policy, deliver)


def _channels(files: Iterable[Node], reader: Reader) -> dict[str, ReadChannel]:
    channels: dict[str, ReadChannel] = {}
    for node in files:
        read = channel_of(node, reader)
        if read is None:
            continue
        first = channels.setdefault(read.channel.id, read)
        if first is not read:
            reader.problems.note(
                read.channel.place,
                Mistake.DUPLICATE_CHANNEL,
                f"The channel `{read.channel.id}` stands at {first.channel.place} already.",
                "Give one of them another id.",
            )
    return channels


def _unique_names(read: list[ReadRule], reader: Reader) -> None:
    places: dict[str, Place] = {}
    for name, place in sorted((item.rule.name, item.rule.place) for item in read):
        first = places.setdefault(name, place)
        if name and first != place:
            reader.problems.note(
                place,
                Mistake.DUPLICATE_RULE,
                f"The rule `{name}` stands at {first} already.",
                "Give one of them another name: the ledger tells rules apart by it.",
            )


def _measured(read: ReadRule, channels: Mapping[str, ReadChannel], reader: Reader) -> list[Rule]:
    """The rule, held against each of its channels; in parts where channels get different cuts."""
    bounded = [channels[name] for name in sorted(read.rule.channels) if channels[name].bounded]
    _coverage(read, bounded, reader)
    _message_types(read, bounded, reader)
    if read.within_ceiling:
        return _cut_rules(read.rule, bounded, reader)
    for grant in read.rule.grants:
        for channel in bounded:
            _within_ceiling(grant, channel, reader)
    return [read.rule]


# --- ceilings -----------------------------------------------------------------------------------


def _within_ceiling(grant: Grant, read: ReadChannel, reader: Reader) -> None:
    names = above(grant.segment, grant.mask, read.channel.ceiling)
    if not names:
        return
    place = read.ceiling.places.get(grant.segment, read.ceiling.place)
    reader.problems.note(
        grant.place,
        Mistake.ABOVE_CEILING,
        f"The ceiling of {read.channel.id} at {place} does not allow {_what(names, grant)}.",
        "Grant less, or raise the ceiling, if the agreement with the counterpart allows it.",
    )


def _what(names: tuple[str, ...], grant: Grant) -> str:
    return f"all of {grant.segment}" if grant.mask is None else ", ".join(names)


def _cut_rules(rule: Rule, bounded: list[ReadChannel], reader: Reader) -> list[Rule]:
    """`within: ceiling`: one part of the rule for all channels that get the same cut."""
    parts: list[tuple[tuple[Grant, ...], set[str]]] = []
    for read in bounded:
        cut = tuple(
            left for grant in rule.grants if (left := _cut(grant, read, reader)) is not None
        )
        if not cut and rule.grants:
            reader.problems.note(
                rule.place,
                Mistake.SHADOWED,
                f"Nothing of `{rule.name}` is left for {read.channel.id} under its ceiling.",
                "Leave the channel out, or raise its ceiling, if the agreement allows it.",
            )
        if not cut and not rule.withholdings:
            continue
        for grants, names in parts:
            if grants == cut:
                names.add(read.channel.id)
                break
        else:
            parts.append((cut, {read.channel.id}))
    return [replace(rule, grants=grants, channels=frozenset(names)) for grants, names in parts]


def _cut(grant: Grant, read: ReadChannel, reader: Reader) -> Grant | None:
    names = above(grant.segment, grant.mask, read.channel.ceiling)
    if not names:
        return grant
    reader.problems.note(
        grant.place,
        Mistake.CEILING_CUT,
        f"{read.channel.id} does not get {_what(names, grant)}:"
        f" its ceiling at {read.ceiling.places.get(grant.segment, read.ceiling.place)} is lower.",
        "",
    )
    return cut_to_ceiling(grant, read.channel.ceiling)


# --- what never applies -------------------------------------------------------------------------


def _coverage(read: ReadRule, bounded: list[ReadChannel], reader: Reader) -> None:
    rule = read.rule
    if not rule.grants or rule.coverage is None:
        return
    payers = [channel for channel in bounded if channel.channel.kind is Kind.PAYER]
    if rule.coverage is Coverage.ANY and payers:
        reader.problems.note(
            read.coverage_place,
            Mistake.COVERAGE_ANY,
            "This discloses to a payer whether or not it covers the patient.",
            "Keep it only if the agreement says so; `own` is the default for a payer.",
        )
    if rule.coverage is Coverage.OWN:
        for channel in bounded:
            if not channel.channel.identified_by:
                reader.problems.note(
                    read.coverage_place,
                    Mistake.NEVER_APPLIES,
                    f"Nothing says how a message names {channel.channel.id}, so it covers nobody.",
                    f"Add `identified_by:` to it ({channel.channel.place.file}).",
                )


def _message_types(read: ReadRule, bounded: list[ReadChannel], reader: Reader) -> None:
    """Types that a channel's ceiling does not name; of a rule that only withholds, if all."""
    types = _types_of(read.rule)
    unreached = {
        message: [
            channel.channel.id
            for channel in bounded
            if not reaches(channel.channel.ceiling_messages, message)
        ]
        for message in types
    }
    if not read.rule.grants and any(len(out) < len(bounded) for out in unreached.values()):
        return
    for message in sorted(types, key=_spelt):
        names = unreached[message]
        if names:
            reader.problems.note(
                read.message_place,
                Mistake.NEVER_APPLIES,
                f"{_spelt(message)} is outside the ceiling of {', '.join(names)}.",
                "Name only types that the channels may receive.",
            )


def _types_of(rule: Rule) -> frozenset[MessageType]:
    """The message types that the rule itself names."""
    if isinstance(rule.when, MessageIs):
        return rule.when.types
    if isinstance(rule.when, AllOf):
        for part in rule.when.parts:
            if isinstance(part, MessageIs):
                return part.types
    return frozenset()


def _spelt(message: MessageType) -> str:
    return message.code if message.trigger is None else f"{message.code}^{message.trigger}"
