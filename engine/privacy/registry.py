"""The privacy registry: what patients have signed, refused and restricted, with its history.

Law: history is kept for good: an entry is never taken out, it is revoked or lifted, and says by
whom, when and why. An entry is known by its content, so that who enters the same twice enters it
once. What is held of a patient is found by identifier alone, since a denial matches by identifier
alone (rules.md §10.8); each entry names the authority, without which it permits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engine.errors import EngineError
from engine.privacy.facts import Restriction, SignedConsent

Fact = SignedConsent | Restriction


class Sort(StrEnum):
    """What an entry is."""

    CONSENT = "consent"
    RESTRICTION = "restriction"


class Verb(StrEnum):
    """What was done to an entry."""

    ADDED = "added"
    REVOKED = "revoked"  # a consent, or a refusal, from that instant on
    LIFTED = "lifted"  # a restriction (45 CFR 164.522(a)(2))
    TOLD = "told"  # the patient was told of what another signed; it changes nothing else


class RegistryError(EngineError):
    """The change cannot be made; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did it, when and why. `at` is aware; `document`: SHA-256 of the evidence, or empty."""

    by: str
    at: datetime
    why: str = ""
    document: str = ""


#: What says whether an entry is lifted: the last of these.
_WHETHER = frozenset({Verb.ADDED, Verb.REVOKED, Verb.LIFTED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact with its history, oldest first. A lifted restriction stays; it restricts no more."""

    id: str
    fact: Fact
    history: tuple[tuple[Verb, Act], ...]

    @property
    def sort(self) -> Sort:
        """What it is."""
        return Sort.CONSENT if isinstance(self.fact, SignedConsent) else Sort.RESTRICTION

    @property
    def is_lifted(self) -> bool:
        """Whether it is a restriction that restricts no more."""
        return next(verb for verb, _ in reversed(self.history) if verb in _WHETHER) is Verb.LIFTED

    @property
    def is_told(self) -> bool:
        """Whether the patient was told of it."""
        return any(verb is Verb.TOLD for verb, _ in self.history)


@dataclass(frozen=True, slots=True)
class Held:
    """All entries of one identifier, in the order in which they came."""

    entries: tuple[Entry, ...] = ()

    def entry(self, id_: str) -> Entry | None:
        """The entry of that id."""
        return next((entry for entry in self.entries if entry.id == id_), None)

    def added(self, id_: str, fact: Fact, act: Act) -> Held:
        """With one entry more; the same if it is there and in force.

        A restriction that was lifted is in force again. A consent that was revoked stays revoked:
        whoever consents again signs anew, on another day. One that comes as revoked is revoked.
        """
        known = self.entry(id_)
        if known is None:
            return Held((*self.entries, Entry(id_, fact, ((Verb.ADDED, act),))))
        if isinstance(fact, SignedConsent) and isinstance(known.fact, SignedConsent):
            was, now = known.fact.revoked, fact.revoked
            if now is None or (was is not None and was <= now):
                return self
            return self._with(Entry(id_, fact, (*known.history, (Verb.REVOKED, act))))
        if not known.is_lifted:
            return self
        return self._with(replace(known, history=(*known.history, (Verb.ADDED, act))))

    def ended(self, id_: str, act: Act) -> Held:
        """With one entry revoked or lifted; the same if it was before.

        Raises `RegistryError` when there is no such entry.
        """
        entry = self._known(id_)
        fact = entry.fact
        if isinstance(fact, SignedConsent):
            if fact.revoked is not None and fact.revoked <= act.at:
                return self
            history = (*entry.history, (Verb.REVOKED, act))
            return self._with(Entry(id_, replace(fact, revoked=act.at), history))
        if entry.is_lifted:
            return self
        return self._with(replace(entry, history=(*entry.history, (Verb.LIFTED, act))))

    def told(self, id_: str, act: Act) -> Held:
        """With the patient told of one entry; the same if that was noted before.

        Raises `RegistryError` when there is no such entry.
        """
        entry = self._known(id_)
        if entry.is_told:
            return self
        return self._with(replace(entry, history=(*entry.history, (Verb.TOLD, act))))

    def _known(self, id_: str) -> Entry:
        entry = self.entry(id_)
        if entry is None:
            raise RegistryError(
                "unknown-entry",
                "The patient has no entry of that id.",
                "List the patient's entries with `ls`.",
            )
        return entry

    def _with(self, changed: Entry) -> Held:
        return Held(tuple(changed if one.id == changed.id else one for one in self.entries))


def consents_in(held: Iterable[Held]) -> tuple[SignedConsent, ...]:
    """The consents and refusals of all, also those that are over: a decision says why not."""
    return tuple(
        entry.fact for one in held for entry in one.entries if isinstance(entry.fact, SignedConsent)
    )


def restrictions_in(held: Iterable[Held]) -> tuple[Restriction, ...]:
    """The restrictions of all that are not lifted."""
    return tuple(
        entry.fact
        for one in held
        for entry in one.entries
        if isinstance(entry.fact, Restriction) and not entry.is_lifted
    )


def next_change(consents: Iterable[SignedConsent], now: datetime) -> datetime | None:
    """When the first of them begins or ends by itself; None: never.

    Restrictions do not: their dates are those of the service, not of the day.
    """
    instants = (
        instant for one in consents for instant in (one.begins, one.ends, one.revoked) if instant
    )
    return min((instant for instant in instants if instant > now), default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a change. `version` 0: it was so already, and nothing was written.

    `open_attempts`: copies about the patient of which a byte may still leave, as channel, entry,
    receipt and Unix milliseconds; everything else is looked at with the change before it is sent.
    """

    entry: str
    version: int
    open_attempts: tuple[tuple[str, str, str, int], ...] = ()


class Registry(Protocol):
    """The registry as commands and the console see it. Every change is durable when it returns."""

    def held(self, patient: str) -> Held:
        """What is held of one identifier (PID-3.1)."""

    def add(self, fact: Fact, act: Act) -> Change:
        """Enter a fact under its patient's identifier."""

    def end(self, patient: str, entry: str, act: Act) -> Change:
        """Revoke a consent or lift a restriction. Raises `RegistryError` if it is not there."""

    def told(self, patient: str, entry: str, act: Act) -> Change:
        """Note that the patient was told of an entry. Raises `RegistryError`, as `end`."""

    def everyone(self) -> Iterable[Held]:
        """What is held, identifier by identifier, in the order of the last changes."""


#: Makes an entry's id from its fact: keyed, so that nobody can guess at the fact.
Identify = Callable[[Fact], str]
