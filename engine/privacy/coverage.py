"""Coverage: what a message asks of the registry, and what it teaches it.

Law: a permit matches a patient by identifier *and* authority, so that a key without either is no
key. The narrowest level that knows anything on the date of service decides alone: visit (PV1-19),
account (PID-18), then patient (rules.md §4 "Coverage", §10.6 to §10.8).
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache, partial
from typing import Protocol

from engine.hl7.groups import meant
from engine.hl7.wire import Message, Segment
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Level
from engine.privacy.patients import Patient, component, patients_in

#: Messages that teach the registry (rules.md §4 "Coverage").
TEACHING = frozenset({"ADT", "BAR", "DFT"})

#: Events of a stay that is planned: pre-admission and pending admission, and what cancels them. The
#: service is the stay, on the day on which the patient is expected (PV2-8; HL7 v2.5.1, 3.3.5,
#: 3.3.14, 3.4.1.3).
_PLANNING = frozenset({"A05", "A14", "A27", "A38"})

#: A period that contains no day: insurance was named that two payers claim, or its dates cannot
#: be read, so that a person must look before anything is sent on the strength of it.
CONTESTED = (date.max, date.min)

_NARROWEST_FIRST = {level: place for place, level in enumerate(Level)}

#: First and last day that a timestamp may mean; it may name a month or a year only.
Days = tuple[date, date]

#: Identifiers that are one person's, for each person of whom there are several.
Persons = Iterable[frozenset[Patient]]

#: Finds all occurrences of a segment in one patient's part of a message.
Find = Callable[[str], list[Segment]]

#: For each IN1: its index, the channels that claim it, and whether those exclude each other.
Identify = Callable[[Message], Iterable[tuple[int, frozenset[str], bool]]]


class AsksCoverage(Protocol):
    """What is asked of a compiled policy here."""

    def asks_coverage(self, message: Message) -> bool:
        """Whether any channel's rule for messages of this type asks coverage."""


def needs_coverage(message: Message, policy: AsksCoverage) -> bool:
    """Whether the registry must be asked before this message is decided.

    Of several patients each answers for itself: the insurance of one says nothing of the others.
    """
    is_told = bool(message.all("IN1")) and len(message.all("PID")) <= 1
    return not is_told and policy.asks_coverage(message)


def coverage_keys(message: Message, persons: Persons = ()) -> tuple[CoverageKey, ...]:
    """What the registry may know this message's coverage by, the narrowest level first."""
    if len(message.all("PID")) == 1 and not persons:
        return tuple(dict.fromkeys([key for level in message.once(levels) for key in level]))
    keys = [
        key
        for find in _patients(message)
        for level in keys_by_level(message, find, persons)
        for key in level
    ]
    keys.sort(key=lambda key: _NARROWEST_FIRST[key.level])
    return tuple(dict.fromkeys(keys))


def levels(message: Message) -> tuple[tuple[CoverageKey, ...], ...]:
    """`keys_by_level` of a message that is about one patient; ask it by `message.once`."""
    return tuple(keys_by_level(message, message.all))


def keys_by_level(
    message: Message, find: Find, persons: Persons = ()
) -> Iterator[tuple[CoverageKey, ...]]:
    """The keys of one patient's part, level by level, the narrowest first.

    Also those of the other identifiers that are the patient's, after merges (`Facts.persons`).
    """
    pids, visits = find("PID"), find("PV1")
    if not pids:
        return
    pid = pids[0]
    # A permit needs the authority too.
    patients = [one for one in patients_in(message, pid.field(3)) if one.authority]
    for person in persons:
        if not person.isdisjoint(patients):
            patients += sorted(
                (one for one in person.difference(patients) if one.authority),
                key=lambda one: (one.id, one.authority),
            )
    visit = component(message, visits[0].field(19), 1) if visits else ""
    if visit:
        yield _keys(Level.VISIT, patients, visit)
    account = component(message, pid.field(18), 1)
    if account:
        yield _keys(Level.ACCOUNT, patients, account)
    yield _keys(Level.PATIENT, patients, "")


def _keys(level: Level, patients: list[Patient], number: str) -> tuple[CoverageKey, ...]:
    return tuple([CoverageKey(level, one.id, one.authority, number) for one in patients])


def service_days(message: Message, find: Find) -> tuple[Days, ...]:
    """The dates of service of one patient's part (rules.md §10.7), each once; empty: unknown."""
    found = [days(line.field(4)) for line in find("FT1")]
    found += [days(order.field(7)) or observed_days(message, order) for order in find("OBR")]
    if None in found or not found:
        default = default_days(message, find)
        found = [one or default for one in found] or [default]
    return tuple(dict.fromkeys([one for one in found if one is not None]))


