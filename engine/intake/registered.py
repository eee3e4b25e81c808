"""The privacy registry as messages are decided with it: who has entries, and what they say.

Law: a message whose patients have no entries costs a look into a set; what the set does not know
yet the store finds out at the commit (`Footing`). What should be there and is not, or cannot be
opened, or is older than what was known before, is no answer: the decision holds
(`facts-unavailable`) and is made again when there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from engine.errors import EngineError
from engine.hl7.wire import Message, Segment
from engine.intake.recorded import patient_name, unseal_held
from engine.intake.sealed import Sealing
from engine.privacy.facts import (
    CoverageKey,
    Coverages,
    Disclosed,
    Facts,
    Restriction,
    SignedConsent,
)
from engine.privacy.held import Held
from engine.privacy.patients import denied_in, patients_of
from engine.privacy.persons import Rights, rights_of
from engine.privacy.units import Units
from engine.store.port import Changed, Footing, News

#: How many identifiers a message may have; of each the store is asked in the same step.
MOST_NAMED = 1000

#: How many identifiers' hashes are remembered.
_NAMES_KEPT = 65_536

#: What a decision rests on that was made without the registry; no copy comes of it.
WITHOUT = Footing(0)

NO_RIGHTS = Rights()
NOBODY: Mapping[bytes, Held] = {}


class Known(NamedTuple):
    """What the registry says of everybody in a message, and what that rests on.

    `held`: what is held of whom, of those of whom anything is. A tuple, since every message makes
    one.
    """

    footing: Footing
    rights: Rights = NO_RIGHTS
    held: Mapping[bytes, Held] = NOBODY
    is_available: bool = True


def facts_of(
    known: Known,
    now: datetime,
    coverages: Mapping[CoverageKey, Coverages],
    disclosed: frozenset[Disclosed],
    units: Units,
    *,
    is_kept: bool = False,
) -> Facts:
    """All that is known besides the message.

    `is_kept`: it was taken before. What people have ended since, they ended with it in view; what
    a new message says, it says anew.
    """
    consents, restrictions, lifted, entered, persons, undecided, confidential, labels = known.rights
    return Facts(
        now,
        coverages,
        disclosed,
        known.is_available,
        consents,
        restrictions,
        units,
        entered,
        persons,
        undecided,
        lifted if is_kept else _undecided(lifted, restrictions),
        confidential,
        labels,
    )


def _undecided(
    lifted: frozenset[Restriction], restrictions: Iterable[Restriction]
) -> frozenset[Restriction]:
    """Of what no kept message brings back, that of whose payment people have still to decide."""
    if not lifted:
        return lifted
    waiting = (one for one in restrictions if one.awaits_payment)
    return lifted.intersection(replace(one, state=None) for one in waiting)


UNAVAILABLE = Known(WITHOUT, is_available=False)


def too_many_identifiers(text: str) -> EngineError:
    """The refusal of a message that names more patients than one message, or one person, has."""
    mend = "Correct it at its source; it was not stored."
    return EngineError("too-many-identifiers", text, mend)


class PatientNames:
    """The keyed hashes of everybody in a message: PID-3, and MRG-1 that is merged into it."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._name = lru_cache(_NAMES_KEPT)(self._hash)
        self._plain_name = lru_cache(_NAMES_KEPT)(self._hash_plain)

    def of(self, message: Message) -> tuple[bytes, ...]:
        """Each once, in order. Raises `EngineError` if they are more than any message has."""
        patients = message.all("PID")
        if len(patients) == 1 and "MRG" not in message.ids:
            value, delimiters = patients[0].field(3), message.delimiters
            component, repetition = delimiters.component, delimiters.repetition
            if component and not (repetition and repetition in value):
                id_ = value.partition(component)[0]
                # Letters and digits of ASCII mean themselves in every character set.
                inner = delimiters.escape + delimiters.subcomponent
                if id_.isalnum() and inner.strip(id_) == inner:
                    return (self._plain_name(id_),)
        return self._read(message, patients)

    def _read(self, message: Message, patients: list[Segment]) -> tuple[bytes, ...]:
        merged = message.all("MRG")
        ids = [one.id for pid in patients for one in denied_in(message, pid)]
        if merged:
            ids += [one.id for one in patients_of(message, merged, 1)]
        once = dict.fromkeys(ids)
        if len(once) > MOST_NAMED:
            raise too_many_identifiers(
                f"The message names more than {MOST_NAMED} identifiers of patients."
            )
        return tuple([self._name(id_) for id_ in once])

    def _hash_plain(self, id_: bytes) -> bytes:
        return patient_name(self._sealing, id_.decode("ascii"))

    def _hash(self, id_: str) -> bytes:
        return patient_name(self._sealing, id_)


