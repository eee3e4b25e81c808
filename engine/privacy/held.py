"""All that is held of one identifier: entries, links and numbers.

Law: an entry is known by its content, so that who enters the same twice enters it once. What is
held of a patient is found by identifier alone, since a denial matches by identifier alone (rules.md
§10.8); each entry names the authority, without which it permits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.privacy.acts import Act, History, RegistryError, Verb
from engine.privacy.aliases import Alias, together
from engine.privacy.entries import ENDS, Entry
from engine.privacy.facts import Cover, Restriction, SignedConsent
from engine.privacy.links import Link
from engine.privacy.restricting import strengthens, takes
from engine.privacy.sorts import Fact


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
