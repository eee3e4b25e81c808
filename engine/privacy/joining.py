"""What becomes of the registry's entries when records are joined, parted or renumbered. Pure.

Law: denials are united, in the same step in which the event is stored; nothing that was held is
taken out (standards.md B-12.1, B-12.2, B-12.6, B-12.8). What is held of one person stands under
each of the identifiers, so that whoever looks one up finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.privacy.acts import Act, History, Verb
from engine.privacy.aliases import Alias, Denial, Number, chain, numbers_in, together
from engine.privacy.confidential import Confidential
from engine.privacy.entries import Entry
from engine.privacy.facts import ConsentKind, Cover, Item, ItemKind, Level
from engine.privacy.following import followed, subordinates
from engine.privacy.held import Held
from engine.privacy.links import Link, Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient, may_be_any
from engine.privacy.persons import all_of, newest_entries, newest_links, persons_in
from engine.privacy.sorts import Fact

#: What is held, by identifier (PID-3.1); of whom nothing is, `Held()`.
Records = Mapping[str, Held]

#: Makes an entry's id from its fact: keyed, so that nobody can guess at the fact.
Identify = Callable[[Fact], str]

#: Makes a link's id from who is linked, whichever of them goes on.
IdentifyLink = Callable[[Iterable[Patient]], str]

_LEVELS = {ItemKind.VISIT: Level.VISIT, ItemKind.ACCOUNT: Level.ACCOUNT}


def ids_named(records: Iterable[Held]) -> set[str]:
    """All identifiers that are one person's with those of whom this is held.

    A link that was parted leads nowhere: both of its sides know that it is.
    """
    return {one.id for link in newest_links(records) if link.binds for one in link.members}


def ids_concerned(records: Iterable[Held], numbers: Iterable[Number]) -> set[str]:
    """All identifiers whose entries follow from what is said of these visits and accounts."""
    return {patient.id for alias in _chain(records, numbers) for patient in alias.patients}


def _chain(records: Iterable[Held], numbers: Iterable[Number]) -> tuple[Alias, ...]:
    """Of all that is held of numbers and owners, what leads on from these."""
    return chain((alias for one in records for alias in one.aliases), numbers)


def spread(records: Records) -> dict[str, Held]:
    """With everything that is held of a person under each of the identifiers."""
    found = dict(records)
    for person in persons_in(records.values()):
        ids = sorted({one.id for one in person.members} & found.keys())
        own = [found[id_] for id_ in ids]
        entries = [entry for entry in newest_entries(own) if person.has(entry.fact.patient)]
        links = [link for link in newest_links(own) if person.has(link.members[0])]
        aliases = [
            alias for one in own for alias in one.aliases if any(map(person.has, alias.patients))
        ]
        for id_ in ids:
            found[id_] = _with_all(found[id_], entries, links).aliased(aliases)
    return found


def _with_all(held: Held, entries: list[Entry], links: list[Link]) -> Held:
    """With these, each in the place that it has; new ones at the end."""
    by_id = {one.id: one for one in held.entries} | {one.id: one for one in entries}
    ties = {one.id: one for one in held.links} | {one.id: one for one in links}
    return Held(tuple(by_id.values()), tuple(ties.values()), held.aliases)


def moved(
    records: Records,
    moves: Iterable[Move],
    act: Act,
    identify: Identify,
    identify_link: IdentifyLink,
) -> dict[str, Held]:
    """After these moves. `records` has everybody whom they or their links name."""
    found = dict(records)
    for move in moves:
        if move.parts:
            _take_back(found, move, act, identify)
        elif move.tie is not None:
            _join(found, move, move.tie, act, identify_link)
        _renumber(found, move, act, identify)
    return spread(found)


def _join(
    found: dict[str, Held], move: Move, tie: Tie, act: Act, identify_link: IdentifyLink
) -> None:
    link_id = identify_link((*move.survivors, *move.priors))
    ids = [one.id for one in (*move.survivors, *move.priors)]
    known = next((link for link in newest_links(found[i] for i in ids) if link.id == link_id), None)
    if known is None:
        known = Link(link_id, tie, move.survivors, move.priors, ((Verb.JOINED, act),))
    elif known.state is Verb.PARTED:
        known = replace(known, tie=tie).done(Verb.JOINED, act)
    elif known.state is Verb.JOINED and known.tie is Tie.LINKED and tie is not Tie.LINKED:
        # One record from now on: an A37 can no longer tell what is whose.
        known = replace(known, tie=tie).done(Verb.JOINED, act)
    _put(found, known)


def _take_back(found: dict[str, Held], move: Move, act: Act, identify: Identify) -> None:
    """An A37: what an A24 said is parted; of a merge, nobody can tell what is whose.

    Nor of what a person has confirmed: consents have counted for both since.
    """
    for link in newest_links([found[one.id] for one in (*move.survivors, *move.priors)]):
        is_meant = link.binds and all(
            any(may_be_any(one, link.members) for one in side)
            for side in (move.survivors, move.priors)
        )
        if not is_meant:
            continue
        if link.tie is Tie.LINKED and link.state is Verb.JOINED:
            found.update(parted(found, link, act, identify))
        elif link.state is not Verb.QUESTIONED:
            _put(found, link.done(Verb.QUESTIONED, act))


def confirmed(records: Records, link: Link, act: Act) -> dict[str, Held]:
    """After a person has said that the two are one person's."""
    found = dict(records)
    if link.state is not Verb.CONFIRMED:
        _put(found, link.done(Verb.CONFIRMED, act))
    return spread(found)


