"""Conditions as functions: each is built once and then asked of many messages.

Law: `exists: false` and negations are the negation of a match, and hold where there is no value;
`every` over nothing fails; a path without an index means any (rules.md §10.13, §10.14).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.conditions.matching import (
    TERMS,
    Matching,
    Terms,
    compile_matching,
    compile_text_test,
)
from engine.policy.message.view import View
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    InSet,
    Matcher,
    MessageIs,
    MessageType,
    Not,
    Numeric,
    OneOf,
    Timed,
)

#: Does a condition hold, asked of a segment (by its index) or of the message (`MESSAGE`)?
Test = Callable[[View, int], bool]

#: The segments that a path means when asked of a segment.
Meant = Callable[[View, Path, int], list[Segment]]

#: Does a condition hold, asked of one repetition (from 0) of one field of a segment?
RepetitionTest = Callable[[View, Segment, int], bool]


def compile_condition(
    condition: Condition, meant: Meant = View.meant, terms: Terms = TERMS
) -> Test:
    """The function that says whether `condition` holds; `meant` finds what a path means."""
    match condition:
        case AllOf(parts):
            return _all_of([compile_condition(part, meant, terms) for part in parts])
        case AnyOf(parts):
            return _any_of([compile_condition(part, meant, terms) for part in parts])
        case Not(part):
            return _negated(compile_condition(part, meant, terms.negated()))
        case MessageIs(types):
            return lambda view, _at: is_one_of(view.type, types)
        case Compare():
            return _compare(condition, meant, terms)


@lru_cache(maxsize=4096)
def compiled(condition: Condition, terms: Terms) -> Test:
    """One function for all that ask the same of what a path means, so that it is asked once."""
    return compile_condition(condition, terms=terms)


def compile_repetition_test(
    condition: Condition, segment_id: str, field: int, meant: Meant, terms: Terms
) -> RepetitionTest:
    """The function that says whether `condition` holds for one repetition of one field.

    What it asks of that field is asked of this repetition; all else as it would be of the segment.
    """

    def each(part: Condition, terms: Terms) -> RepetitionTest:
        return compile_repetition_test(part, segment_id, field, meant, terms)

    match condition:
        case AllOf(parts):
            tests = [each(part, terms) for part in parts]
            return lambda view, segment, n: all(test(view, segment, n) for test in tests)
        case AnyOf(parts):
            tests = [each(part, terms) for part in parts]
            return lambda view, segment, n: any(test(view, segment, n) for test in tests)
        case Not(part):
            test = each(part, terms.negated())
            return lambda view, segment, n: not test(view, segment, n)
        case Compare(path) if is_of_a_repetition(path, segment_id, field):
            return _of_repetition(compile_matching(path, condition.matcher, terms))
        case _:
            whole = compile_condition(condition, meant, terms)
            return lambda view, segment, _n: whole(view, segment.index)


def speaks_of_sets(condition: Condition) -> bool:
    """Whether a code set is asked, so that the answer may be uncertain."""
    match condition:
        case Compare(matcher=InSet()):
            return True
        case Not(part):
            return speaks_of_sets(part)
        case AllOf(parts) | AnyOf(parts):
            return any(speaks_of_sets(part) for part in parts)
        case _:
            return False


def is_of_a_repetition(path: Path, segment_id: str, field: int) -> bool:
    """Whether a path speaks of any repetition of this field."""
    return (
        path.segment == segment_id
        and path.field == field
        and not path.occurrence
        and not path.repetition
    )


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


def _of_repetition(matching: Matching) -> RepetitionTest:
    read, bind = matching.read, matching.bind

    def test(view: View, segment: Segment, number: int) -> bool:
        found = read(view, segment)
        return number < len(found) and bind(view)(found[number])

    return test


def _compare(compare: Compare, meant: Meant, terms: Terms) -> Test:
    test = _compare_each(compare, meant, terms)
    return _asked_once(compare.path, test) if meant is View.meant else test


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


def _compare_each(compare: Compare, meant: Meant, terms: Terms) -> Test:
    path, matcher = compare.path, compare.matcher
    if compare.every:
        return _every(path, compile_matching(path, matcher, terms), meant)
    if matcher == Exists(False):
        # No occurrence has a value: more than that some occurrence has none.
        return _negated(_some_text(path, Exists(True), meant))
    if isinstance(matcher, OneOf):
        return _one_of(path, matcher, meant)
    if isinstance(matcher, InSet | Timed | Numeric):
        return _some(path, compile_matching(path, matcher, terms), meant)
    return _some_text(path, matcher, meant)


def _some(path: Path, matching: Matching, meant: Meant) -> Test:
    read, bind = matching.read, matching.bind

    def some(view: View, at: int) -> bool:
        matches = bind(view)
        return any(
            matches(item) for segment in meant(view, path, at) for item in read(view, segment)
        )

    return some


def _every(path: Path, matching: Matching, meant: Meant) -> Test:
    read, bind = matching.read, matching.bind

    def every(view: View, at: int) -> bool:
        matches = bind(view)
        items = [item for segment in meant(view, path, at) for item in read(view, segment)]
        return bool(items) and all(matches(item) for item in items)

    return every


def _some_text(path: Path, matcher: Matcher, meant: Meant) -> Test:
    matches = compile_text_test(matcher)

    def some(view: View, at: int) -> bool:
        # Loops, not `any` over a generator: this is asked several times of every message.
        for segment in meant(view, path, at):
            for text in view.texts(segment, path):
                if matches(text):
                    return True
        return False

    return some


def _one_of(path: Path, matcher: OneOf, meant: Meant) -> Test:
    """Most rules compare a code; most codes are plain, and are compared as received."""
    plain = frozenset(
        value.encode("ascii")
        for value in matcher.values
        if value.isascii() and value.isalnum() and not matcher.fold
    )
    slow = _some_text(path, matcher, meant)
    if (
        not plain
        or not path.field
        or path.component > 1
        or path.subcomponent > 1
        or path.repetition > 1
    ):
        return slow
    segment_id, field, occurrence = path.segment, path.field, path.occurrence

    def test(view: View, at: int) -> bool:
        if at < 0 and not occurrence:
            found = view.all(segment_id)
            if len(found) == 1:
                value = found[0].field(field)
            elif found:
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
