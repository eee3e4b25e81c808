"""What a message changes of the privacy registry: merges and moves, and what it signals.

Law: what a message says of its patients' records and rights is entered in the same step in which
the message is stored, with its receipt as the one who did it and its digest as the evidence; and
only on what was read of everybody whom it concerns (standards.md B-7, B-12).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.intake.change_records import change_record
from engine.intake.receipts import received_at
from engine.intake.recorded import entry_id, link_id, patient_name, seal_held
from engine.intake.registered import Known, too_many_identifiers
from engine.intake.sealed import Sealing
from engine.policy.compile import CompiledPolicy
from engine.policy.message.reading import type_of
from engine.policy.signalled import signalled
from engine.privacy.acts import BY_MESSAGE, Act, Verb
from engine.privacy.aliases import Number, number_of, numbers_in
from engine.privacy.facts import CoverageKey
from engine.privacy.held import Held
from engine.privacy.joining import added, done_between, ids_concerned, ids_named, moved
from engine.privacy.moves import MOST_IDENTIFIERS, Move, moves_in
from engine.privacy.patients import Patient
from engine.privacy.renumbered import renumbered_keys
from engine.privacy.sorts import Fact
from engine.store.port import Entering


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says of records and rights. `keys`: coverage to be known of, to carry over."""

    moves: tuple[Move, ...]
    facts: tuple[Fact, ...]
    keys: tuple[CoverageKey, ...] = ()

    @property
    def numbers(self) -> frozenset[Number]:
        """The visits and accounts of which it says anything."""
        renumbered = (item for move in self.moves for pair in move.renumbered for item in pair)
        return numbers_in(self.facts) | {number_of(item) for item in renumbered}

    def joined(self, held: Collection[Held]) -> set[str]:
        """Of whom it says anything, and who is one person with them, as far as is held."""
        return {one.id for one in self.patients} | ids_named(held)

    def concerns(self, held: Collection[Held]) -> set[str]:
        """Whose entries follow from it, on what is held of those who are known already."""
        return self.joined(held) | ids_concerned(held, self.numbers)

    @property
    def patients(self) -> frozenset[Patient]:
        """Everybody of whom it says anything."""
        movers = (one for move in self.moves for one in (*move.survivors, *move.priors))
        return frozenset((*movers, *(fact.patient for fact in self.facts)))


@dataclass(frozen=True, slots=True)
class Changes:
    """What is entered. `questions`: a merge is taken back, and a person must part the records."""

    enters: tuple[Entering, ...] = ()
    questions: bool = False


NO_CHANGES = Changes()

_MORE_THAN_ONE_PERSON = "The message joins or restricts more identifiers than one person has."


class Entries:
    """Reads what messages say, and enters it."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._compiled = compiled
        self._sealing = sealing

    def said(self, message: Message, receipt: str) -> Said | None:
        """What a message says; None: nothing, as nearly all."""
        moves = moves_in(message)
        facts = signalled(message, self._compiled, received_at(receipt))
        if not (moves or facts):
            return None
        said = Said(moves, facts, renumbered_keys(moves))
        if len(said.patients) > MOST_IDENTIFIERS:
            raise too_many_identifiers(_MORE_THAN_ONE_PERSON)
        return said

    def named(self, said: Said | None, patients: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Of whom else it says anything, in lines that hide their names."""
        if said is None:
            return ()
        return self._others((one.id for one in said.patients), patients)

    def _others(self, ids: Iterable[str], patients: tuple[bytes, ...]) -> tuple[bytes, ...]:
        names = (patient_name(self._sealing, id_) for id_ in sorted(set(ids)))
        return tuple(name for name in names if name not in patients)

    def unasked(
        self, said: Said | None, known: Known, patients: tuple[bytes, ...]
    ) -> tuple[bytes, ...]:
        """Of whom else must be known what is held, since they are one person with these."""
        if said is None or not known.is_available:
            return ()
        return self._others(said.concerns(known.held.values()), patients)

    def changes(self, said: Said | None, known: Known, message: Message, receipt: str) -> Changes:
        """What is entered, on what is known of everybody."""
        if said is None:
            return NO_CHANGES
        if not known.is_available:
            raise EngineError(
                "registry-unavailable",
                "The message changes what is held of its patients, and that cannot be read.",
                "Mend the registry, then have the hospital send the message again.",
            )
        act = Act(
            BY_MESSAGE + receipt,
            received_at(receipt),
            _event(message),
            hashlib.sha256(message.raw).hexdigest(),
        )
        held = known.held.values()
        if len(said.joined(held)) > MOST_IDENTIFIERS and any(move.tie for move in said.moves):
            raise too_many_identifiers(_MORE_THAN_ONE_PERSON)
        ids = said.concerns(held)
        names = {id_: patient_name(self._sealing, id_) for id_ in sorted(ids)}
        before = {id_: known.held.get(name, Held()) for id_, name in names.items()}
        after = moved(before, said.moves, act, self._id, self._link_id)
        after = added(after, said.facts, act, self._id)
        deeds = {id_: done_between(before[id_], after[id_]) for id_ in ids}
        enters = tuple(
            self._entering(names[id_], after[id_], deeds[id_], act)
            for id_ in names
            if after[id_] != before[id_]
        )
        questions = any(verb is Verb.QUESTIONED for one in deeds.values() for _, verb in one)
        return Changes(enters, questions)

    def _entering(
        self, name: bytes, after: Held, deeds: list[tuple[str, Verb]], act: Act
    ) -> Entering:
        sealed = seal_held(self._sealing, name, after)
        return Entering(name, sealed, change_record(name, deeds, act, sealed))

    def _id(self, fact: Fact) -> str:
        return entry_id(self._sealing, fact)

    def _link_id(self, members: Iterable[Patient]) -> str:
        return link_id(self._sealing, members)


def _event(message: Message) -> str:
    """Its type; no text that somebody else made up is recorded."""
    kind = message.once(type_of)
    parts = [part for part in (kind.code, kind.trigger or "") if part.isalnum() and len(part) == 3]
    return "^".join(parts)
