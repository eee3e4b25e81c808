"""What the archive keeps of one patient, and its end when the patient asks (GDPR Art. 17).

Law: nothing of another person goes with it, of whom nobody knows whether it is another; nothing of
what is open or under a legal hold; and the rows of the ledger stay, which hold no content and are
the record that the law asks for (Art. 17(3)(b), (e)). What goes and its proof are one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.quarantine import QUARANTINED
from engine.archive.retention import ERASED, Class, active_holds, erase, held_by
from engine.archive.rows import DAY_MS
from engine.archive.story import Person, Story, unseal_people
from engine.archive.terms import patient_term
from engine.errors import EngineError
from engine.intake.receipts import received_ms
from engine.intake.sealed import Sealing
from engine.privacy.patients import Patient

#: The class of its proof.
OF_PATIENT = "patient"

#: How many receipts one question names.
_TOGETHER = 500

_OPEN = ("waiting", "held", "parked")


@dataclass(frozen=True, slots=True)
class Whose:
    """One person's identifiers.

    `sure` are certainly the person's; one without an authority stands for the number, whoever gave
    it. `loose` are numbers that may be the person's.
    """

    sure: tuple[Patient, ...]
    loose: frozenset[str] = frozenset()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number, each once."""
        return tuple(dict.fromkeys([*(one.id for one in self.sure), *sorted(self.loose)]))

    def has(self, number: str, authority: str) -> bool:
        """Whether an identifier of a message is certainly the person's."""
        return any(one.id == number and one.authority in ("", authority) for one in self.sure)

    def may_have(self, number: str, authority: str) -> bool:
        """Whether it may be."""
        return number in self.loose or (not authority and number in self.numbers)

    def terms(self, sealing: Sealing) -> tuple[bytes, ...]:
        """The keyed hashes that the ledger knows the person by."""
        return tuple(patient_term(sealing, one.id, one.authority) for one in self.sure)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a person. Numbers are of messages.

    `own` are receipts, oldest first, of what names nobody else. `shared` names others, too;
    `unsure` has a number of the person without who gave it; `set_aside` could not be archived as it
    was. `open`: how many have a part that waits, is held or is parked. `holds`: legal holds, by
    number, that cover any of it.
    """

    own: tuple[str, ...] = ()
    shared: int = 0
    unsure: int = 0
    set_aside: int = 0
    open: Mapping[str, int] | None = None
    holds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """What was erased."""

    messages: int
    contents: int
    terms: int


def find(connection: Connection, sealing: Sealing, whose: Whose) -> Found:
    """Look for everything of a person. It reads no content."""
    near = set(_receipts(connection, whose.terms(sealing)))
    wide = set(_receipts(connection, [patient_term(sealing, one) for one in whose.numbers]))
    own: list[str] = []
    shared: list[str] = []
    unsure = 0
    for receipt, story in _stories(connection, sorted(near | wide)):
        theirs, others, doubtful = _told_apart(sealing, receipt, story, whose)
        others = [one for one in others if not _is_erased(connection, one, receipt)]
        if theirs or receipt in near:  # in a merge it may be named beside another alone
            (shared if others or not theirs else own).append(receipt)
        elif doubtful:
            unsure += 1
    every = [*own, *shared]
    holds = active_holds(connection)
    return Found(
        tuple(own),
        len(shared),
        unsure,
        _set_aside(connection, whose.terms(sealing)),
        _open(connection, every),
        tuple(hold.id for hold in holds if held_by(connection, [hold], every)),
    )


def terms_of(connection: Connection, receipts: Sequence[str]) -> list[tuple[int, bytes, str]]:
    """All search terms of some messages. It walks whole days: ask before the chain is locked."""
    table = schema.terms
    found: list[tuple[int, bytes, str]] = []
    for day, of_day in _by_day(receipts):
        for page in _pages(of_day):
            asked = sa.select(table.c.day, table.c.term, table.c.receipt)
            asked = asked.where(table.c.day == day, table.c.receipt.in_(page))
            found += [(row.day, row.term, row.receipt) for row in connection.execute(asked)]
    return found


def erase_own(
    connection: Connection, receipts: Sequence[str], terms: Sequence[tuple[int, bytes, str]]
) -> Gone:
    """Erase messages with their content, their standing and their search terms."""
    journal, table, days = schema.journal, schema.terms, schema.days
    contents = 0
    for page in _pages(receipts):
        asked = sa.select(sa.func.count()).where(journal.c.receipt.in_(page))
        contents += connection.execute(asked).scalar_one()
        erase(connection, Class.METADATA, page)
    if terms:
        this = table.delete().where(
            table.c.day == sa.bindparam("of_day"),
            table.c.term == sa.bindparam("of_term"),
            table.c.receipt == sa.bindparam("of_receipt"),
        )
        names = ("of_day", "of_term", "of_receipt")
        connection.execute(this, [dict(zip(names, one, strict=True)) for one in terms])
    for day, _ in _by_day(receipts):
        left = sa.select(schema.messages.c.receipt).where(schema.messages.c.day == day)
        connection.execute(days.delete().where(days.c.day == day, ~left.exists()))
    return Gone(len(receipts), contents, len(terms))


def last_with_content(connection: Connection, receipts: Sequence[str]) -> str:
    """The latest of some messages whose content is there; empty: none."""
    column = schema.journal.c.receipt
    found = ""
    for page in _pages(receipts):
        asked = sa.select(sa.func.max(column)).where(column.in_(page))
        found = max(found, connection.execute(asked).scalar() or "")
    return found


def refuse_open(found: Found) -> None:
    """Raises `EngineError` where something is still to be sent, or a legal hold covers anything."""
    if found.holds:
        numbers = ", ".join(map(str, found.holds))
        raise EngineError(
            "patient-on-hold",
            f"a legal hold covers what is to be erased (hold {numbers}); nothing was erased.",
            "See `payergate archive holds`; release it first, if its case is over.",
        )
    if found.open:
        counts = ", ".join(f"{number} {state}" for state, number in found.open.items())
        raise EngineError(
            "patient-unfinished",
            f"messages of the patient are not done with ({counts}); nothing was erased.",
            "Let those go that wait; replay or discard what is held or parked: `payergate parked`.",
        )


# --- whose it is ---


def _told_apart(
    sealing: Sealing, receipt: str, story: Story, whose: Whose
) -> tuple[bool, list[Person], bool]:
    """Whether the person is in a message, who else is, and whether anybody may be the person."""
    theirs = doubtful = False
    others: list[Person] = []
    for one in story.people:
        ids = _ids(sealing, receipt, one)
        if any(whose.has(*id_) for id_ in ids):
            theirs = True
        else:
            others.append(one)
            doubtful = doubtful or any(whose.may_have(*id_) for id_ in ids)
    return theirs, others, doubtful


def _ids(sealing: Sealing, receipt: str, person: Person) -> tuple[tuple[str, str], ...]:
    try:
        return unseal_people(sealing, receipt, person.who) if person.who else ()
    except EngineError:  # it is nobody's for certain: then it stays
        return ()


def _is_erased(connection: Connection, person: Person, receipt: str) -> bool:
    """Whether the person's own erasing has been asked for since: then nobody needs it here."""
    ledger, patients = schema.ledger, schema.ledger_patients
    asked = (
        sa.select(patients.c.seq)
        .join(ledger, ledger.c.seq == patients.c.seq)
        .where(
            patients.c.patient.in_([bytes.fromhex(term) for term in person.terms]),
            ledger.c.kind == ERASED,
            ledger.c.at_ms >= received_ms(receipt),
        )
    )
    return connection.execute(asked.limit(1)).first() is not None


