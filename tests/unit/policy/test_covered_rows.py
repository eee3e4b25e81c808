"""What the rows of one snapshot say of one day, whichever order they stand in."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from engine.policy.whose import Answer, _covered
from engine.privacy.facts import CoverageRow, Coverages

JANUARY = (date(2026, 1, 1), date(2026, 1, 31))
ALL_OF_IT = CoverageRow("acme", date(2025, 1, 1), date(2026, 12, 31))
A_PART = CoverageRow("acme", date(2026, 1, 15), None)
BEFORE = CoverageRow("acme", None, date(2025, 12, 31))
CONTESTED = CoverageRow("acme", date.max, date.min)
OTHERS = CoverageRow("beta", None, None)


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ((), None),
        ((OTHERS,), None),
        ((BEFORE,), None),
        ((ALL_OF_IT,), Answer.OWN),
        ((A_PART,), Answer.AMBIGUOUS),
        ((ALL_OF_IT, A_PART), Answer.OWN),
        ((A_PART, BEFORE), Answer.AMBIGUOUS),
        ((CONTESTED,), Answer.AMBIGUOUS),
        ((CONTESTED, ALL_OF_IT), Answer.AMBIGUOUS),
        ((CONTESTED, ALL_OF_IT, A_PART, OTHERS), Answer.AMBIGUOUS),
    ],
)
def test_what_rows_say_together(rows: tuple[CoverageRow, ...], answer: Answer | None) -> None:
    for order in permutations(rows):
        assert _covered(Coverages(order), JANUARY).get("acme") is answer


def test_a_contested_row_is_never_its_own_even_of_days_the_wrong_way_round() -> None:
    backwards = (JANUARY[1], JANUARY[0])
    contested = CoverageRow("acme", JANUARY[1], JANUARY[0])
    assert _covered(Coverages((contested,)), backwards)["acme"] is Answer.AMBIGUOUS
