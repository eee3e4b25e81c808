"""Points in time as rules and messages write them, compared as far as both are known.

Law: two timestamps compare at the coarser precision of both; one without a zone is in the engine's
time zone (rules.md §10.17). What is no timestamp is before and after nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

#: Year, month, day, hour, minute, second, microsecond: as many as are known.
Parts = tuple[int, ...]

# HL7 (2.9.1 §2A.2.21 DTM) and ISO 8601, which differ in what may stand between the numbers.
_STAMP = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ]?(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_FROM_NOW = re.compile(r"(?:now)?(?:([+-])(\d{1,6})([dhm]))?", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A fixed point in time (`parts`), or one that moves with now (`from_now`).

    `zone` is the offset in minutes that was written; None: the engine's time zone.
    """

    parts: Parts = ()
    zone: int | None = None
    from_now: timedelta | None = None


def moment_of(text: str) -> Moment | None:
    """`2026-03-01`, `20260301120000`, `2026-03-01T12:00Z`, `now`, `now-30d`, `-12h`."""
    match = _FROM_NOW.fullmatch(text)
    if match is not None and text:
        sign, number, unit = match.groups()
        amount = timedelta(**{_UNITS[unit]: int(sign + number)}) if sign else timedelta()
        return Moment(from_now=amount)
    return stamp_of(text)


def stamp_of(text: str) -> Moment | None:
    """A timestamp that exists, as HL7 or ISO write it; None for any other text."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    *numbers, fraction, zone = match.groups()
    parts = [int(number) for number in numbers if number is not None]
    if fraction is not None:
        parts.append(int((fraction + "000000")[:6]))
    try:
        datetime(*_padded(parts), tzinfo=UTC)
    except ValueError:
        return None
    minutes = _minutes(zone)
    if minutes is not None and abs(minutes) >= 24 * 60:
        return None
    return Moment(tuple(parts), minutes)


def local_parts(moment: Moment, zone: tzinfo, now: datetime) -> Parts:
    """What the clocks of `zone` show at a moment, as far as it is known. `now` is aware."""
    if moment.from_now is not None:
        return _shifted(now.astimezone(zone), moment.from_now)
    parts = moment.parts
    if moment.zone is None or len(parts) < 4:  # a day is that day everywhere
        return parts
    written = datetime(*_padded(list(parts)), tzinfo=timezone(timedelta(minutes=moment.zone)))
    try:
        return _parts(written.astimezone(zone))[: len(parts)]
    except OverflowError:
        return parts


def is_before(one: Parts, other: Parts) -> bool:
    """Whether one is earlier than the other, at the coarser precision."""
    return one[: len(other)] < other[: len(one)]


def _shifted(now: datetime, amount: timedelta) -> Parts:
    try:
        if amount.seconds or not amount.days:
            return _parts((now.astimezone(UTC) + amount).astimezone(now.tzinfo))
        return _parts(now + amount)  # whole days keep the time of day, whatever the clocks did
    except OverflowError:
        return (1,) if amount < timedelta() else (9999, 12, 31)


def _parts(at: datetime) -> Parts:
    return (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)


def _padded(parts: list[int]) -> tuple[int, int, int, int, int, int, int]:
    year, month, day, hour, minute, second, micro = (*parts, *(0, 1, 1, 0, 0, 0, 0)[len(parts) :])
    return year, month, day, hour, minute, second, micro


def _minutes(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if zone[0] == "-" else minutes
