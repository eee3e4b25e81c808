"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.cli.moments import day, moment, ms, shown, shown_day, utc, whole_days
from engine.errors import UsageError

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONE = "America/New_York"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-03-01T05:00:00+00:00"),
        ("2026-03-01T12:00", "2026-03-01T17:00:00+00:00"),
        ("2026-03-01T12:00+00:00", "2026-03-01T12:00:00+00:00"),
        ("7d", "2026-03-03T12:00:00+00:00"),
        ("90m", "2026-03-10T10:30:00+00:00"),
    ],
)
def test_a_time_is_the_sites_or_so_long_ago(text: str, expected: str) -> None:
    assert moment(text, ZONE, NOW).astimezone(UTC).isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "-7d", "7y", "2026-13-01", "2026-3-1", "d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text, ZONE, NOW)
    with pytest.raises(UsageError):
        day(text)


def test_a_bare_last_day_counts_whole() -> None:
    since, until = whole_days("2026-03-01", "2026-03-02", ZONE, NOW, 6)
    assert (since.day, until.day, until.hour) == (1, 3, 0)
    since, until = whole_days(None, None, ZONE, NOW, 6)
    assert until == NOW
    assert since.year == 2020


def test_a_day_is_read() -> None:
    assert day("2026-11-24") == date(2026, 11, 24)


@pytest.mark.parametrize("at", [NOW, NOW.astimezone(ZoneInfo(ZONE)), 1_773_144_000_000])
def test_people_see_the_time_of_the_site_and_machines_utc(at: datetime | int) -> None:
    assert shown(at, ZONE) == "2026-03-10T08:00:00-04:00"
    assert utc(at) == "2026-03-10T12:00:00Z"
    assert utc(at, "milliseconds") == "2026-03-10T12:00:00.000Z"


def test_the_day_of_a_time_is_the_sites() -> None:
    assert shown(0, ZONE) == "1969-12-31T19:00:00-05:00"
    assert shown_day(0, ZONE) == "1969-12-31"
    assert shown_day(0, "Europe/Berlin") == "1970-01-01"


@pytest.mark.parametrize("zone", [ZONE, "UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "9999-12-31",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "99999999999d",
        "9" * 5000 + "d",
    ],
)
def test_a_time_beyond_all_that_can_be_told_counts_as_the_last(text: str, zone: str) -> None:
    since, until = whole_days(text, text, zone, NOW, 6)
    assert not text.startswith("9999-") or since > NOW
    assert shown(ms(since), zone)
    assert shown(ms(until), zone)
    assert utc(moment(text, zone, NOW))
    whole_days(None, text, zone, NOW, 6)


def test_a_day_beyond_all_that_can_be_told_counts_as_the_last() -> None:
    assert day("9999-12-31") + timedelta(days=60) > day("2026-03-01")
