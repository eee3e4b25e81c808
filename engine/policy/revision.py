"""The revision of a policy: a hash of what it means, not of how it is spelt.

Law: two policies have one revision if, and only if, they disclose the same to the same channels
under the same rule names, purposes and legal bases. Comments, places, the order of files, rules and
keys, ranges against single fields, and defaults that were written out change nothing; neither do
the texts that only people read (`name` and `address` of a channel, `why` of a rule, the agreement's
reference).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from engine.policy.model import (
    AllOf,
    AnyOf,
    Channel,
    Compare,
    Condition,
    Coverage,
    Exists,
    FieldMask,
    Grant,
    Kind,
    Matcher,
    MessageIs,
    MessageType,
    Not,
    OneOf,
    Policy,
    Prefix,
    Rule,
    Withholding,
)

#: Hexadecimal digits of a revision: enough that two policies of one site never share one.
DIGITS = 12


def revision(policy: Policy) -> str:
    """The first digits of the SHA-256 of the policy's canonical form, in hexadecimal."""
    form = [
        policy.environment,
        policy.timezone,
        _set(_channel(channel) for channel in policy.channels.values()),
        _set(_rules(policy)),
    ]
    return hashlib.sha256(_text(form).encode()).hexdigest()[:DIGITS]


def _text(form: object) -> str:
    return json.dumps(form, ensure_ascii=True, separators=(",", ":"))


def _set(forms: Iterable[object]) -> list[str]:
    """Members in an order of their own, each once."""
    return sorted({_text(form) for form in forms})


def _channel(channel: Channel) -> object:
    return [
        channel.id,
        channel.kind.value,
        channel.payer_type.value if channel.payer_type else None,
        sorted(purpose.value for purpose in channel.purposes),
        _types(channel.ceiling_messages),
        _set([segment, _mask(mask)] for segment, mask in channel.ceiling.items()),
        _set(_condition(entry) for entry in channel.identified_by),
        channel.agreement_expires,
        sorted(channel.rewrite.items()),
        channel.control_id.value,
        channel.renumber,
        channel.state.value,
        channel.structure.value,
    ]


def _rules(policy: Policy) -> Iterable[object]:
    """Every rule for every channel of its own, so that grouping channels means nothing."""
    for rule in policy.rules:
        body = hashlib.sha256(_text(_rule(rule)).encode()).hexdigest()
        for channel in rule.channels:
            kind = policy.channels[channel].kind
            yield [channel, _coverage(rule, kind), body]


def _coverage(rule: Rule, kind: Kind) -> str | None:
    """What is asked of coverage once the default is applied (rules.md §10.1)."""
    if not rule.grants:
        return None
    asked = rule.coverage or (Coverage.OWN if kind is Kind.PAYER else Coverage.ANY)
    return asked.value


def _rule(rule: Rule) -> object:
    return [
        rule.name,
        rule.purpose.value,
        rule.basis,
        rule.consent.value,
        _condition(rule.when),
        _set(_grant(grant) for grant in rule.grants),
        _set(_withholding(withholding) for withholding in rule.withholdings),
    ]


def _grant(grant: Grant) -> object:
    return [grant.segment, _mask(grant.mask), _where(grant.where), grant.which_own, grant.alone]


def _withholding(withholding: Withholding) -> object:
    return [
        withholding.message,
        withholding.segment,
        _mask(withholding.mask),
        _where(withholding.where),
    ]


def _mask(mask: FieldMask | None) -> object:
    if mask is None:
        return "all"
    return [[number, _parts(mask, number)] for number in sorted(mask)]


def _parts(mask: FieldMask, number: int) -> object:
    parts = mask[number]
    return "all" if parts is None else sorted(parts)


def _types(types: Iterable[MessageType]) -> list[str]:
    return _set([message.code, message.trigger] for message in types)


# --- conditions ---------------------------------------------------------------------------------


def _where(found: Condition | None) -> object:
    return ["all", []] if found is None else _condition(found)


def _condition(found: Condition) -> object:
    """Nested `all` and `any` flattened, single ones unwrapped, double `not` removed."""
    if isinstance(found, AllOf):
        return _joined("all", _flat(found.parts, AllOf))
    if isinstance(found, AnyOf):
        return _joined("any", _flat(found.parts, AnyOf))
    if isinstance(found, Not):
        inner = found.part
        return _condition(inner.part) if isinstance(inner, Not) else ["not", _condition(inner)]
    if isinstance(found, MessageIs):
        return ["message", _types(found.types)]
    return _compare(found)


def _flat(parts: Iterable[Condition], kind: type[AllOf | AnyOf]) -> Iterable[Condition]:
    for part in parts:
        if isinstance(part, kind):
            yield from _flat(part.parts, kind)
        else:
            yield part


def _joined(word: str, parts: Iterable[Condition]) -> object:
    forms = _set(_condition(part) for part in parts)
    return json.loads(forms[0]) if len(forms) == 1 else [word, forms]


def _compare(compare: Compare) -> object:
    return ["every" if compare.every else "some", str(compare.path), _matcher(compare.matcher)]


def _matcher(matcher: Matcher) -> object:
    if isinstance(matcher, Exists):
        return ["exists", matcher.wanted]
    if isinstance(matcher, Prefix):
        return ["prefix", sorted(set(matcher.values))]
    if isinstance(matcher, OneOf) and matcher.fold:
        return ["fold", sorted({value.strip().casefold() for value in matcher.values})]
    return ["one", sorted(matcher.values)]