class Registered:
    """Who has entries, as far as this process knows: the projection of the registry.

    It begins empty; ask the store `news`, and tell `learned` what it answers, until that is False.
    """

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._patients: set[bytes] = set()
        self._version = 0
        self._newest = 0
        self._has_forgotten = False
        self._is_doubted = False

    @property
    def is_contradictory(self) -> bool:
        """Nothing that the store says of patients counts.

        It has forgotten changes that it had told, or its registry is doubted (`Changed.doubt`).
        """
        return self._has_forgotten or self._is_doubted

    @property
    def version(self) -> int:
        """Up to which version everything is known."""
        return self._version

    def __len__(self) -> int:
        return len(self._patients)

    def news(self) -> News:
        """What to ask."""
        return News(self._version)

    def learned(self, changed: Changed) -> bool:
        """The store's answer; whether there may be more to ask for."""
        if changed.doubt:
            self._is_doubted = True
            return False
        if self._is_doubted:  # what is there now is all of it: all of it is read again
            self._is_doubted = self._has_forgotten = False
            self._patients.clear()
            self._version = self._newest = 0
            return True
        if changed.newest < self._version:
            self._has_forgotten = True
            self._version = 0  # what is left is read from its beginning
        self._newest = max(self._newest, changed.newest)
        self._patients.update(patient for patient, _ in changed.patients)
        if changed.patients:
            self._version = changed.patients[-1][1]
        if self._version < changed.newest:
            return True
        self._has_forgotten = self._has_forgotten and changed.newest < self._newest
        return False

    def concerns(self, patients: Iterable[bytes]) -> bool:
        """Whether the store must be asked about any of them, or cannot be."""
        return self.is_contradictory or not self._patients.isdisjoint(patients)

    def nothing(self, patients: tuple[bytes, ...]) -> Known:
        """What is known of those whom nothing concerns."""
        return Known(Footing(self._version, patients))

    def known(
        self, patients: tuple[bytes, ...], answers: Sequence[bytes | None], now: datetime
    ) -> Known:
        """What the store answered to `Recall(…, patients)`. `now` is aware."""
        if self.is_contradictory:
            return UNAVAILABLE
        for patient, answer in zip(patients, answers, strict=True):
            if answer is not None:
                self._patients.add(patient)
            elif patient in self._patients:
                return UNAVAILABLE
        return known_of(self._sealing, patients, answers, now, self._version)


def known_of(
    sealing: Sealing,
    patients: tuple[bytes, ...],
    answers: Sequence[bytes | None],
    now: datetime,
    version: int = 0,
) -> Known:
    """As `Registered.known`, for who keeps no projection; `version`: one known to be older."""
    held: dict[bytes, Held] = {}
    for patient, answer in zip(patients, answers, strict=True):
        if answer is None:
            continue
        try:
            number, _, sealed = answer.partition(b" ")
            version = max(version, int(number))
            held[patient] = unseal_held(sealing, patient, sealed)
        except (EngineError, ValueError, KeyError, TypeError):
            return UNAVAILABLE
    if not held:
        return Known(Footing(version, patients))
    every = [entry.fact for one in held.values() for entry in one.entries]
    changes = _next_change((one for one in every if isinstance(one, SignedConsent)), now)
    until_ms = 0 if changes is None else int(changes.timestamp() * 1000)
    footing = Footing(version, patients, until_ms)
    return Known(footing, rights_of(tuple(held.values()), now), held)


def _next_change(consents: Iterable[SignedConsent], now: datetime) -> datetime | None:
    """When the first of them begins or ends by itself; None: never.

    Restrictions do not: their dates are those of the service, not of the day.
    """
    instants = (
        instant for one in consents for instant in (one.begins, one.ends, one.revoked) if instant
    )
    return min((instant for instant in instants if instant > now), default=None)
