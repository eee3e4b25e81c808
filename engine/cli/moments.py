"""Times and days on a command line: as people write them, and as commands print them.

Law: a time without a zone is the site's; nothing else is guessed. Text has times in the site's zone
with its offset, JSON and CSV have them in UTC with Z; a day without a time is the site's. A time
before or after all that can be is the first or the last that can: nothing lies beyond.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.clock import SystemClock
from engine.errors import UsageError

#: A year from either end of what can be told, so that days may be added in any zone.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def moment(text: str, timezone: str, now: datetime) -> datetime:
    """`2026-03-01`, `2026-03-01T12:00`, with or without a zone, or `7d`, `12h` before now."""
    unit = {"d": 86_400, "h": 3600, "m": 60}.get(text[-1:], 0)
    if unit and text[:-1].isdecimal():
        return _ago(now, text[:-1], unit)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    aware = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))
    return min(max(aware, _FIRST), _LAST)


def _ago(now: datetime, number: str, unit: int) -> datetime:
    try:
        return max(now - timedelta(seconds=int(number) * unit), _FIRST)
    except (OverflowError, ValueError):  # more than can be counted, or more digits than are read
        return _FIRST


def day(text: str) -> date:
    """`2026-03-01`."""
    try:
        return min(date.fromisoformat(text), _LAST.date())
    except ValueError:
        raise _no_time(text) from None


def whole_days(
    since: str | None, until: str | None, timezone: str, now: datetime, years: int
) -> tuple[datetime, datetime]:
    """From the beginning of one time to the end of the other; a bare day counts whole."""
    end = now if until is None else moment(until, timezone, now)
    if until is not None and len(until) == len("2026-03-01") and until.count("-") == 2:
        end = datetime.combine(end.date() + timedelta(days=1), time(), end.tzinfo)
    if since is not None:
        return moment(since, timezone, now), end
    before = timedelta(days=366 * years)
    return (end - before if end - _FIRST > before else _FIRST), end


def today(timezone: str) -> date:
    """The site's day."""
    return SystemClock().now().astimezone(ZoneInfo(timezone)).date()


def ms(at: datetime) -> int:
    """Unix milliseconds."""
    return int(at.timestamp() * 1000)


def shown(at: datetime | int, timezone: str) -> str:
    """A time for people: `2026-03-01T07:00:00-05:00`. A number is Unix milliseconds."""
    return _instant(at).astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def shown_day(at: datetime | int, timezone: str) -> str:
    """The day of a time at the site: `2026-03-01`."""
    return _instant(at).astimezone(ZoneInfo(timezone)).date().isoformat()


def utc(at: datetime | int, timespec: str = "seconds") -> str:
    """A time for machines: `2026-03-01T12:00:00Z`."""
    return _instant(at).isoformat(timespec=timespec).replace("+00:00", "Z")


def _instant(at: datetime | int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC) if isinstance(at, int) else at.astimezone(UTC)


def _no_time(text: str) -> UsageError:
    return UsageError(
        "time", f"{text!r} is no time.", "Write 2026-03-01, 2026-03-01T12:00 or 7d (ago)."
    )
