"""Timestamps: what is one, and how two compare (rules.md §10.17)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.policy.vocabulary.moments import Moment, is_before, local_parts, moment_of, stamp_of

NEW_YORK = ZoneInfo("America/New_York")
#: Three hours after New York's clocks went from 02:00 to 03:00.
NOW = datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "parts", "zone"),
    [
        ("2026", (2026,), None),
        ("202603", (2026, 3), None),
        ("2026-03", (2026, 3), None),
        ("20260301", (2026, 3, 1), None),
        ("2026030112", (2026, 3, 1, 12), None),
        ("202603011259", (2026, 3, 1, 12, 59), None),
        ("20260301125958", (2026, 3, 1, 12, 59, 58), None),
        ("20260301125958.1234", (2026, 3, 1, 12, 59, 58, 123400), None),
        ("202603011259-0500", (2026, 3, 1, 12, 59), -300),
        ("2026-03-01T12:59:58.5+05:30", (2026, 3, 1, 12, 59, 58, 500000), 330),
        ("2026-03-01 12:59Z", (2026, 3, 1, 12, 59), 0),
    ],
)
def test_timestamps(text: str, parts: tuple[int, ...], zone: int | None) -> None:
    assert stamp_of(text) == Moment(parts, zone)


@pytest.mark.parametrize(
    "text",
    [
        *("", "26", "20260", "20261301", "20260230", "2026030124", "202603011260"),
        *("20260301x", "0000", "20260301+9900", "now", "20260301+2400", "٢٠٢٦"),
    ],
)
def test_what_is_no_timestamp(text: str) -> None:
    assert stamp_of(text) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("now", timedelta()),
        ("now-30d", timedelta(days=-30)),
        ("now+1h", timedelta(hours=1)),
        ("-12h", timedelta(hours=-12)),
        ("-15m", timedelta(minutes=-15)),
    ],
)
def test_moments_that_move_with_now(text: str, amount: timedelta) -> None:
    assert moment_of(text) == Moment(from_now=amount)


@pytest.mark.parametrize("text", ["", "now-", "now-1", "now-1w", "30d", "now 1d", "-1s"])
def test_what_is_no_moment(text: str) -> None:
    assert moment_of(text) is None


def test_hours_are_hours_and_days_are_days() -> None:
    """Whole days keep the time of day over the change of the clocks; hours do not."""
    day = local_parts(Moment(from_now=timedelta(days=-1)), NEW_YORK, NOW)
    hours = local_parts(Moment(from_now=timedelta(hours=-24)), NEW_YORK, NOW)
    assert day[:4] == (2026, 3, 7, 6)
    assert hours[:4] == (2026, 3, 7, 6)
    short = local_parts(Moment(from_now=timedelta(hours=-4)), NEW_YORK, NOW)
    assert short[:4] == (2026, 3, 8, 1)


def test_a_zone_is_turned_into_the_engines() -> None:
    assert local_parts(Moment((2026, 3, 1, 2, 30), 0), NEW_YORK, NOW) == (2026, 2, 28, 21, 30)
    assert local_parts(Moment((2026, 3, 1), 0), NEW_YORK, NOW) == (2026, 3, 1)
    assert local_parts(Moment((2026, 3, 1, 2)), NEW_YORK, NOW) == (2026, 3, 1, 2)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((2026,), (2026, 3), False),
        ((2026, 3), (2026,), False),
        ((2025,), (2026, 3, 1), True),
        ((2026, 3, 1, 11), (2026, 3, 1, 12, 30), True),
        ((2026, 3, 1, 12), (2026, 3, 1, 12, 30), False),
    ],
)
def test_two_compare_at_the_coarser_precision(
    one: tuple[int, ...], other: tuple[int, ...], expected: bool
) -> None:
    assert is_before(one, other) is expected


@pytest.mark.parametrize("text", ["now-999999d", "now+999999d", "00010101000000+2359"])
def test_the_ends_of_time_are_no_fault(text: str) -> None:
    moment = moment_of(text)
    assert moment is not None
    assert len(local_parts(moment, NEW_YORK, NOW)) >= 1
