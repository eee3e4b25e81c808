"""Conditions as functions: each is built once and then asked of many messages.

Law: a missing or empty value fails every matcher; `exists: false` and negations are the negation
of that and hold; `every` over nothing fails; `""` is a value, equal only to `""`
(rules.md §10.13 to §10.16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.hl7.path import Path
from engine.policy.model import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    Matcher,
    MessageIs,
    MessageType,
    Not,
    OneOf,
    Prefix,
)
from engine.policy.view import View

#: Does a condition hold, asked of a segment (by its index) or of the message (`MESSAGE`)?
Test = Callable[[View, int], bool]

#: The texts that a path means when asked of a segment.
Values = Callable[[View, Path, int], tuple[str, ...]]

#: Does one text match? Empty means no value and never matches.
TextTest = Callable[[str], bool]

#: The delete indicator (HL7 2.9.1 §2.4.3.1), a value that equals nothing but itself.
DELETE = '""'


def compile_condition(condition: Condition, values: Values = View.values) -> Test:
    """The function that says whether `condition` holds; `values` finds what a path means."""
    match condition:
        case AllOf(parts):
            return _all_of([compile_condition(part, values) for part in parts])
        case AnyOf(parts):
            return _any_of([compile_condition(part, values) for part in parts])
        case Not(part):
            return _negated(compile_condition(part, values))
        case MessageIs(types):
            return lambda view, _at: is_one_of(view.type, types)
        case Compare():
            return _compare(condition, values)


def compile_text_test(matcher: Matcher) -> TextTest:
    """The function that says whether one text matches."""
    if isinstance(matcher, Exists):
        return bool if matcher.wanted else lambda text: not text
    if isinstance(matcher, Prefix):
        starts = matcher.values
        return lambda text: text.startswith(starts) and text != DELETE
    if matcher.fold:
        folded = frozenset(fold(value) for value in matcher.values)
        return lambda text: text != "" and fold(text) in folded
    # An empty text is no value, so a rule's own "" must not find it.
    wanted = matcher.values - {""}
    return lambda text: text in wanted


def fold(text: str) -> str:
    """Case and surrounding space ignored."""
    return text.strip().casefold()


def is_one_of(message_type: MessageType, types: frozenset[MessageType]) -> bool:
    """Whether a message of this type is among `types`, by name or by its code alone."""
    return message_type in types or MessageType(message_type.code) in types


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda view, at: all(test(view, at) for test in tests)


def _any_of(tests: list[Test]) -> Test:
    return lambda view, at: any(test(view, at) for test in tests)


def _negated(test: Test) -> Test:
    return lambda view, at: not test(view, at)


def _compare(compare: Compare, values: Values) -> Test:
    test = _compare_each(compare, values)
    return _asked_once(compare.path, test) if values is View.values else test


def _asked_once(path: Path, test: Test) -> Test:
    """`test`, but what it says of every occurrence in the message is found once.

    So it is when it is asked of segments that are neither what `path` names nor below one; without
    this, many of the one and many of the other would take the product of both.
    """

    def asked(view: View, at: int) -> bool:
        if at < 0 or not view.means_every(path, at):
            return test(view, at)
        found = view.answers.get(asked)
        if found is None:
            found = view.answers[asked] = test(view, at)
        return found

    return asked


def _compare_each(compare: Compare, values: Values) -> Test:
    path, every = compare.path, compare.every
    matches = compile_text_test(compare.matcher)
    wanted = True
    if not every and isinstance(compare.matcher, OneOf):
        return _one_of(path, compare.matcher, matches, values)
    if not every and compare.matcher == Exists(False):
        # No occurrence has a value: more than that some occurrence has none.
        matches, wanted = compile_text_test(Exists(True)), False
    if every:
        return lambda view, at: _each(values(view, path, at), matches)

    return _some(path, matches, values, wanted)


def _some(path: Path, matches: TextTest, values: Values, wanted: bool = True) -> Test:
    def some(view: View, at: int) -> bool:
        # A loop, not `any` over a generator: this is asked several times of every message.
        for text in values(view, path, at):
            if matches(text):
                return wanted
        return not wanted

    return some


def _one_of(path: Path, matcher: OneOf, matches: TextTest, values: Values) -> Test:
    """Most rules compare a code; most codes are plain, and are compared as received."""
    plain = frozenset(
        value.encode("ascii")
        for value in matcher.values
        if value.isascii() and value.isalnum() and not matcher.fold
    )
    if (
        not plain
        or not path.field
        or path.component > 1
        or path.subcomponent > 1
        or path.repetition > 1
    ):
        return _some(path, matches, values)
    slow, segment_id, field = _some(path, matches, values), path.segment, path.field
    occurrence = path.occurrence

    def test(view: View, at: int) -> bool:
        if at < 0 and not occurrence:
            meant = view.all(segment_id)
            if len(meant) == 1:
                value = meant[0].field(field)
            elif meant:
                return slow(view, at)
            else:
                return False
        else:
            segment = view.message.segment(at)
            if at < 0 or segment.id != segment_id or occurrence:
                return slow(view, at)
            value = segment.field(field)
        # Nothing but ASCII letters and digits: no delimiter, no escape, one repetition.
        if value.isalnum() or not value:
            return value in plain
        return slow(view, at)

    return test


def _each(texts: Iterable[str], matches: TextTest) -> bool:
    empty = True
    for text in texts:
        if not matches(text):
            return False
        empty = False
    return not empty
