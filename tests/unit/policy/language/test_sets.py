"""Files of code sets, as they are read."""

from __future__ import annotations

import pytest

from engine.errors import SiteError
from tests.support.cutting import policy, rule


def reading(more: str) -> tuple[str, ...]:
    """The texts of what is wrong with a set of which this is said too."""
    try:
        policy([rule("r", "coverage: any", "PID: [3]")], sets=[f"{{set: heart, {more}}}"])
    except SiteError as error:
        return tuple(problem.text for problem in error.problems)
    return ()


@pytest.mark.parametrize(
    "more",
    [
        "codes: [I10]",
        "system: I10, prefixes: [I20]",
        "system: I10, ranges: [I21-I25]",
        "system: I10, ranges: [I21-I21]",
        "codes: [B20], label: hiv",
        "codes: [I10], source: a committee, version: '2026'",
    ],
)
def test_what_a_set_may_say(more: str) -> None:
    assert reading(more) == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("system: I10", "A code set needs `codes` or `prefixes` or `ranges`."),
        ("codes: [I10], label: heart", "There is no built-in label `heart`."),
        ("codes: [I10], why: x", "A code set has no key `why`."),
        ("ranges: [I25]", "`I25` is not a range of codes."),
    ],
)
def test_what_a_set_may_not_say(more: str, said: str) -> None:
    assert said in reading(more)
