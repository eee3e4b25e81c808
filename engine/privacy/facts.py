"""The facts a decision rests on, besides the message: values only.

Law: a permit matches a patient by identifier *and* authority; nothing known means nothing known,
and a decision that needed it holds (rules.md §10.6, §10.8). `FactsUnavailable` is for a registry
that does not answer; it is not the same as empty facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How closely a coverage row is tied to the service; the narrowest that knows decides.

    Narrowest first.
    """

    VISIT = "visit"  # PV1-19.1
    ACCOUNT = "account"  # PID-18.1
    PATIENT = "patient"  # neither was named


class CoverageKey(NamedTuple):
    """What a coverage is known by: the level's number, and always whose it is.

    `patient` and `authority` are PID-3.1 and PID-3.4.1; `number` is empty at patient level. A
    tuple, since every message makes and looks up several.
    """

    level: Level
    patient: str
    authority: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A channel covers the patient from `since` to `until`, both inclusive; None is open."""

    channel: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Coverages:
    """All that is known under one key: the last snapshot that a message gave.

    `others` says that insurance was named which belongs to no channel, so that an empty `rows`
    means "covered by somebody else", not "unknown".
    """

    rows: tuple[CoverageRow, ...] = ()
    others: bool = False


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An earlier disclosure that a cancel may follow."""

    channel: str
    visit: str = ""
    control_id: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at `now` (aware). `available` False: the registry does not answer."""

    now: datetime
    coverages: Mapping[CoverageKey, Coverages] = field(default_factory=dict)
    disclosed: frozenset[Disclosed] = frozenset()
    available: bool = True
