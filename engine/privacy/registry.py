"""The privacy registry: what patients have signed, refused and restricted, with its history.

Law: history is kept for good: an entry is never taken out, it is revoked or lifted, and says by
whom, when and why. An entry is known by its content, so that who enters the same twice enters it
once. What is held of a patient is found by identifier alone, since a denial matches by identifier
alone (rules.md §10.8); each entry names the authority, without which it permits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engine.errors import EngineError
from engine.privacy.aliases import Alias, together
from engine.privacy.confidential import Confidential
from engine.privacy.facts import Cover, Restriction, Sensitivity, SignedConsent
from engine.privacy.patients import Patient
from engine.privacy.restricting import as_it_stands, standing_after, strengthens, takes
from engine.privacy.sorts import SORTS, Sort
from engine.privacy.standing import Standing

Fact = SignedConsent | Restriction | Cover | Confidential | Sensitivity

#: How `Act.by` begins where a message did it; the receipt follows. No account's name has a colon.
BY_MESSAGE = "message:"


class Verb(StrEnum):
    """What was done to an entry, or to a link of two records."""

    ADDED = "added"
    REVOKED = "revoked"  # a consent, or a refusal, from that instant on; a coverage
    LIFTED = "lifted"  # a restriction (45 CFR 164.522(a)(2)), a label
    ENDED = "ended"  # a confidential communication
    REQUESTED = "requested"  # a restriction to which nobody has agreed
    PENDING_PAYMENT = "pending_payment"  # a restriction of what is to be paid in full
    DECLINED = "declined"
    TERMINATED = "terminated_by_hospital"
    VOIDED = "void_payment_failed"
    JOINED = "joined"  # two records are one person's, says a message
    CONFIRMED = "confirmed"  # and a person has seen that it is so; a restriction is in force
    QUESTIONED = "questioned"  # a message takes it back, and nobody can tell what is whose
    PARTED = "parted"
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

    @property
    def is_by_message(self) -> bool:
        """Whether a message did it."""
        return self.by.startswith(BY_MESSAGE)


#: What was done and by whom, oldest first.
History = tuple[tuple[Verb, Act], ...]


#: What says whether an entry is over: the last of these.
_OVER = frozenset({Verb.REVOKED, Verb.LIFTED, Verb.ENDED, Verb.DECLINED, Verb.VOIDED})
_WHETHER = _OVER | {Verb.ADDED}


def _is_over(history: History) -> bool:
    return next(verb for verb, _ in reversed(history) if verb in _WHETHER) in _OVER


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact with its history. One that is over stays; it says nothing any more."""

    id: str
    fact: Fact
    history: History

    @property
    def sort(self) -> Sort:
        """What it is."""
        return SORTS[type(self.fact)]

    @property
    def is_over(self) -> bool:
        """Whether it was ended, and is no consent, which has its date."""
        return not isinstance(self.fact, SignedConsent) and _is_over(self.history)

    @property
    def standing(self) -> Standing | None:
        """Where a restriction stands; None: it is none."""
        if not isinstance(self.fact, Restriction):
            return None
        return standing_after(self.fact, (verb for verb, _ in self.history))

    @property
    def stated(self) -> Fact:
        """The fact as it stands: what decisions use of it."""
        fact, standing = self.fact, self.standing
        if not isinstance(fact, Restriction) or standing is None:
            return fact
        ended = (act.at for verb, act in reversed(self.history) if verb is Verb.TERMINATED)
        return as_it_stands(fact, standing, next(ended, None))

    @property
    def is_told(self) -> bool:
        """Whether the patient was told of it."""
        return any(verb is Verb.TOLD for verb, _ in self.history)

    def done(self, verb: Verb, act: Act) -> Entry:
        """The same, one step later."""
        return replace(self, history=(*self.history, (verb, act)))


#: What ends an entry of each sort.
ENDS = {
    Sort.CONSENT: Verb.REVOKED,
    Sort.RESTRICTION: Verb.LIFTED,
    Sort.COVERAGE: Verb.REVOKED,
    Sort.CONFIDENTIAL: Verb.ENDED,
    Sort.LABEL: Verb.LIFTED,
}


class Tie(StrEnum):
    """What a message says of two records."""

    MERGED = "merged"  # one of them goes on (A40 and its kin)
    LINKED = "linked"  # both go on, of one person (A24)
    RENAMED = "renamed"  # the same record under another identifier (A46, A47)


@dataclass(frozen=True, slots=True)
class Link:
    """Two records of one person. Each side has all the identifiers that the message gave it."""

    id: str
    tie: Tie
    survivors: tuple[Patient, ...]
    priors: tuple[Patient, ...]
    history: History

    @property
    def state(self) -> Verb:
        """JOINED, CONFIRMED, QUESTIONED or PARTED."""
        return self.history[-1][0]

    @property
    def binds(self) -> bool:
        """Whether the two are one person's, as far as is known."""
        return self.state is not Verb.PARTED

    @property
    def members(self) -> tuple[Patient, ...]:
        """Everybody it names."""
        return self.survivors + self.priors

    def done(self, verb: Verb, act: Act) -> Link:
        """The same, one step later."""
        return replace(self, history=(*self.history, (verb, act)))


