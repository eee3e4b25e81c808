"""One person under several identifiers: what is held of each counts for all of them.

Law: a denial of any of one person's identifiers is a denial of all; a permit counts only where
every record that was joined permits the same, until a person has confirmed that they are one
person's (standards.md B-12.2). Nothing is rewritten by it: each entry stands under the identifier
under which it was made, so that a link that is parted leaves each record what was its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import NamedTuple, TypeVar

from engine.privacy.acts import Verb
from engine.privacy.confidential import Confidential
from engine.privacy.entered import snapshots
from engine.privacy.entries import Entry
from engine.privacy.facts import (
    ConsentKind,
    Cover,
    CoverageKey,
    Coverages,
    Restriction,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.held import Held
from engine.privacy.links import Link
from engine.privacy.patients import Patient, may_be_any
from engine.privacy.separate import covered_labels
from engine.privacy.standing import IN_FORCE, Standing

#: How many ways of permitting the same are put together; above it nothing is permitted.
MOST_PERMITS = 256

_Kept = TypeVar("_Kept", Entry, Link)
_Fact = TypeVar("_Fact", SignedConsent, Restriction, Sensitivity)


@dataclass(frozen=True, slots=True)
class Person:
    """The identifiers that are one person's, as far as is known.

    `records` are those that were one record before; `is_undecided`: a person must say whether they
    are one person's.
    """

    members: frozenset[Patient]
    records: tuple[frozenset[Patient], ...]
    is_undecided: bool = False

    def has(self, patient: Patient) -> bool:
        """Whether a denial of this patient is one of the person."""
        return may_be_any(patient, self.members)


class Rights(NamedTuple):
    """What is held of some identifiers, as decisions use it."""

    consents: tuple[SignedConsent, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    lifted: frozenset[Restriction] = frozenset()
    entered: dict[CoverageKey, tuple[Coverages, ...]] = {}  # noqa: RUF012 - never written
    persons: tuple[frozenset[Patient], ...] = ()
    undecided: frozenset[Patient] = frozenset()
    confidential: tuple[Confidential, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()


def persons_in(held: Iterable[Held]) -> tuple[Person, ...]:
    """Who is one person, by all links that bind."""
    links = [link for link in newest_links(held) if link.binds]
    found = []
    for members in _joined([frozenset(link.members) for link in links], loosely=True):
        own = [link for link in links if members.issuperset(link.members)]
        sides = [frozenset(side) for link in own for side in (link.survivors, link.priors)]
        sure = [frozenset(link.members) for link in own if is_sure(link)]
        undecided = any(link.state is Verb.QUESTIONED for link in own)
        found.append(Person(members, tuple(_joined([*sides, *sure], loosely=False)), undecided))
    return tuple(found)


def own(held: Held, patient: str) -> Held:
    """What counts for an identifier, of what stands under it.

    Records that were parted keep each other's entries as they were then, for the history alone.
    """
    everyone = all_of((Patient(patient),), persons_in([held]))
    entries = [entry for entry in held.entries if may_be_any(entry.fact.patient, everyone)]
    return replace(held, entries=tuple(entries))


def is_sure(link: Link) -> bool:
    """Whether a permit of one record is one of the other, too."""
    return link.state is Verb.CONFIRMED


def newest_links(held: Iterable[Held]) -> list[Link]:
    """Each link once, with its longest history."""
    return _newest(link for one in held for link in one.links)


def newest_entries(held: Iterable[Held]) -> list[Entry]:
    """Each entry once, with its longest history."""
    return _newest(entry for one in held for entry in one.entries)


def _newest(found: Iterable[_Kept]) -> list[_Kept]:
    newest: dict[str, _Kept] = {}
    for one in found:
        known = newest.get(one.id)
        if known is None or len(known.history) < len(one.history):
            newest[one.id] = one
    return list(newest.values())


def rights_of(held: Sequence[Held], now: datetime) -> Rights:
    """What a decision at `now` knows of everybody of whom this is held."""
    if not held:
        return Rights()
    entries = [_named(entry) for entry in newest_entries(held)]
    persons = persons_in(held)
    consents: list[SignedConsent] = []
    covers: list[tuple[Patient, Cover]] = []
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, SignedConsent):
            if fact.kind is ConsentKind.REFUSAL or _is_past(fact, now):
                consents += _of_all(fact, persons)
            elif not _needs_others(persons, fact):
                consents.append(fact)
        elif isinstance(fact, Cover) and not entry.is_over:
            covers += [(one, fact) for one in everybody(persons, fact.patient)]
    for person in persons:
        consents += _permits(person, entries, now)
    return Rights(
        tuple(dict.fromkeys(consents)),
        tuple(_restrictions(entries, persons)),
        frozenset(_lifted(entries, persons)),
        snapshots(covers),
        tuple(person.members for person in persons),
        frozenset(one for person in persons if person.is_undecided for one in person.members),
        tuple(_confidential(persons, entries)),
        tuple(_sensitivities(entries, persons)),
    )


def _named(entry: Entry) -> Entry:
    """The entry, its consent saying of which entry it is."""
    fact = entry.fact
    if not isinstance(fact, SignedConsent):
        return entry
    return replace(entry, fact=replace(fact, id=entry.id))


def _restrictions(entries: Iterable[Entry], persons: Iterable[Person]) -> Iterator[Restriction]:
    """As they stand."""
    for entry in entries:
        stated = entry.stated
        if isinstance(stated, Restriction) and not entry.is_over:
            yield from _of_all(stated, persons)


def _lifted(entries: Iterable[Entry], persons: Iterable[Person]) -> Iterator[Restriction]:
    """What no message brings back: people ended it, or have to say whether it was paid."""
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, Restriction) and entry.standing not in IN_FORCE | {Standing.REQUESTED}:
            yield from _of_all(fact, persons)


def _sensitivities(entries: Iterable[Entry], persons: Iterable[Person]) -> Iterator[Sensitivity]:
    """A label of one record is one of all."""
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, Sensitivity) and not entry.is_over:
            yield from _of_all(fact, persons)


def _of_all(fact: _Fact, persons: Iterable[Person]) -> list[_Fact]:
    """The same of everybody whom it may be of."""
    return [replace(fact, patient=one) for one in everybody(persons, fact.patient)]


def everybody(persons: Iterable[Person], patient: Patient) -> list[Patient]:
    """This identifier and all others of whoever it may be, each once."""
    found = {patient: None}
    for person in persons:
        if person.has(patient):
            found.update(dict.fromkeys(sorted(person.members, key=_order)))
    return list(found)


def all_of(patients: Iterable[Patient], persons: Iterable[Person]) -> tuple[Patient, ...]:
    """These, and everybody who is one person with any of them, each once."""
    persons = tuple(persons)
    return tuple(dict.fromkeys(one for who in patients for one in everybody(persons, who)))


def _needs_others(persons: Iterable[Person], consent: SignedConsent) -> bool:
    """Whether it permits nothing by itself: another record of the person must permit it, too."""
    return any(person.has(consent.patient) and len(person.records) > 1 for person in persons)


def _confidential(persons: tuple[Person, ...], entries: Iterable[Entry]) -> Iterator[Confidential]:
    """Of all members; what goes instead only of those who are certainly one with whom it is of."""
    for entry in entries:
        fact = entry.fact
        if entry.is_over or not isinstance(fact, Confidential):
            continue
        for one in everybody(persons, fact.patient):
            records = (record for person in persons for record in person.records)
            is_sure = one == fact.patient or any({one, fact.patient} <= some for some in records)
            yield fact.known_as(one, is_sure=is_sure)


def _is_past(consent: SignedConsent, now: datetime) -> bool:
    """Whether it never permits any more; it is told of all the same, as the reason why."""
    return any(end is not None and end <= now for end in (consent.ends, consent.revoked))


# --- permits ------------------------------------------------------------------------------------


def _permits(person: Person, entries: list[Entry], now: datetime) -> list[SignedConsent]:
    """What all records of a person permit, for each of the identifiers."""
    sides: list[list[SignedConsent]] = []
    for record in person.records:
        facts = (entry.fact for entry in entries)
        sides.append(
            [
                fact
                for fact in facts
                if isinstance(fact, SignedConsent)
                and fact.kind is not ConsentKind.REFUSAL
                and fact.patient in record
                and not _is_past(fact, now)
            ]
        )
    number = 1
    for side in sides:
        number *= len(side)
    if not 0 < number <= MOST_PERMITS:
        return []
    common = {_common(chosen): None for chosen in product(*sides)}
    return [
        replace(consent, patient=member)
        for consent in common
        if consent is not None
        for member in sorted(person.members, key=_order)
    ]


def _common(consents: Sequence[SignedConsent]) -> SignedConsent | None:
    """What several consents of one kind permit together; None: nothing."""
    found = consents[0]
    for other in consents[1:]:
        purposes = _both(found.purposes, other.purposes)
        channels = _both(found.channels, other.channels)
        if other.kind is not found.kind or frozenset() in (purposes, channels):
            return None
        found = replace(
            found,
            purposes=purposes,
            channels=channels,
            labels=covered_labels(found) & covered_labels(other),
            begins=max(filter(None, (found.begins, other.begins)), default=None),
            ends=min(filter(None, (found.ends, other.ends)), default=None),
            revoked=min(filter(None, (found.revoked, other.revoked)), default=None),
            is_verbal=found.is_verbal or other.is_verbal,
            signed_by=found.signed_by if found.signed_by is other.signed_by else None,
        )
    return found


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


# --- who is one ---------------------------------------------------------------------------------


def _joined(groups: list[frozenset[Patient]], *, loosely: bool) -> list[frozenset[Patient]]:
    """Groups that share anybody made one; `loosely`: also who may be the same."""
    found: list[frozenset[Patient]] = []
    for group in groups:
        shares = [_share(group, other, loosely=loosely) for other in found]
        others = [other for other, is_shared in zip(found, shares, strict=True) if is_shared]
        apart = [other for other, is_shared in zip(found, shares, strict=True) if not is_shared]
        found = [*apart, group.union(*others)]
    return found


def _share(one: frozenset[Patient], other: frozenset[Patient], *, loosely: bool) -> bool:
    if not loosely:
        return not one.isdisjoint(other)
    return any(may_be_any(a, other) for a in one)


def _order(patient: Patient) -> tuple[str, str]:
    return patient.id, patient.authority
