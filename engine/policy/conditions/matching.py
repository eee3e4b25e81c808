"""Matchers as functions: what each reads of a value, and whether that matches.

Law: a missing or empty value matches nothing but `exists: false`; `""` is a value, equal only to
`""` (rules.md §10.13). What is uncertain is taken as it discloses less: a code without a coding
system is in a set where that withholds, and in none where it would disclose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.message.view import View
from engine.policy.vocabulary.codesets import CodeIndex
from engine.policy.vocabulary.conditions import (
    Exists,
    InSet,
    Matcher,
    Matches,
    Numeric,
    OneOf,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Parts, is_before, local_parts, stamp_of
from engine.policy.vocabulary.patterns import whole_match

#: Does one text match? Empty means no value and never matches.
TextTest = Callable[[str], bool]

#: The delete indicator (HL7 2.9.1 §2.4.3.1), a value that equals nothing but itself.
DELETE = '""'

# The data type NM (2.9.1 §2A.2.47).
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a condition is asked: the engine's time zone, and whether it withholds.

    `withholds`: that it holds takes something away, so that the uncertain counts as matching.
    """

    timezone: tzinfo = UTC
    withholds: bool = False

    def negated(self) -> Terms:
        """The terms of what stands under a `not`."""
        return replace(self, withholds=not self.withholds)


TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Matching:
    """A matcher at its path, made ready.

    `read` gives one item for each repetition of a segment's value; `bind` gives the test of an
    item, for this view.
    """

    read: Callable[[View, Segment], Sequence[Any]]
    bind: Callable[[View], Callable[[Any], bool]]


def compile_matching(path: Path, matcher: Matcher, terms: Terms = TERMS) -> Matching:
    """The matcher made ready for what stands at a path."""
    if isinstance(matcher, InSet):
        return _in_set(path, matcher, terms)
    if isinstance(matcher, Timed | Numeric):
        # TS.1 of a timestamp, the first of a range, the quantity of a price: never their units.
        path = replace(path, component=path.component or 1, subcomponent=path.subcomponent or 1)

    def read(view: View, segment: Segment) -> Sequence[str]:
        return view.texts(segment, path)

    if isinstance(matcher, Timed):
        return Matching(read, _timed(matcher, terms.timezone))
    test = compile_text_test(matcher)
    return Matching(read, lambda _view: test)


def compile_text_test(matcher: Matcher) -> TextTest:
    """The function that says whether one text matches; for all but sets and times."""
    match matcher:
        case Exists(wanted):
            return bool if wanted else lambda text: not text
        case Prefix(starts):
            return lambda text: text.startswith(starts) and text != DELETE
        case Matches(patterns):
            return _matches(patterns)
        case Numeric():
            return _numeric(matcher)
        case OneOf(values, fold=True):
            folded = frozenset(fold(value) for value in values)
            return lambda text: text != "" and fold(text) in folded
        case OneOf(values):
            # An empty text is no value, so a rule's own "" must not find it.
            wanted_texts = values - {""}
            return lambda text: text in wanted_texts
        case InSet() | Timed():
            raise TypeError(f"{type(matcher).__name__} is asked of more than a text")


def fold(text: str) -> str:
    """Case and surrounding space ignored."""
    return text.strip().casefold()


def _matches(patterns: tuple[str, ...]) -> TextTest:
    tests = tuple(whole_match(pattern) for pattern in patterns)

    def matches(text: str) -> bool:
        return text not in ("", DELETE) and any(test(text) for test in tests)

    return matches


def _numeric(matcher: Numeric) -> TextTest:
    least, most = matcher.at_least, matcher.at_most

    def within(text: str) -> bool:
        text = text.strip()
        if _NUMBER.fullmatch(text) is None:
            return False
        number = Decimal(text)
        return (least is None or number >= least) and (most is None or number <= most)

    return within


def _timed(matcher: Timed, zone: tzinfo) -> Callable[[View], TextTest]:
    after, before = matcher.after, matcher.before

    def bind(view: View) -> TextTest:
        def bound(moment: Any) -> Parts | None:
            return None if moment is None else local_parts(moment, zone, view.now)

        start, end = bound(after), bound(before)

        def within(text: str) -> bool:
            stamp = stamp_of(text.strip())
            if stamp is None:
                return False
            at = local_parts(stamp, zone, view.now)
            return (start is None or is_before(start, at)) and (end is None or is_before(at, end))

        return within

    return bind


def _in_set(path: Path, matcher: InSet, terms: Terms) -> Matching:
    index = CodeIndex(matcher.sets)
    if path.component:
        # One component is a code alone: whoever names it has left the system out of the question.
        return Matching(
            lambda view, segment: view.texts(segment, path),
            lambda _view: lambda text: index.may_match("", text),
        )
    holds = index.may_match if terms.withholds else index.matches

    def any_of(codes: tuple[tuple[str, str], ...]) -> bool:
        return any(holds(system, code) for system, code in codes)

    return Matching(lambda view, segment: view.coded(segment, path), lambda _view: any_of)