@lru_cache(maxsize=4096)
def days(value: bytes) -> Days | None:
    """The days that an HL7 timestamp may mean: `20260131…`, `202601`, `2026`; None: not one."""
    digits = value[:8]
    if len(value) > 4 and not value[4:6].isdigit():
        digits = value[:4]
    elif len(value) > 6 and not value[6:8].isdigit():
        digits = value[:6]
    if not digits.isdigit() or len(digits) not in (4, 6, 8):
        return None
    year, month, day = int(digits[:4]), int(digits[4:6] or 0), int(digits[6:8] or 0)
    try:
        if day:
            return (date(year, month, day), date(year, month, day))
        if month:
            return (date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
        return (date(year, 1, 1), date(year, 12, 31)) if len(digits) == 4 else None
    except ValueError:
        return None


def learn(message: Message, identify: Identify) -> tuple[tuple[CoverageKey, Coverages], ...]:
    """What a message teaches the registry: the snapshot of its insurance, by every key.

    The snapshot is known by the visit and the account that the message names, or by the patient
    alone where it names neither. It replaces what was known under those keys.
    """
    insurance = message.all("IN1")
    if not insurance or len(message.all("PID")) != 1:
        return ()
    if any(meant(line) in ("PID", "IN1") for line in message.all("")):
        return ()  # of whom, or which, cannot be read
    if not message.charset.divides(message.raw):
        return ()  # nor is it certain which bytes are delimiters
    if component(message, message.msh.field(9), 1) not in TEACHING:
        return ()
    rows: list[CoverageRow] = []
    others = False
    for index, channels, contested in identify(message):
        others = others or not channels
        since, until = CONTESTED if contested else _period(message.segment(index))
        rows += [CoverageRow(channel, since, until) for channel in sorted(channels)]
    snapshot = Coverages(tuple(dict.fromkeys(rows)), others)
    keys = [key for level in message.once(levels) for key in level]
    narrow = [key for key in keys if key.level is not Level.PATIENT]
    return tuple((key, snapshot) for key in narrow or keys)


def readable_period(insurance: Segment) -> tuple[date | None, date | None]:
    """IN1-12 and IN1-13, both inclusive; None is open, or cannot be read."""
    first, last = days(insurance.field(12)), days(insurance.field(13))
    return (first and first[0], last and last[1])


def _period(insurance: Segment) -> tuple[date | None, date | None]:
    """The same; `CONTESTED` where either cannot be read."""
    found = readable_period(insurance)
    read = zip((insurance.field(12), insurance.field(13)), found, strict=True)
    return CONTESTED if any(_is_valued(value) and day is None for value, day in read) else found


def _is_valued(value: bytes) -> bool:
    return value not in (b"", b'""')


def default_days(message: Message, find: Find) -> Days | None:
    """The date of service of what has none of its own."""
    return _first_days(default_dates(message, find))


def default_dates(message: Message, find: Find) -> tuple[bytes, ...]:
    """What may say the date of service of what has none of its own; the first counts.

    When the patient was admitted (PV1-44); when the patient is expected, where the message says
    that a stay is planned, or no longer (PV2-8); when what it tells came about, or was recorded
    (EVN-6, EVN-2); when it was made.
    """
    kind = message.msh.field(9)
    is_planning = component(message, kind, 2) in _PLANNING and component(message, kind, 1) == "ADT"
    return (
        _field(find, "PV1", 44),
        _field(find, "PV2", 8) if is_planning else b"",
        _field(find, "EVN", 6),
        _field(find, "EVN", 2),
        message.msh.field(7),
    )


def _field(find: Find, segment_id: str, number: int) -> bytes:
    segments = find(segment_id)
    return segments[0].field(number) if segments else b""


def observed_days(message: Message, order: Segment) -> Days | None:
    """The first OBX-14 of an order."""
    return _first_days(observed_dates(message, order))


def observed_dates(message: Message, order: Segment) -> Iterator[bytes]:
    """Each OBX-14 of an order."""
    for segment in message.segments[order.index + 1 :]:
        if segment.id in ("OBR", "ORC", "PID", "FT1"):
            break
        if segment.id == "OBX":
            yield segment.field(14)


def _first_days(dates: Iterable[bytes]) -> Days | None:
    """Of the first that can be read."""
    return next((found for date_ in dates if (found := days(date_)) is not None), None)


def _patients(message: Message) -> list[Find]:
    """The segments of each patient, from one PID to the next."""
    pids = message.all("PID")
    if not pids:
        return []
    starts = [segment.index for segment in pids]
    ends = [*starts[1:], len(message.segments)]
    return [
        partial(_find, message.segments[start:end]) for start, end in zip(starts, ends, strict=True)
    ]


def _find(segments: tuple[Segment, ...], segment_id: str) -> list[Segment]:
    return [segment for segment in segments if segment.id == segment_id]
