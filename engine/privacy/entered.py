"""What people entered of coverage, as decisions ask for it.

Law: a permit needs the authority, so that a row without it is nobody's (rules.md §10.8).
"""

from __future__ import annotations

from datetime import date

from engine.privacy.facts import Cover, CoverageKey, CoverageRow, Coverages
from engine.privacy.patients import Patient


def snapshots(covers: list[tuple[Patient, Cover]]) -> dict[CoverageKey, tuple[Coverages, ...]]:
    """What people entered, key by key: a snapshot for each identifier that it was entered under.

    A permit needs the authority, so that a row without it is nobody's.
    """
    rows: dict[CoverageKey, dict[Patient, list[Cover]]] = {}
    for patient, cover in covers:
        if patient.authority and cover.patient.authority:
            key = CoverageKey(cover.level, patient.id, patient.authority, cover.number)
            rows.setdefault(key, {}).setdefault(cover.patient, []).append(cover)
    return {
        key: tuple(_snapshot(found) for found in by_origin.values())
        for key, by_origin in rows.items()
    }


def _snapshot(covers: list[Cover]) -> Coverages:
    rows = dict.fromkeys(CoverageRow(one.channel, one.since, one.until) for one in covers)
    settled: dict[tuple[date | None, date | None], None] = {
        (one.since, one.until): None for one in covers if one.settles
    }
    return Coverages(tuple(rows), settled=tuple(settled))
