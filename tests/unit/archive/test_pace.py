"""The archiver works a part of the time, and all of it when it is late."""

from __future__ import annotations

import pytest

from engine.archive.pace import (
    LATE_S,
    LONGEST_ERASING_S,
    LONGEST_S,
    SHORTEST_ERASING_S,
    SHORTEST_S,
    erasing_rest_s,
    rest_s,
)


@pytest.mark.parametrize(
    ("took_s", "oldest_s", "expected_s"),
    [
        (0.0, 0.0, SHORTEST_S),
        (0.01, 1.0, SHORTEST_S),
        (0.2, 1.0, 0.6),
        (1.5, 1.0, 4.5),  # a full step under full load
        (5.0, 1.0, LONGEST_S),
        (0.2, LATE_S - 0.1, 0.6),
        (0.2, LATE_S, 0.0),
        (5.0, 3600.0, 0.0),
        (0.01, -5.0, SHORTEST_S),  # the store's clock is ahead of ours
    ],
)
def test_the_rest_after_a_step(took_s: float, oldest_s: float, expected_s: float) -> None:
    assert rest_s(took_s, oldest_s) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("took_s", "expected_s"), [(0.0, SHORTEST_ERASING_S), (0.4, 0.2), (30.0, LONGEST_ERASING_S)]
)
def test_erasing_takes_two_thirds_of_the_time(took_s: float, expected_s: float) -> None:
    assert erasing_rest_s(took_s) == pytest.approx(expected_s)
