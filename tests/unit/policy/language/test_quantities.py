"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest

from engine.policy.language.mistakes import close_to
from engine.policy.language.quantities import LONGEST_S, bytes_in, seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5s", 1.5), ("2m", 120.0), ("1h", 3600.0), ("2d", 172800.0), ("5", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert seconds_in(text) == seconds


def test_ten_years_are_the_longest() -> None:
    assert seconds_in("3650d") == LONGEST_S


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1B", 1),
        ("3KiB", 3072),
        ("2MiB", 2097152),
        ("1GiB", 1073741824),
        ("1MB", None),
        ("9", None),
    ],
)
def test_sizes(text: str, size_bytes: int | None) -> None:
    assert bytes_in(text) == size_bytes


def test_a_name_that_begins_alike_is_nearer_than_one_that_does_not() -> None:
    assert close_to("bata", ["beta", "data"]) == "Did you mean `beta`?"
    assert close_to("data", ["beta", "zzzz"]) == ""
