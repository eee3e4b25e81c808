"""What must be known of a message's patients before it is decided, asked of the store.

Law: a decision rests on everything that the message and what is known of its patients name. What
names more each time it is asked is taken as the registry not answering.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, cast, overload

from twisted.internet.defer import Deferred

from engine.clock import Clock
from engine.intake.arrival import Arrival
from engine.intake.coverages import KnownCoverages
from engine.intake.disclosed import Followed
from engine.intake.entering import Entries
from engine.intake.registered import UNAVAILABLE, Known, Registered
from engine.intake.sealed import Sealing, Snapshots
from engine.privacy.coverage import coverage_keys
from engine.privacy.facts import Disclosed
from engine.privacy.renumbered import renumbered_keys
from engine.store.port import Accept, Accepted, Recall, Result

#: How often what is asked may name more to ask for; it is at most once, unless it is changed.
MOST_ROUNDS = 4

NOTHING_DISCLOSED: frozenset[Disclosed] = frozenset()

#: A message with all that was asked of its patients, and what was disclosed of its visit.
Recalled = tuple[Arrival, Known, "frozenset[Disclosed]"]


class Committer(Protocol):
    """`engine.commit.GroupCommit`, as intake uses it."""

    @overload
    def submit(self, operation: Accept) -> Deferred[Accepted]: ...
    @overload
    def submit(self, operation: Recall) -> Deferred[Result]: ...


class Asking:
    """Asks; what it learns of coverage goes to `coverages`."""

    def __init__(
        self,
        *,
        commit: Committer,
        sealing: Sealing,
        coverages: KnownCoverages,
        registered: Registered,
        entries: Entries,
        clock: Clock,
    ) -> None:
        self._commit = commit
        self._snapshots = Snapshots(sealing)
        self._coverages = coverages
        self._registered = registered
        self._entries = entries
        self._clock = clock

    async def ask(self, arrival: Arrival, cancel: Followed | None) -> Recalled:
        """Everything that the decision needs, and again while that names more to ask for."""
        for _ in range(MOST_ROUNDS):
            names = {key: self._snapshots.name(key) for key in arrival.coverage}
            marks = () if cancel is None else cancel.names
            result = await self._commit.submit(Recall((*names.values(), *marks), arrival.patients))
            answers = cast("tuple[bytes | None, ...]", result)
            learned, answers = answers[: len(names)], answers[len(names) :]
            marked, about_patients = answers[: len(marks)], answers[len(marks) :]
            self._coverages.recalled(self._snapshots.read(names, learned))
            disclosed = NOTHING_DISCLOSED if cancel is None else cancel.disclosed(marked)
            known = self._registered.known(arrival.patients, about_patients, self._clock.now())
            wider = self._wider(arrival, known)
            if wider is None:
                return arrival, known, disclosed
            arrival = wider
        return arrival, UNAVAILABLE, NOTHING_DISCLOSED

    def _wider(self, arrival: Arrival, known: Known) -> Arrival | None:
        """The same with more to ask for, as its patients have other identifiers, too."""
        keys = arrival.keys
        if keys and known.rights.persons:
            keys = coverage_keys(arrival.message, known.rights.persons)
        said = arrival.said
        if said is not None and said.keys and known.rights.persons:
            said = replace(said, keys=renumbered_keys(said.moves, known.rights.persons))
        others = self._entries.unasked(said, known, arrival.patients)
        if (keys, said) == (arrival.keys, arrival.said) and not others:
            return None
        return replace(arrival, keys=keys, said=said, patients=(*arrival.patients, *others))
