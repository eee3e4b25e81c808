"""The days on which a denial counts: all that may be a date of service (rules.md §10.7).

Law: a charge or an observation of several days is of each of them; a planned stay is also of the
day on which it was planned; and what says a date that cannot be read may be of any.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.hl7.wire import Message, Segment
from engine.privacy.coverage import Days, Find, days, default_dates, observed_dates
from engine.privacy.patients import component


def days_denied(message: Message, find: Find) -> tuple[Days, ...]:
    """Every day of one patient's part that a denial may mean, each once; empty: any day."""
    found = [charge_days(message, find, line) for line in find("FT1")]
    found += [order_days(message, find, order) for order in find("OBR")]
    found = found or [_default(message, find)]
    admitted, planned, *told = default_dates(message, find)
    if _is_valued(planned) and not _is_valued(admitted):
        found.append(_first(told))
    known = [one for one in found if one is not None]
    return tuple(dict.fromkeys(known)) if len(known) == len(found) else ()


def charge_days(message: Message, find: Find, line: Segment) -> Days | None:
    """The days of a charge, from FT1-4.1 to FT1-4.2; None: any."""
    if not _is_valued(line.field(4)):
        return _default(message, find)
    return _period(days(line.field(4)), component(message, line.field(4), 2).encode())


def order_days(message: Message, find: Find, order: Segment) -> Days | None:
    """The days of an order's results, from OBR-7 to OBR-8, or of every OBX-14; None: any."""
    if order.id == "OBR" and _is_valued(order.field(7)):
        return _period(days(order.field(7)), order.field(8))
    observed = [days(one) for one in observed_dates(message, order) if _is_valued(one)]
    if not observed:
        return _default(message, find)
    known = [one for one in observed if one is not None]
    if len(known) < len(observed):
        return None
    return min(first for first, _ in known), max(last for _, last in known)


def _period(first: Days | None, end: bytes) -> Days | None:
    """From the first day to the last that `end` may mean, if it says one."""
    if first is None or not _is_valued(end):
        return first
    last = days(end)
    return None if last is None else (min(first[0], last[0]), max(first[1], last[1]))


def _default(message: Message, find: Find) -> Days | None:
    """The days of what has none of its own; None: any."""
    return _first(default_dates(message, find))


def _first(dates: Iterable[bytes]) -> Days | None:
    """The days of the first that says anything; None: any, as it cannot be read."""
    return days(next((one for one in dates if _is_valued(one)), b""))


def _is_valued(value: bytes) -> bool:
    return value.strip() not in (b"", b'""')