def parted(records: Records, link: Link, act: Act, identify: Identify) -> dict[str, Held]:
    """After the two are known to be two persons.

    Each keeps what was entered under its own identifiers. What denies and was entered since they
    were joined may be meant for either, and stands under both from now on.
    """
    if not link.binds:
        return dict(records)
    found = dict(spread(records))
    joined_at = _last(link.history, Verb.JOINED)
    own = newest_entries(found[one.id] for one in link.members)
    for side, other in ((link.survivors, link.priors), (link.priors, link.survivors)):
        for entry in own:
            is_of_side = may_be_any(entry.fact.patient, side)
            if is_of_side and _last(entry.history, Verb.ADDED) >= joined_at and _denies(entry):
                for patient in other:
                    _add(found, _of_other(entry.stated, patient), act, identify)
    apart = link.done(Verb.PARTED, act)
    for person in persons_in(found.values()):
        if person.has(link.members[0]):  # whoever else they were joined with knows it, too
            for id_ in {one.id for one in person.members}:
                found[id_] = found[id_].linked(apart)
    return spread(found)


def _last(history: History, verb: Verb) -> datetime:
    return next(act.at for done, act in reversed(history) if done is verb)


def _denies(entry: Entry) -> bool:
    fact = entry.fact
    if isinstance(fact, Denial | Confidential):
        return not entry.is_over
    return not isinstance(fact, Cover) and fact.kind is ConsentKind.REFUSAL and not fact.revoked


def _of_other(fact: Fact, patient: Patient) -> Fact:
    """What it denies, of another person; what it permits is of the one alone."""
    if isinstance(fact, Confidential):
        return fact.known_as(patient, is_sure=False)
    return replace(fact, patient=patient)


def _renumber(found: dict[str, Held], move: Move, act: Act, identify: Identify) -> None:
    """What is said of a visit or an account is said of it under its new number and owner, too."""
    if not move.renumbered:
        return
    persons = persons_in(found.values())
    everybody = all_of((*move.survivors, *move.priors), persons)
    for old, new in move.renumbered:
        alias = Alias(old, new, move.survivors, move.priors, act.by, act.at)
        aliases = together((*_chain(found.values(), alias.numbers), alias))
        for id_ in {patient.id for one in aliases for patient in one.patients} & found.keys():
            found[id_] = found[id_].aliased(aliases)
        said = [
            entry.stated
            for entry in newest_entries(found[one.id] for one in everybody)
            if not entry.is_over and may_be_any(entry.fact.patient, everybody)
        ]
        denials = [fact for fact in said if isinstance(fact, Denial)]
        covers = [fact for fact in said if isinstance(fact, Cover) and move.is_of_one_person]
        carried: tuple[Fact, ...] = tuple(
            one for fact in covers for one in _carried(fact, move.survivors, old, new)
        )
        if not move.is_of_one_person:
            owners = all_of(move.priors, persons)
            own = [fact for fact in denials if may_be_any(fact.patient, owners)]
            subordinate = tuple(subordinates(own, old.kind, move.survivors))
            denials += subordinate
            carried = (*carried, *subordinate)
        for fact in (*followed(denials, aliases, persons), *carried):
            _add(found, fact, act, identify)


def _carried(cover: Cover, survivors: tuple[Patient, ...], old: Item, new: Item) -> Iterator[Cover]:
    """A visit's coverage under its new number; an insurer of another person is not carried."""
    if (cover.level, cover.number) == (_LEVELS[old.kind], old.number):
        is_own = may_be_any(cover.patient, survivors)
        for owner in (cover.patient,) if is_own else survivors:
            yield replace(cover, patient=owner, number=new.number)


def _add(found: dict[str, Held], fact: Fact, act: Act, identify: Identify) -> None:
    id_ = fact.patient.id
    found[id_] = found[id_].added(identify(fact), fact, act)


def added(records: Records, facts: Sequence[Fact], act: Act, identify: Identify) -> dict[str, Held]:
    """With some facts more, and what is denied of a visit or account under all its numbers.

    `records` has everybody whom links or aliases of these numbers name.
    """
    found = dict(records)
    persons = persons_in(found.values())
    denials = [fact for fact in facts if isinstance(fact, Denial)]
    aliases = _chain(found.values(), numbers_in(denials))
    for fact in (*facts, *followed(denials, aliases, persons)):
        _add(found, fact, act, identify)
    return spread(found)


def _put(found: dict[str, Held], link: Link) -> None:
    for id_ in dict.fromkeys(one.id for one in link.members):
        found[id_] = found[id_].linked(link)


def done_between(before: Held, after: Held) -> list[tuple[str, Verb]]:
    """What was done to entries and links from the one to the other, for the record."""
    known = _histories(before)
    return [
        (id_, verb)
        for id_, history in _histories(after).items()
        for verb, _ in history[len(known.get(id_, ())) :]
    ]


def _histories(held: Held) -> dict[str, History]:
    found = {entry.id: entry.history for entry in held.entries}
    return found | {link.id: link.history for link in held.links}
