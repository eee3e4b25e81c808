"""The canonical form of conditions: what a revision is the hash of, and what two sites compare.

Law: two conditions have one form if they are spelt differently and mean the same in every message;
the form is made of lists and texts only, so that it can be hashed and shown. The order of parts,
nested `all` and `any`, double negation and single items in lists are spelling.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from engine.policy.model import Policy
from engine.policy.vocabulary.codesets import CodeSet, canonical_system, normal_code
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    InSet,
    Matcher,
    Matches,
    MessageIs,
    MessageType,
    Not,
    Numeric,
    OneOf,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Moment


def text_of(form: object) -> str:
    """A form as text: equal for equal forms."""
    return json.dumps(form, ensure_ascii=True, separators=(",", ":"))


def set_of(forms: Iterable[object]) -> list[str]:
    """Members in an order of their own, each once."""
    return sorted({text_of(form) for form in forms})


def types_form(types: Iterable[MessageType]) -> list[str]:
    """A set of message types."""
    return set_of([message.code, message.trigger] for message in types)


def where_form(found: Condition | None) -> object:
    """A condition that may be left out: then it holds always."""
    return ["all", []] if found is None else condition_form(found)


def condition_form(found: Condition) -> object:
    """Nested `all` and `any` flattened, single ones unwrapped, double `not` removed."""
    match found:
        case AllOf(parts):
            return _joined("all", _flat(parts, AllOf))
        case AnyOf(parts):
            return _joined("any", _flat(parts, AnyOf))
        case Not(Not(part)):
            return condition_form(part)
        case Not(part):
            return ["not", condition_form(part)]
        case MessageIs(types):
            return ["message", types_form(types)]
        case Compare(path, matcher, every):
            return ["every" if every else "some", str(path), matcher_form(matcher)]


def codes_form(one: CodeSet) -> object:
    """What a code set holds; its name is spelling."""
    system = canonical_system(one.system)

    def normal(codes: Iterable[str]) -> list[str]:
        return sorted({normal_code(system, code) for code in codes})

    return [
        system,
        normal(one.codes),
        normal(one.prefixes),
        set_of([normal_code(system, end) for end in ends] for ends in one.ranges),
    ]


def _flat(parts: Iterable[Condition], kind: type[AllOf | AnyOf]) -> Iterable[Condition]:
    for part in parts:
        if isinstance(part, kind):
            yield from _flat(part.parts, kind)
        else:
            yield part


def _joined(word: str, parts: Iterable[Condition]) -> object:
    forms = set_of(condition_form(part) for part in parts)
    return json.loads(forms[0]) if len(forms) == 1 else [word, forms]


def matcher_form(matcher: Matcher) -> object:
    """A matcher; the order of what it lists is spelling."""
    return _FORMS[type(matcher)](matcher)


def _one_of(matcher: OneOf) -> object:
    if matcher.fold:
        return ["fold", sorted({value.strip().casefold() for value in matcher.values})]
    return ["one", sorted(matcher.values)]


def _timed(matcher: Timed) -> object:
    return ["time", _moment(matcher.after), _moment(matcher.before)]


def _numeric(matcher: Numeric) -> object:
    return ["number", _number(matcher.at_least), _number(matcher.at_most)]


def _moment(moment: Moment | None) -> object:
    if moment is None:
        return None
    if moment.from_now is not None:
        return ["now", moment.from_now.days, moment.from_now.seconds]
    return [list(moment.parts), moment.zone if len(moment.parts) > 3 else None]


def _number(number: Decimal | None) -> str | None:
    return None if number is None else format(number.normalize() + 0, "f")


_FORMS: dict[type, Callable[[Any], object]] = {
    Exists: lambda matcher: ["exists", matcher.wanted],
    InSet: lambda matcher: ["set", set_of(codes_form(one) for one in matcher.sets)],
    Matches: lambda matcher: ["matches", sorted(set(matcher.patterns))],
    Numeric: _numeric,
    OneOf: _one_of,
    Prefix: lambda matcher: ["prefix", sorted(set(matcher.values))],
    Timed: _timed,
}


def labelling(policy: Policy) -> frozenset[str]:
    """What labels by code: each label with what its code set holds.

    A set labels by itself where the site says so, and where a withholding names it as a label.
    """
    named = {
        label
        for rule in policy.rules
        for withholding in rule.withholdings
        for label in withholding.labels
    }
    return frozenset(
        text_of([label, codes_form(one)])
        for one in policy.sets.values()
        for label in (one.label, one.name)
        if label is not None and (label == one.label or label in named)
    )
