"""Whom a breach concerns and what is due when (45 CFR 164.400 to 164.414). Pure.

Law: never too few are counted: whoever cannot be told apart for certain counts as another person,
and who lives nowhere that is known is told as that. Dates are the last on which a duty can be met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.archive.entries import Entry, act

#: Days to notify after discovery (164.404(b)), and after the year's end for few (164.408(c)).
NOTICE_DAYS = 60

#: HHS is told at once from so many persons in all on (164.408(b)).
HHS_AT_ONCE = 500

#: The media are told above so many residents of one state (164.406(a)).
MEDIA_ABOVE = 500

UNKNOWN = "unknown"

#: The kind of a row that names a disclosure a breach, or impermissible.
IMPERMISSIBLE = "impermissible"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The last days. `media`: the states in which the media must be told."""

    individuals: date
    hhs: date
    hhs_at_once: bool
    media: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """Who is concerned by a set of disclosures."""

    disclosures: int
    uncertain: int
    persons: int
    by_state: Mapping[str, int]
    answers: Mapping[str, int]
    possible_duplicates: int
    impermissible: int


def affected(rows: Iterable[Mapping[str, Any]]) -> Affected:
    """Count ledger rows of disclosures."""
    persons: dict[object, str] = {}
    answers: Counter[str] = Counter()
    total = uncertain = duplicates = bad = 0
    for row in rows:
        total += 1
        uncertain += row.get("disclosed") != "yes"
        duplicates += bool(row.get("possible_duplicate"))
        bad += bool(row.get("impermissible"))
        answers[str(row.get("ack") or "none")] += 1
        states = row.get("states", [])
        state = states[0] if len(states) == 1 else UNKNOWN
        several = max(1, len(row.get("who", ())))
        for number in range(several):
            key = (frozenset(row.get("patients", ())) or row["seq"], number)
            if persons.get(key, UNKNOWN) == UNKNOWN:
                persons[key] = state
    by_state = Counter(persons.values())
    ordered = dict(sorted(by_state.items(), key=lambda one: (-one[1], one[0])))
    return Affected(total, uncertain, len(persons), ordered, dict(answers), duplicates, bad)


def mark(
    row: Mapping[str, Any], at: datetime, by: str, reason: str, discovered: date | None = None
) -> Entry:
    """The row that names the disclosure `row` impermissible: accountable from then on.

    It was no permitted use, so that no exemption of 164.528(a)(1) covers it, whatever its rule
    said. It is a row of the same patients, so that their accounting finds it. `at` is aware.
    """
    members: dict[str, object] = {"of": row["seq"], "patients": tuple(row.get("patients", ()))}
    if discovered is not None:
        members["discovered"] = discovered.isoformat()
    said = {"receipt": row["receipt"], "channel": row["channel"], **members}
    return act(IMPERMISSIBLE, at, by, reason, **said)


def named(
    rows: Iterable[Mapping[str, Any]], marks: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The disclosures `rows`, with what `marks` say of them."""
    of = {one["of"] for one in marks}
    bad = {"impermissible": True, "accountable": True}
    return [{**row, **(bad if row["seq"] in of else {})} for row in rows]


def deadlines(discovered: date, persons: int, by_state: Mapping[str, int]) -> Deadlines:
    """When whom must be told, at the latest, of a breach discovered on that day."""
    individuals = discovered + timedelta(days=NOTICE_DAYS)
    at_once = persons >= HHS_AT_ONCE
    year_end = date(discovered.year, 12, 31)
    media = tuple(
        state for state, number in by_state.items() if number > MEDIA_ABOVE and state != UNKNOWN
    )
    hhs = individuals if at_once else year_end + timedelta(days=NOTICE_DAYS)
    return Deadlines(individuals, hhs, at_once, media)
