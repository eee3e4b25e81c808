"""Conditions as formulas, for one message type, so that two sites' conditions can be compared.

Law: a statement stands for one question about a message; two conditions share a statement only if
they always get the same answer. What is not understood here is a statement of its own, equal only
to itself. A question whose answer may be uncertain is one statement where it permits and another
where it forbids.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from engine.hl7.path import Path
from engine.policy.conditions.evaluate import is_one_of
from engine.policy.meaning.formulas import FALSE, Formula, all_of, any_of, leaf, no
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
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

#: Lists of more values than this are compared as a whole, not value by value.
_MOST_VALUES = 64

#: These say for certain whether they hold.
_CERTAIN = (OneOf, Prefix, Exists, Matches, Timed, Numeric)


@dataclass(frozen=True, slots=True)
class Compared:
    """A path compared; `of` is the segment id of which `where` asks it, `""` for the message."""

    of: str
    path: Path
    matcher: Matcher
    every: bool = False
    permits: bool | None = None  # None: the answer is certain


@dataclass(frozen=True, slots=True)
class Said:
    """Any other statement: what kind, and about what."""

    kind: str
    about: Hashable = None


def formula_of(
    found: Condition | None, message_type: MessageType, of: str = "", *, permits: bool = True
) -> Formula:
    """A condition as a formula; None holds always."""
    match found:
        case None:
            return all_of(())
        case AllOf(parts):
            return all_of(formula_of(p, message_type, of, permits=permits) for p in parts)
        case AnyOf(parts):
            return any_of(formula_of(p, message_type, of, permits=permits) for p in parts)
        case Not(part):
            return no(formula_of(part, message_type, of, permits=not permits))
        case MessageIs(types):
            return all_of(()) if is_one_of(message_type, types) else FALSE
        case Compare():
            return _compared(found, of, permits=permits)


def _compared(compare: Compare, of: str, *, permits: bool) -> Formula:
    path, matcher = compare.path, compare.matcher
    if not compare.every:
        if matcher == Exists(False):
            return no(leaf(Compared(of, path, Exists(True))))
        if isinstance(matcher, OneOf):
            return _one_of(of, path, matcher)
    certain = None if isinstance(matcher, _CERTAIN) else permits
    return leaf(Compared(of, path, matcher, compare.every, certain))


def _one_of(of: str, path: Path, matcher: OneOf) -> Formula:
    """Any of the values: a statement for each. An empty text is no value and never found."""
    values = frozenset(_folded(value) if matcher.fold else value for value in matcher.values)
    values -= {""}
    if len(values) > _MOST_VALUES:
        return leaf(Compared(of, path, OneOf(values, matcher.fold)))
    return any_of(
        leaf(Compared(of, path, OneOf(frozenset({value}), matcher.fold))) for value in values
    )


def _folded(text: str) -> str:
    return text.strip().casefold()


# --- what follows from what -----------------------------------------------------------------------


class Facts:
    """What is known of statements, whatever the message."""

    def entails(self, one: Hashable, other: Hashable) -> bool:
        """Whether `other` holds wherever `one` does."""
        if isinstance(one, Compared) and isinstance(other, Compared):
            return _entails(one, other)
        if isinstance(one, Said) and isinstance(other, Said):
            # Who consented did not refuse.
            return one.about == other.about and (one.kind, other.kind) == ("consented", "unrefused")
        return False

    def excludes(self, one: Hashable, other: Hashable) -> bool:
        """Whether they never hold together."""
        return isinstance(one, Said) and isinstance(other, Said) and (one, other) in _EXCLUSIVE


FACTS = Facts()

OWN_COVERAGE = Said("own coverage")
NO_COVERAGE = Said("no coverage of this payer")
CONTESTED = Said("a contested IN1 of its own")

#: Coverage of one's own is ambiguous, and so not own, where an IN1 is contested (§10.6).
_EXCLUSIVE = {(OWN_COVERAGE, NO_COVERAGE), (OWN_COVERAGE, CONTESTED)}


def _entails(one: Compared, other: Compared) -> bool:
    if one.path != other.path or (other.every and not one.every):
        return False
    if one.of != other.of and (other.of or one.every or other.every):
        return False  # of one segment it follows that the message has one, and nothing else
    if one.permits is False and other.permits is True:
        return False  # what possibly holds may not certainly hold
    return _matcher_entails(one.matcher, other.matcher)


def _matcher_entails(one: Matcher, other: Matcher) -> bool:
    if one == other:
        return True
    if other == Exists(True):
        return one != Exists(False)  # without a value every other matcher fails (§10.13)
    if not isinstance(one, OneOf):
        return isinstance(one, Prefix) and isinstance(other, Prefix) and _begin(one.values, other)
    if isinstance(other, Prefix):
        return not one.fold and _begin(tuple(one.values - {""}), other) and '""' not in one.values
    if not isinstance(other, OneOf) or (one.fold and not other.fold):
        return False
    values = frozenset(map(_folded, one.values)) if other.fold else one.values
    others = frozenset(map(_folded, other.values)) if other.fold else other.values
    return values - {""} <= others - {""}


def _begin(texts: tuple[str, ...], prefix: Prefix) -> bool:
    return all(text.startswith(prefix.values) for text in texts)
