"""What a careful reader would ask about a site that loads: grants that do nothing, or too much.

Law: advice, never an error: nothing here changes what is disclosed, and no exit code. It is given
where it is written, once, however many channels it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from engine.hl7.occurring import OCCURRING
from engine.policy.conditions.settle import types_demanded
from engine.policy.language.contradictions import contradiction
from engine.policy.language.mistakes import Mistake, Problems
from engine.policy.language.others import others_advice
from engine.policy.language.sensitive import FREE_TEXT, IDENTIFYING, TEXT_TYPES
from engine.policy.message.documents import DOCUMENT_TYPES
from engine.policy.model import Channel, Grant, Policy, Rule, Withholding
from engine.policy.segment.masks import Mask
from engine.policy.vocabulary.conditions import (
    AllOf,
    Compare,
    Condition,
    MessageType,
    Not,
    OneOf,
)

_VALUE = 5  # OBX-5, whose type is OBX-2


def advise(policy: Policy, problems: Problems) -> None:
    """Note what a careful reader would ask about."""
    for rule in policy.rules:
        _contradictions(rule, problems)
        kinds = _kinds(rule, policy.channels)
        for grant in rule.grants:
            _unusable(grant, kinds, problems)
            _free_text(grant, problems)
            _identifiers(rule, grant, problems)
            others_advice(rule, grant, policy.channels, problems)
    _always_withheld(policy, problems)
    _masked_and_plain(policy, problems)


# --- what never applies -------------------------------------------------------------------------


def _contradictions(rule: Rule, problems: Problems) -> None:
    asked = [(rule.place, f"The rule `{rule.name}` can never apply", rule.when)]
    asked += [
        (grant.place, f"This grant of {grant.segment} can never apply", grant.where)
        for grant in rule.grants
        if grant.where is not None
    ]
    for place, what, condition in asked:
        why = contradiction(condition)
        if why is not None:
            problems.note(place, Mistake.NEVER_APPLIES, f"{what}: {why}.", "Mend its conditions.")


def _kinds(rule: Rule, channels: Mapping[str, Channel]) -> frozenset[str]:
    """MSH-9.1 of the messages that the rule can reach any of its channels with."""
    named = types_demanded(rule.when)
    allowed = {one.code for name in rule.channels for one in channels[name].ceiling_messages}
    return frozenset(allowed if named is None else {one.code for one in named} & allowed)


def _unusable(grant: Grant, kinds: frozenset[str], problems: Problems) -> None:
    if grant.segment.startswith("Z") or not kinds or not kinds <= OCCURRING.keys():
        return
    if any(grant.segment in OCCURRING[kind] for kind in kinds):
        return
    listed = " and no ".join(sorted(kinds))
    problems.note(
        grant.place,
        Mistake.UNUSABLE_GRANT,
        f"No {listed} message of any version has a segment {grant.segment}.",
        "Remove it, unless the sender adds it on its own.",
    )


def _always_withheld(policy: Policy, problems: Problems) -> None:
    """Grants of which another rule takes everything, whatever the message."""
    always = [
        (other, taken)
        for other in policy.rules
        if other.when == AllOf(())
        for taken in other.withholdings
        if taken.where is None and not taken.labels
    ]
    for rule in policy.rules:
        for other, taken in always:
            if not rule.channels <= other.channels:
                continue
            for grant in rule.grants:
                if _takes(taken, grant):
                    problems.note(
                        grant.place,
                        Mistake.SHADOWED,
                        f"The rule `{other.name}` at {other.place} withholds all of this, always.",
                        "Remove one of them.",
                    )


def _takes(taken: Withholding, grant: Grant) -> bool:
    if taken.message:
        return True
    if taken.segment != grant.segment:
        return False
    return (Mask.of(grant.mask) - Mask.of(taken.mask)).is_empty


# --- what is more than it seems -----------------------------------------------------------------


def _free_text(grant: Grant, problems: Problems) -> None:
    """Fields that hold what a person typed, which no rule can look into."""
    mask = Mask.of(grant.mask)
    for number, what in sorted(FREE_TEXT.get(grant.segment, {}).items()):
        masked = (number, 0) in grant.maskings
        if mask.of_field(number).is_empty or masked:
            continue
        if (grant.segment, number) == ("OBX", _VALUE) and _no_texts(grant):
            continue
        problems.note(
            grant.place,
            Mistake.FREE_TEXT,
            f"{grant.segment}-{number} is free text ({what}), which may say anything.",
            "Leave it out; of OBX, choose the types of values: `where: {OBX-2: [NM, SN, CWE]}`."
            if grant.segment == "OBX"
            else "Leave it out unless the counterpart needs it.",
        )


def _no_texts(grant: Grant) -> bool:
    """Whether no OBX goes that holds a text, or a document that somebody wrote."""
    types = TEXT_TYPES | DOCUMENT_TYPES if grant.documents else TEXT_TYPES
    return _leaves_out(grant.where, types)


def _leaves_out(where: Condition | None, types: frozenset[str]) -> bool:
    """Whether the condition lets no OBX through whose value is of one of these types."""
    match where:
        case AllOf(parts):
            return any(_leaves_out(part, types) for part in parts)
        case Compare(path, OneOf(values)) if str(path) == "OBX-2":
            return not values & types
        case Not(Compare(path, OneOf(values))) if str(path) == "OBX-2":
            return values >= types
        case _:
            return False


def _identifiers(rule: Rule, grant: Grant, problems: Problems) -> None:
    """What identifies or describes a person beyond what the purpose needs."""
    mask = Mask.of(grant.mask)
    found = [
        f"{grant.segment}-{number} ({what})"
        for number, (what, needed_for) in sorted(IDENTIFYING.get(grant.segment, {}).items())
        if not mask.of_field(number).is_empty
        and (number, 0) not in grant.maskings
        and rule.purpose not in needed_for
    ]
    if found:
        problems.note(
            grant.place,
            Mistake.NEEDLESS_IDENTIFIER,
            f"The purpose {rule.purpose.value} does not need {', '.join(found)}.",
            "Leave it out (45 CFR 164.502(b)), unless the agreement asks for it; a mask may do.",
        )


def _masked_and_plain(policy: Policy, problems: Problems) -> None:
    """What one rule masks and another, that the same channel has, does not, or masks otherwise."""
    if not any(grant.maskings for rule in policy.rules for grant in rule.grants):
        return
    beside: dict[str, list[_Granting]] = {}
    for rule in policy.rules:
        types = types_demanded(rule.when)
        for grant in rule.grants:
            beside.setdefault(grant.segment, []).append(_Granting(rule, types, grant))
    for found in beside.values():
        for one in found:
            if one.grant.maskings:
                _masked_beside(one, found, problems)


class _Granting(NamedTuple):
    """A grant, its rule, and the types of messages that the rule demands."""

    rule: Rule
    types: frozenset[MessageType] | None
    grant: Grant


def _masked_beside(one: _Granting, others: list[_Granting], problems: Problems) -> None:
    channels, types, grant = one.rule.channels, one.types, one.grant
    for other in others:
        if (
            other is one
            or channels.isdisjoint(other.rule.channels)
            or not _meet(types, other.types)
        ):
            continue
        for target in sorted(grant.maskings):
            clash = _clash(grant, other.grant, target)
            if clash is not None:
                problems.note(
                    grant.place,
                    Mistake.MASK_IN_VAIN,
                    f"{_named(grant.segment, target)} is masked here, and `{other.rule.name}` at"
                    f" {other.grant.place} {clash}.",
                    "Grant it one way, unless the two rules never meet.",
                )


@lru_cache(maxsize=4096)
def _meet(one: frozenset[MessageType] | None, other: frozenset[MessageType] | None) -> bool:
    """Whether a message can be of both."""
    if one is None or other is None:
        return True
    return any(
        a.code == b.code and (a.trigger is None or b.trigger in (None, a.trigger))
        for a in one
        for b in other
    )


def _clash(grant: Grant, other: Grant, target: tuple[int, int]) -> str | None:
    number, component = target
    parts = None if other.mask is None else other.mask.get(number, frozenset())
    if parts is not None and (not parts or (component and component not in parts)):
        return None
    theirs = other.maskings.get(target) or other.maskings.get((number, 0))
    if theirs == grant.maskings[target]:
        return None
    return "grants it plainly" if theirs is None else "masks it otherwise"


def _named(segment: str, target: tuple[int, int]) -> str:
    number, component = target
    return f"{segment}-{number}" + (f".{component}" if component else "")
