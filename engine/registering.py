"""The privacy registry in the store: what commands and the console change it by.

Law: a change is one durable write, with its record, or none at all; whoever finds that another has
been there reads again. When it returns, every message that is committed is decided with it, and
every copy that is opened for sending is looked at with it; of those that were open, it tells. What
is entered of one of a person's identifiers stands under all of them when it returns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import cast

from engine.intake.change_records import change_record
from engine.intake.recorded import entry_id, patient_name, seal_held
from engine.intake.sealed import Sealing
from engine.privacy.acts import Act, RegistryError, Verb
from engine.privacy.aliases import Number, numbers_in
from engine.privacy.held import Held
from engine.privacy.joining import (
    added,
    confirmed,
    done_between,
    ids_concerned,
    ids_named,
    parted,
    spread,
)
from engine.privacy.links import Link
from engine.privacy.persons import own
from engine.privacy.registry import Change
from engine.privacy.sorts import Fact
from engine.registered_reading import recall
from engine.registering_errors import busy, stopped, unclear, unknown_link
from engine.store.port import Changed, Enter, Entered, News, Store, StoreUnavailable

#: How often a change is tried again while others change the same patient.
_ATTEMPTS = 20

#: How often a change is repeated whose outcome is not known; it is one change all the same.
_REPEATS = 3

#: How many patients one question to the store asks for.
_PAGE = 500

#: How many facts are entered in one step.
_TOGETHER = 200

#: How often, and with which rests in seconds, it is looked what came of a step without an answer.
_LOOKS = 8
_LOOK_S = 0.5

#: Makes of what is held, by identifier, what is to be held.
_Alter = Callable[[dict[str, Held]], dict[str, Held]]


class StoredRegistry:
    """Implements `engine.privacy.registry.Registry`. `channels`: whose open attempts to tell.

    `sleep`: waits so many seconds.
    """

    def __init__(
        self,
        store: Store,
        sealing: Sealing,
        channels: Sequence[str],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._store = store
        self._sealing = sealing
        self._channels = tuple(channels)

    def held(self, patient: str) -> Held:
        """What is held of one identifier, and of who is one person with it.

        Raises `RegistryError` when it cannot be read, `StoreUnavailable` when there is no answer.
        """
        return own(self._read([patient])[patient][0], patient)

    def add(self, fact: Fact, act: Act) -> Change:
        """Enter a fact; version 0 if it was there."""
        return self.add_all([fact], act)[0]

    def add_all(self, facts: Sequence[Fact], act: Act) -> list[Change]:
        """Enter many facts, in few steps; the changes in the order of the facts.

        Each step is durable by itself: what raises says of how many of the facts that is so.
        """
        changes: list[Change] = []
        for start in range(0, len(facts), _TOGETHER):
            page = facts[start : start + _TOGETHER]
            try:
                changes += self._add_page(page, act)
            except (StoreUnavailable, RegistryError) as error:
                left = self._left(page, act)
                raise stopped(error, len(facts), start, len(page), left) from error
        return _once(changes)

    def _add_page(self, page: Sequence[Fact], act: Act) -> list[Change]:
        patients = [fact.patient.id for fact in page]
        alter = partial(added, facts=page, act=act, identify=self._id)
        done = self._alter(patients, alter, act, numbers_in(page))
        return [self._told(fact.patient.id, self._id(fact), done) for fact in page]

    def _left(self, page: Sequence[Fact], act: Act) -> int | None:
        """How many of these did not get there; None if the store does not say in time."""
        for _ in range(_LOOKS):
            try:
                return self.would_add(page, act)
            except (StoreUnavailable, RegistryError):
                self._sleep(_LOOK_S)
        return None

    def would_add(self, facts: Sequence[Fact], act: Act) -> int:
        """How many of the facts `add_all` would write."""
        number = 0
        later: dict[str, Held] = {}
        for start in range(0, len(facts), _TOGETHER):
            page = facts[start : start + _TOGETHER]
            known = self._read([fact.patient.id for fact in page])
            for fact in page:
                before = later.get(fact.patient.id, known[fact.patient.id][0])
                later[fact.patient.id] = before.added(self._id(fact), fact, act)
                number += later[fact.patient.id] is not before
        return number

    def end(self, patient: str, entry: str, act: Act) -> Change:
        """Revoke or lift an entry; version 0 if it was over. Raises `RegistryError`."""
        return self._change_one(patient, entry, act, Held.ended)

    def step(self, patient: str, entry: str, verb: Verb, act: Act) -> Change:
        """Take a restriction one step on; version 0 if it stood so.

        Raises `RegistryError`, and `StepError` where it does not go that way.
        """
        fact = self.held(patient).known(entry).fact

        def alter(records: dict[str, Held]) -> dict[str, Held]:
            own(records[patient], patient).known(entry)
            after = records | {patient: records[patient].stepped(entry, verb, act)}
            # What holds from now on holds under all numbers of the visit.
            again = [after[patient].known(entry).stated] if verb is Verb.CONFIRMED else []
            return added(after, again, act, self._id)

        return self._told(patient, entry, self._alter([patient], alter, act, numbers_in([fact])))

    def told(self, patient: str, entry: str, act: Act) -> Change:
        """Note that the patient was told of an entry; version 0 if it was noted before."""
        return self._change_one(patient, entry, act, Held.told)

    def _change_one(
        self, patient: str, entry: str, act: Act, deed: Callable[[Held, str, Act], Held]
    ) -> Change:
        def alter(records: dict[str, Held]) -> dict[str, Held]:
            own(records[patient], patient).known(entry)
            return spread(records | {patient: deed(records[patient], entry, act)})

        return self._told(patient, entry, self._alter([patient], alter, act))

    def confirm(self, patient: str, link: str, act: Act) -> Change:
        """Say that two records are one person's; version 0 if it was said. `RegistryError`."""

        def alter(records: dict[str, Held]) -> dict[str, Held]:
            return confirmed(records, _link(records[patient], link), act)

        return self._told(patient, link, self._alter([patient], alter, act))

    def part(self, patient: str, link: str, act: Act) -> Change:
        """Say that two records are two persons'; version 0 if it was said. `RegistryError`."""

        def alter(records: dict[str, Held]) -> dict[str, Held]:
            return parted(records, _link(records[patient], link), act, self._id)

        return self._told(patient, link, self._alter([patient], alter, act))

    def everyone(self) -> Iterable[Held]:
        """What is held, identifier by identifier, in the order of the last changes."""
        since = 0
        while True:
            changed = cast("Changed", self._store.execute([News(since, _PAGE)])[0])
            if not changed.patients:
                return
            names = tuple(name for name, _ in changed.patients)
            for held, _ in recall(self._store, self._sealing, names):
                yield held
            since = changed.patients[-1][1]

    def _alter(
        self,
        patients: Iterable[str],
        alter: _Alter,
        act: Act,
        numbers: frozenset[Number] = frozenset(),
    ) -> dict[str, tuple[Entered, set[str]]]:
        """Read all whom it may concern, write all that is new, and again for whom others changed.

        `numbers`: the visits and accounts that it is about. For each identifier that was changed,
        the answer and the entries of which anything was done.
        """
        done: dict[str, tuple[Entered, set[str]]] = {}
        for _ in range(_ATTEMPTS):
            known = self._read_persons(patients, numbers)
            before = {id_: held for id_, (held, _) in known.items()}
            after = alter(dict(before))
            changed = [id_ for id_ in after if after[id_] != before[id_]]
            deeds = {id_: done_between(before[id_], after[id_]) for id_ in changed}
            entered = self._enter(
                [self._change(i, known[i][1], after[i], deeds[i], act) for i in changed]
            )
            for id_, one in zip(changed, entered, strict=True):
                if one.version:
                    earlier, entries = done.get(id_, (Entered(0), set()))
                    attempts = tuple(dict.fromkeys((*earlier.open, *one.open)))
                    entries = entries | {entry for entry, _ in deeds[id_]}
                    done[id_] = (Entered(one.version, attempts), entries)
            if all(one.version for one in entered):
                return done
        raise busy()

    def _told(self, patient: str, entry: str, done: dict[str, tuple[Entered, set[str]]]) -> Change:
        """What became of one entry; the attempts are those on all whom the step concerned."""
        entered, entries = done.get(patient, (Entered(0), set[str]()))
        if entry not in entries:
            return Change(entry, 0)
        found = {one for other, _ in done.values() for one in other.open}
        attempts = tuple((one.channel, one.entry, one.receipt, one.since_ms) for one in found)
        return Change(entry, entered.version, tuple(sorted(attempts)))

    def _id(self, fact: Fact) -> str:
        return entry_id(self._sealing, fact)

    def _name(self, patient: str) -> bytes:
        return patient_name(self._sealing, patient)

    def _change(
        self,
        patient: str,
        version: int,
        after: Held,
        deeds: Sequence[tuple[str, Verb]],
        act: Act,
    ) -> Enter:
        name = self._name(patient)
        sealed = seal_held(self._sealing, name, after)
        record = change_record(name, deeds, act, sealed)
        return Enter(name, version, sealed, record, self._channels)

    def _enter(self, changes: Sequence[Enter]) -> list[Entered]:
        """One durable step; repeated, as the same changes, while its outcome is not known."""
        if not changes:
            return []
        for left in reversed(range(_REPEATS)):
            try:
                return cast("list[Entered]", self._store.execute(changes))
            except StoreUnavailable as away:
                if not left:
                    raise unclear(away) from away
        return []

    def _read_persons(
        self, patients: Iterable[str], numbers: frozenset[Number]
    ) -> dict[str, tuple[Held, int]]:
        """What is held of these, of all who are one person with any, and of the numbers' owners.

        With the versions.
        """
        known = self._read(patients)
        while True:
            held = [one for one, _ in known.values()]
            others = (ids_named(held) | ids_concerned(held, numbers)) - known.keys()
            if not others:
                return known
            known |= self._read(sorted(others))

    def _read(self, patients: Iterable[str]) -> dict[str, tuple[Held, int]]:
        once = tuple(dict.fromkeys(patients))
        names = tuple(map(self._name, once))
        return dict(zip(once, recall(self._store, self._sealing, names), strict=True))


def _once(changes: Iterable[Change]) -> list[Change]:
    """Of facts that are the same, only the first was new."""
    found: list[Change] = []
    seen: set[str] = set()
    for change in changes:
        found.append(Change(change.entry, 0) if change.entry in seen else change)
        seen.add(change.entry)
    return found


def _link(held: Held, id_: str) -> Link:
    found = held.link(id_)
    if found is None:
        raise unknown_link()
    return found
