"""Learned coverage of visits and accounts that have another number from now on.

Law: what was known under the old number is known under the new one, in the same step in which the
event is stored; where two snapshots differ, each channel that either names waits for a person
(standards.md B-12.4). The insurer of one person is never taken for another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.privacy.coverage import CONTESTED, Persons
from engine.privacy.facts import (
    CoverageKey,
    CoverageRow,
    Coverages,
    Item,
    ItemKind,
    Level,
)
from engine.privacy.moves import Move
from engine.privacy.patients import Patient

_LEVELS = {ItemKind.VISIT: Level.VISIT, ItemKind.ACCOUNT: Level.ACCOUNT}


def renumbered_keys(moves: Iterable[Move], persons: Persons = ()) -> tuple[CoverageKey, ...]:
    """What must be known of coverage to carry it over: every old key, every new one.

    `persons`: identifiers that are one person's; what is known under any of them is carried.
    """
    found = [key for sources, targets in _keys(moves, persons) for key in (*sources, *targets)]
    return tuple(dict.fromkeys(found))


def carried_over(
    moves: Iterable[Move],
    known: Mapping[CoverageKey, Coverages],
    persons: Persons = (),
) -> dict[CoverageKey, Coverages]:
    """What the new keys say from now on, where that is something else than before."""
    found: dict[CoverageKey, Coverages] = {}
    for sources, targets in _keys(moves, persons):
        for target in targets:
            before = found.get(target) or known.get(target)
            snapshots = [known[key] for key in sources if key in known]
            after = _together(([before] if before is not None else []) + snapshots)
            if after is not None and after != before:
                found[target] = after
    return found


def _keys(
    moves: Iterable[Move], persons: Persons
) -> Iterator[tuple[list[CoverageKey], list[CoverageKey]]]:
    for move in moves:
        if not move.is_of_one_person:
            continue
        everybody = _everybody((*move.survivors, *move.priors), persons)
        for old, new in move.renumbered:
            sources = [_key(old, one) for one in everybody if one.authority]
            targets = [_key(new, one) for one in move.survivors if one.authority]
            if sources and targets:
                yield [key for key in sources if key not in targets], targets


def _everybody(patients: tuple[Patient, ...], persons: Persons) -> tuple[Patient, ...]:
    found = dict.fromkeys(patients)
    for person in persons:
        if not person.isdisjoint(patients):
            found.update(dict.fromkeys(sorted(person, key=lambda one: (one.id, one.authority))))
    return tuple(found)


def _key(item: Item, patient: Patient) -> CoverageKey:
    return CoverageKey(_LEVELS[item.kind], patient.id, patient.authority, item.number)


def _together(snapshots: list[Coverages]) -> Coverages | None:
    once = list(dict.fromkeys(snapshots))
    if len(once) < 2:
        return once[0] if once else None
    channels = sorted({row.channel for one in once for row in one.rows})
    rows = tuple(CoverageRow(channel, *CONTESTED) for channel in channels)
    return Coverages(rows, any(one.others for one in once))
