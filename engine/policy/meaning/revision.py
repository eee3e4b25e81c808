"""The revision of a policy: a hash of what it means, not of how it is spelt.

Law: two policies have one revision if, and only if, they disclose the same to the same channels
under the same rule names, purposes and legal bases. Comments, places, the order of files, rules and
keys, ranges against single fields, and defaults that were written out change nothing; neither do
the texts that only people read (`address` of a channel, `why` of a rule, the reference of an
agreement). Of a channel's `name` it counts only which channels share it: an IN1 that two
differently named payers claim is nobody's (rules.md §10.6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from engine.policy.meaning.canonical import (
    codes_form,
    condition_form,
    labelling,
    set_of,
    text_of,
    types_form,
    where_form,
)
from engine.policy.model import Channel, FieldMask, Grant, LeakScan, Policy, Rule, Withholding
from engine.privacy.protections import Protection

#: Hexadecimal digits of a revision: enough that two policies of one site never share one.
DIGITS = 12


def revision(policy: Policy) -> str:
    """The first digits of the SHA-256 of the policy's canonical form, in hexadecimal."""
    form = [
        policy.environment,
        policy.timezone,
        set_of(_channel(channel) for channel in policy.channels.values()),
        set_of(_rules(policy)),
        sorted(labelling(policy)),
        _protections(policy),
        *_namesakes(policy),
        *_self_pay(policy),
    ]
    return hashlib.sha256(text_of(form).encode()).hexdigest()[:DIGITS]


def _namesakes(policy: Policy) -> list[list[str]]:
    """The channels of each name; which name it is, is spelling."""
    by_name: dict[str, list[str]] = {}
    for channel in policy.channels.values():
        by_name.setdefault(channel.name, []).append(channel.id)
    return sorted(sorted(ids) for ids in by_name.values())


def _self_pay(policy: Policy) -> list[object]:
    said = policy.self_pay
    if said is None:
        return []
    items = set_of([kind.value, str(path)] for kind, path in said.items.items())
    return [["self-pay", said.segment, condition_form(said.when), items]]


def _protections(policy: Policy) -> object:
    """The packs that hold, by what they say, and what puts labels beside the site's own sets."""
    units = set_of([name, unit.value] for name, unit in policy.units.items())
    if not (policy.protections.packs or policy.marks or policy.label_sets):
        return [units] if policy.units else []
    return [
        *([units] if policy.units else []),
        set_of(_protection(one) for pack in policy.protections.packs for one in pack.protections),
        set_of(
            [sorted(label.value for label in one.labels), one.from_age]
            for pack in policy.protections.packs
            for one in pack.minors
        ),
        set_of([one.label, one.evidence.value, codes_form(one.codes)] for one in policy.label_sets),
        set_of([str(mark.path), sorted(mark.texts), mark.label] for mark in policy.marks),
    ]


def _protection(one: Protection) -> object:
    notice = one.notice
    return [
        one.label.value,
        one.source.value,
        one.evidence.value,
        one.payers_only,
        None if one.purposes is None else sorted(one.purposes),
        sorted(one.allows),
        sorted(lift.value for lift in one.lifted_by),
        one.consent_days,
        None if notice is None else [notice.text, notice.restriction, notice.scope],
    ]


def _channel(channel: Channel) -> object:
    return [
        channel.id,
        channel.kind.value,
        channel.payer_type.value if channel.payer_type else None,
        sorted(purpose.value for purpose in channel.purposes),
        types_form(channel.ceiling_messages),
        set_of([segment, _mask(mask)] for segment, mask in channel.ceiling.items()),
        set_of(condition_form(entry) for entry in channel.identified_by),
        channel.agreement_expires,
        sorted(channel.rewrite.items()),
        channel.control_id.value,
        channel.renumber,
        channel.state.value,
        channel.structure.value,
        *([channel.leak_scan.value] if channel.leak_scan is not LeakScan.NAMES else []),
    ]


def _rules(policy: Policy) -> Iterable[object]:
    """Every rule for every channel of its own, so that grouping channels means nothing."""
    for rule in policy.rules:
        body = hashlib.sha256(text_of(_rule(rule)).encode()).hexdigest()
        for channel in rule.channels:
            asked = rule.coverage_for(policy.channels[channel].kind).value
            yield [channel, asked if rule.grants else None, body]


def _rule(rule: Rule) -> object:
    return [
        rule.name,
        rule.purpose.value,
        rule.basis,
        rule.consent.value,
        condition_form(rule.when),
        set_of(_grant(grant) for grant in rule.grants),
        set_of(_withholding(withholding) for withholding in rule.withholdings),
    ]


def _grant(grant: Grant) -> object:
    return [
        grant.segment,
        _mask(grant.mask),
        where_form(grant.where),
        grant.which_own,
        grant.alone,
        grant.documents,
        set_of([*key, one.kind.value, one.text] for key, one in grant.maskings.items()),
        set_of([number, condition_form(one)] for number, one in grant.repetitions.items()),
    ]


def _withholding(withholding: Withholding) -> object:
    return [
        withholding.message,
        withholding.segment,
        _mask(withholding.mask),
        where_form(withholding.where),
        sorted(withholding.labels),
    ]


def _mask(mask: FieldMask | None) -> object:
    if mask is None:
        return "all"
    return [[number, _parts(mask, number)] for number in sorted(mask)]


def _parts(mask: FieldMask, number: int) -> object:
    parts = mask[number]
    return "all" if parts is None else sorted(parts)
