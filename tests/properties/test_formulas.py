"""`implies` proves what a truth table shows, and never more."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from engine.policy.meaning.formulas import (
    FALSE,
    TRUE,
    Formula,
    Kind,
    all_of,
    any_of,
    implies,
    leaf,
    no,
)


class Apart:
    """Nothing follows from anything, but `b` from `a`, and `c` excludes `d`."""

    def entails(self, one: Hashable, other: Hashable) -> bool:
        return (one, other) == ("a", "b")

    def excludes(self, one: Hashable, other: Hashable) -> bool:
        return (one, other) == ("c", "d")


NAMES = "abcde"
FORMULAS = st.recursive(
    st.sampled_from([TRUE, FALSE, *map(leaf, NAMES)]),
    lambda inner: st.one_of(
        inner.map(no),
        st.lists(inner, max_size=3).map(all_of),
        st.lists(inner, max_size=3).map(any_of),
    ),
    max_leaves=12,
)


def holds(formula: Formula, case: dict[Hashable, bool]) -> bool:
    if formula.kind is Kind.LEAF:
        return case[formula.statement]
    parts = [holds(part, case) for part in formula.parts]
    if formula.kind is Kind.NOT:
        return not parts[0]
    return all(parts) if formula.kind is Kind.ALL else any(parts)


def allowed(case: dict[Hashable, bool]) -> bool:
    """Whether the theory allows the case."""
    return (case["b"] or not case["a"]) and not (case["c"] and case["d"])


EVERY: list[dict[Hashable, bool]] = [
    {**dict(zip(NAMES, values, strict=True))}
    for values in product((True, False), repeat=len(NAMES))
]
CASES = [case for case in EVERY if allowed(case)]


@given(FORMULAS, FORMULAS)
def test_implies_is_what_a_truth_table_shows(one: Formula, other: Formula) -> None:
    shown = all(holds(other, case) for case in CASES if holds(one, case))
    assert implies(one, other, Apart()) is shown


def crowded(guests: int) -> Formula:
    """Each guest has a room, no two share one, and there is a room less than guests."""
    room = {(one, at): leaf(f"{one}{at}") for one in range(guests) for at in range(guests - 1)}
    housed = (any_of(room[one, at] for at in range(guests - 1)) for one in range(guests))
    apart = (
        no(all_of((room[one, at], room[other, at]))) for one, at in room for other in range(one)
    )
    return all_of((*housed, *apart))


def test_what_takes_too_many_cases_is_not_proven() -> None:
    """Nobody can be housed so, which five guests show in some fifty cases."""
    assert not implies(crowded(5), FALSE, Apart(), most_cases=11)
    assert implies(crowded(5), FALSE, Apart())
