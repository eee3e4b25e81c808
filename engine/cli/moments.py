"""Times and days as people write them on a command line.

Law: a time without a zone is the site's; nothing else is guessed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.errors import UsageError


def moment(text: str, timezone: str, now: datetime) -> datetime:
    """`2026-03-01`, `2026-03-01T12:00`, with or without a zone, or `7d`, `12h` before now."""
    unit = {"d": 86_400, "h": 3600, "m": 60}.get(text[-1:], 0)
    if unit and text[:-1].isdecimal():
        return now - timedelta(seconds=int(text[:-1]) * unit)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))


def day(text: str) -> date:
    """`2026-03-01`."""
    try:
        return date.fromisoformat(text)
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
    return end - timedelta(days=366 * years), end


def ms(at: datetime) -> int:
    """Unix milliseconds."""
    return int(at.timestamp() * 1000)


def shown(at_ms: int, timezone: str = "UTC") -> str:
    """A time for a table."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(timezone))
    return at.isoformat(timespec="seconds")


def _no_time(text: str) -> UsageError:
    return UsageError(
        "time", f"{text!r} is no time.", "Write 2026-03-01, 2026-03-01T12:00 or 7d (ago)."
    )