# --- questions ---


def _receipts(connection: Connection, terms: Iterable[bytes]) -> Iterator[str]:
    table = schema.terms
    days = list(connection.execute(sa.select(schema.days.c.day)).scalars())
    for term in terms:
        asked = sa.select(table.c.receipt).where(table.c.day.in_(days), table.c.term == term)
        yield from connection.execute(asked).scalars()


def _stories(connection: Connection, receipts: Sequence[str]) -> Iterator[tuple[str, Story]]:
    table = schema.messages
    for page in _pages(receipts):
        asked = sa.select(table.c.receipt, table.c.story).where(table.c.receipt.in_(page))
        for row in connection.execute(asked.order_by(table.c.receipt)).all():
            yield row.receipt, Story.read(row.story)


def _open(connection: Connection, receipts: Sequence[str]) -> dict[str, int]:
    table = schema.outcomes
    states: dict[str, set[str]] = {}
    for page in _pages(receipts):
        asked = sa.select(table.c.receipt, table.c.state)
        asked = asked.where(table.c.receipt.in_(page), table.c.state.in_(_OPEN))
        for row in connection.execute(asked):
            states.setdefault(row.receipt, set()).add(row.state)
    counts = Counter(state for found in states.values() for state in found)
    return {state: counts[state] for state in _OPEN if counts[state]}


def _set_aside(connection: Connection, terms: Sequence[bytes]) -> int:
    """Contents without a message, because the record of its decision is quarantined."""
    ledger, patients = schema.ledger, schema.ledger_patients
    journal, messages = schema.journal, schema.messages
    whole = sa.select(messages.c.receipt).where(messages.c.receipt == journal.c.receipt)
    asked = (
        sa.select(sa.func.count(sa.distinct(journal.c.receipt)))
        .select_from(patients.join(ledger, ledger.c.seq == patients.c.seq))
        .join(journal, journal.c.receipt == ledger.c.receipt)
        .where(patients.c.patient.in_(terms), ledger.c.kind == QUARANTINED, ~whole.exists())
    )
    return connection.execute(asked).scalar_one()


def _pages(receipts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(receipts), _TOGETHER):
        yield receipts[start : start + _TOGETHER]


def _by_day(receipts: Sequence[str]) -> list[tuple[int, list[str]]]:
    found: dict[int, list[str]] = {}
    for receipt in receipts:
        found.setdefault(received_ms(receipt) // DAY_MS, []).append(receipt)
    return sorted(found.items())