@dataclass(frozen=True, slots=True)
class Held:
    """All entries of one identifier, in the order in which they came, its links, and its numbers.

    `aliases`: visits and accounts that have had another number or owner.
    """

    entries: tuple[Entry, ...] = ()
    links: tuple[Link, ...] = ()
    aliases: tuple[Alias, ...] = ()

    def entry(self, id_: str) -> Entry | None:
        """The entry of that id."""
        return next((entry for entry in self.entries if entry.id == id_), None)

    def added(self, id_: str, fact: Fact, act: Act) -> Held:
        """With one entry more; the same if it is there and in force.

        What was lifted is in force again, whoever says it: it is a new fact; but a message changes
        no restriction of whose payment people have still to decide, and one that is entered as
        requested or unpaid weakens none that is in force. A coverage that a person has ended no
        message brings back, since it permits. A consent that was revoked stays revoked: whoever
        consents again signs anew, on another day. One that comes as revoked is revoked.
        """
        known = self.entry(id_)
        if isinstance(fact, Restriction):
            return self._restricted(known, id_, fact, act)
        if known is None:
            new = Entry(id_, fact, ((Verb.ADDED, act),))
            return replace(self, entries=(*self.entries, new))
        if isinstance(fact, SignedConsent) and isinstance(known.fact, SignedConsent):
            was, now = known.fact.revoked, fact.revoked
            if now is None or (was is not None and was <= now):
                return self
            return self._with(replace(known, fact=fact).done(Verb.REVOKED, act))
        if not known.is_over or (isinstance(fact, Cover) and act.is_by_message):
            return self
        return self._with(known.done(Verb.ADDED, act))

    def _restricted(self, known: Entry | None, id_: str, fact: Restriction, act: Act) -> Held:
        step = Verb.ADDED if fact.is_in_force else Verb(fact.standing.value)
        history: History = ((Verb.ADDED, act),)
        history += () if step is Verb.ADDED else ((step, act),)
        if known is None:
            new = Entry(id_, replace(fact, state=None), history)
            return replace(self, entries=(*self.entries, new))
        standing = known.standing
        if standing is None or not strengthens(standing, step, by_message=act.is_by_message):
            return self
        if not known.is_over:
            history = ((step, act),)
        return self._with(replace(known, history=(*known.history, *history)))

    def stepped(self, id_: str, verb: Verb, act: Act) -> Held:
        """With a restriction one step on; the same if it stood so before.

        Raises `RegistryError` when there is no such entry, `StepError` when it goes not that way.
        """
        entry = self.known(id_)
        fact, standing = entry.fact, entry.standing
        if not isinstance(fact, Restriction) or standing is None or not takes(fact, standing, verb):
            return self
        return self._with(entry.done(verb, act))

    def ended(self, id_: str, act: Act) -> Held:
        """With one entry revoked or lifted; the same if it was before.

        Raises `RegistryError` when there is no such entry.
        """
        entry = self.known(id_)
        fact, verb = entry.fact, ENDS[entry.sort]
        if isinstance(fact, SignedConsent):
            if fact.revoked is not None and fact.revoked <= act.at:
                return self
            return self._with(replace(entry, fact=replace(fact, revoked=act.at)).done(verb, act))
        if entry.is_over:
            return self
        return self._with(entry.done(verb, act))

    def link(self, id_: str) -> Link | None:
        """The link of that id."""
        return next((link for link in self.links if link.id == id_), None)

    def linked(self, link: Link) -> Held:
        """With this link, in the place of the one of its id."""
        others = tuple(one for one in self.links if one.id != link.id)
        return replace(self, links=(*others, link))

    def aliased(self, aliases: Iterable[Alias]) -> Held:
        """With these numbers besides; the same if they are there."""
        found = together((*self.aliases, *aliases))
        return self if found == self.aliases else replace(self, aliases=found)

    def told(self, id_: str, act: Act) -> Held:
        """With the patient told of one entry; the same if that was noted before.

        Raises `RegistryError` when there is no such entry.
        """
        entry = self.known(id_)
        if entry.is_told:
            return self
        return self._with(entry.done(Verb.TOLD, act))

    def known(self, id_: str) -> Entry:
        """The entry of that id. Raises `RegistryError` when there is no such entry."""
        entry = self.entry(id_)
        if entry is None:
            raise RegistryError(
                "unknown-entry",
                "The patient has no entry of that id.",
                "List the patient's entries with `ls`.",
            )
        return entry

    def _with(self, changed: Entry) -> Held:
        entries = tuple(changed if one.id == changed.id else one for one in self.entries)
        return replace(self, entries=entries)


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

    def step(self, patient: str, entry: str, verb: Verb, act: Act) -> Change:
        """Take a restriction one step on. Raises `RegistryError` and `StepError`."""

    def told(self, patient: str, entry: str, act: Act) -> Change:
        """Note that the patient was told of an entry. Raises `RegistryError`, as `end`."""

    def everyone(self) -> Iterable[Held]:
        """What is held, identifier by identifier, in the order of the last changes."""
