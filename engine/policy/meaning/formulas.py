"""Boolean formulas over opaque statements, and whether one follows from another.

Law: `implies` answers True only where it is proven, whatever the statements may turn out to be;
what cannot be proven within its bound is answered False. A theory says which statements follow
from or exclude each other; it may leave out what it does not know.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Protocol
from weakref import WeakValueDictionary

#: So many cases are looked at before a question is given up as not proven.
_MOST_CASES = 4000


class Kind(Enum):
    """What a formula is."""

    LEAF = "leaf"
    ALL = "all"
    ANY = "any"
    NOT = "not"


#: Every formula that is in use.
_MADE: WeakValueDictionary[tuple[Hashable, ...], Formula] = WeakValueDictionary()


class Formula:
    """A value; made by `leaf`, `all_of`, `any_of` and `no`, which keep it simplified.

    Equal formulas are one object, so that comparing and hashing cost nothing.
    """

    __slots__ = ("__weakref__", "_statements", "kind", "parts", "statement")

    kind: Kind
    parts: frozenset[Formula]
    statement: Hashable
    _statements: frozenset[Hashable] | None

    def __new__(
        cls, kind: Kind, parts: frozenset[Formula] = frozenset(), statement: Hashable = None
    ) -> Formula:
        """The one formula of this meaning."""
        key = (kind.value, parts, statement)
        found = _MADE.get(key)
        if found is None:
            found = _MADE[key] = super().__new__(cls)
            found.kind, found.parts, found.statement = kind, parts, statement
            found._statements = None
        return found

    def __repr__(self) -> str:
        if self.kind is Kind.LEAF:
            return repr(self.statement)
        return f"{self.kind.value}({', '.join(sorted(map(repr, self.parts)))})"

    @property
    def statements(self) -> frozenset[Hashable]:
        """Every statement in it; found once."""
        found = self._statements
        if found is None:
            if self.kind is Kind.LEAF:
                found = frozenset({self.statement})
            else:
                found = frozenset[Hashable]().union(*(part.statements for part in self.parts))
            self._statements = found
        return found

    @property
    def part(self) -> Formula:
        """What a negation negates."""
        return next(iter(self.parts))


#: Holds always; holds never.
TRUE = Formula(Kind.ALL)
FALSE = Formula(Kind.ANY)


class Theory(Protocol):
    """What is known of statements."""

    def entails(self, one: Hashable, other: Hashable) -> bool:
        """Whether `other` holds wherever `one` does."""

    def excludes(self, one: Hashable, other: Hashable) -> bool:
        """Whether `other` holds nowhere that `one` does."""


def leaf(statement: Hashable) -> Formula:
    """A statement."""
    return Formula(Kind.LEAF, statement=statement)


def no(part: Formula) -> Formula:
    """The negation."""
    if part is TRUE or part is FALSE:
        return FALSE if part is TRUE else TRUE
    return part.part if part.kind is Kind.NOT else Formula(Kind.NOT, frozenset({part}))


def all_of(parts: Iterable[Formula]) -> Formula:
    """The conjunction."""
    return _joined(Kind.ALL, parts, TRUE, FALSE)


def any_of(parts: Iterable[Formula]) -> Formula:
    """The disjunction."""
    return _joined(Kind.ANY, parts, FALSE, TRUE)


def _joined(kind: Kind, parts: Iterable[Formula], neutral: Formula, decisive: Formula) -> Formula:
    found: set[Formula] = set()
    for part in parts:
        if part.kind is kind:
            found |= part.parts
        else:
            found.add(part)
    if decisive in found or any(part.kind is Kind.NOT and part.part in found for part in found):
        return decisive
    found.discard(neutral)
    return next(iter(found)) if len(found) == 1 else Formula(kind, frozenset(found))


def implies(one: Formula, other: Formula, theory: Theory, most_cases: int = _MOST_CASES) -> bool:
    """Whether it is proven, by so many cases, that `other` holds wherever `one` does."""
    if one in (other, FALSE) or other == TRUE:
        return True
    if other.kind is Kind.ANY and one in other.parts:
        return True
    return not _Search(theory, most_cases).may_hold(all_of((one, no(other))))


class _Search:
    """One question: the cases that may still be looked at are counted."""

    def __init__(self, theory: Theory, most_cases: int) -> None:
        self._theory = theory
        self._cases_left = most_cases

    def may_hold(self, formula: Formula) -> bool:
        """Whether some case may make it hold."""
        while True:
            if formula == TRUE:
                return True
            if formula == FALSE:
                return False
            forced = dict(_forced(formula))
            if not forced:
                break
            formula = self._given(formula, forced)
        if not self._cases_left:
            return True  # not proven
        self._cases_left -= 1
        chosen = min(formula.statements, key=repr)
        return any(self.may_hold(self._given(formula, {chosen: value})) for value in (True, False))

    def _given(self, formula: Formula, values: Mapping[Hashable, bool]) -> Formula:
        """The formula where these statements hold or not, with all that follows from that."""
        theory = self._theory
        known = dict(values)
        for other in formula.statements:
            for one, holds in values.items():
                if one == other:
                    continue
                implied = _implied(theory, one, other, holds=holds)
                if implied is None:
                    continue
                if known.setdefault(other, implied) is not implied:
                    return FALSE  # the case contradicts itself
        return _assigned(formula, known)


def _implied(theory: Theory, one: Hashable, other: Hashable, *, holds: bool) -> bool | None:
    """What `one` holding, or not, says of `other`."""
    if holds and theory.entails(one, other):
        return True
    if holds and (theory.excludes(one, other) or theory.excludes(other, one)):
        return False
    if not holds and theory.entails(other, one):
        return False
    return None


def _forced(formula: Formula) -> Iterator[tuple[Hashable, bool]]:
    """Statements that the formula demands or forbids by itself."""
    parts = formula.parts if formula.kind is Kind.ALL else (formula,)
    for part in parts:
        if part.kind is Kind.LEAF:
            yield part.statement, True
        elif part.kind is Kind.NOT and part.part.kind is Kind.LEAF:
            yield part.part.statement, False
        elif part.kind is Kind.NOT and part.part.kind is Kind.ANY:
            for inner in part.part.parts:
                if inner.kind is Kind.LEAF:
                    yield inner.statement, False
                elif inner.kind is Kind.NOT and inner.part.kind is Kind.LEAF:
                    yield inner.part.statement, True


def _assigned(formula: Formula, known: Mapping[Hashable, bool]) -> Formula:
    if formula.statements.isdisjoint(known):
        return formula
    if formula.kind is Kind.LEAF:
        value = known.get(formula.statement)
        return formula if value is None else TRUE if value else FALSE
    if formula.kind is Kind.NOT:
        return no(_assigned(formula.part, known))
    parts = (_assigned(part, known) for part in formula.parts)
    return all_of(parts) if formula.kind is Kind.ALL else any_of(parts)


@lru_cache(maxsize=65536)
def proven(one: Formula, other: Formula, theory: Theory) -> bool:
    """`implies`, remembered: the same question is asked for many fields and channels."""
    return implies(one, other, theory)
