"""Erasing what has been kept long enough, a class at a time, in small transactions.

Law: what a legal hold covers stays; so does content while a part of its message is open, up to the
time of what a person may need. Each erasing is a row of the ledger in the same transaction: which
class, how many, from when to when, and a digest of their receipts. The ledger itself is erased from
its beginning only, under a signed mark, and stops at the first row that a hold covers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.chain import Head, Mark
from engine.archive.database import Database
from engine.archive.entries import Entry, act
from engine.archive.ledger import Appender
from engine.archive.rows import CONTENT, DAY_MS, PARKED
from engine.archive.signing import Signer
from engine.clock import Clock
from engine.config.model import Retention
from engine.intake.receipts import earliest_receipt, received_ms

#: The kind of every proof of erasure.
ERASED = "erased"

#: How many rows one transaction erases, and how many times more of messages without their
#: content: each transaction writes most pages of a day's search terms anew, as these stand in the
#: order of their hashes, so that the fewer there are, the less is written.
BATCH = 2000
TIMES_MESSAGES = 5


class Class(Enum):
    """What is kept for a time of its own, in the order in which it is erased."""

    CONTENT = "content"
    PARKED = "parked"
    METADATA = "metadata"
    LEDGER = "ledger"


#: What one message of a class has rows in, its terms apart.
_TABLES = {
    Class.CONTENT: (schema.journal,),
    Class.PARKED: (schema.journal,),
    Class.METADATA: (schema.journal, schema.messages, schema.outcomes),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold; `patient` empty: everybody. Times are Unix milliseconds, both inclusive."""

    id: int
    patient: bytes
    from_ms: int
    to_ms: int
    at_ms: int
    by: str
    reason: str


def active_holds(connection: Connection) -> tuple[Hold, ...]:
    """Every hold that is in force."""
    table = schema.holds
    found = connection.execute(table.select().where(table.c.lifted_ms == 0).order_by(table.c.id))
    return tuple(
        Hold(row.id, row.patient, row.from_ms, row.to_ms, row.at_ms, row.by, row.reason)
        for row in found
    )


class Eraser:
    """Erases what is due; `step` is one transaction, `next_round` begins again."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        retention: Retention,
        *,
        clock: Clock,
        batch: int = BATCH,
        by: str = "engine",
        reason: str = "retention",
    ) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock
        self._batch = batch
        self._by, self._reason = by, reason
        self._days = {
            Class.CONTENT: retention.content_days,
            Class.PARKED: retention.parked_days,
            Class.METADATA: retention.metadata_days,
            Class.LEDGER: retention.ledger_days,
        }
        self._left: list[Class] = []
        self._after = ""

    def next_round(self) -> None:
        """Look at everything again: a day has passed, or a hold was lifted."""
        self._left, self._after = list(Class), ""

    def step(self) -> int | None:
        """Erase one batch; how many rows, or None when the round is over."""
        if not self._left:
            return None
        class_ = self._left[0]
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            cutoff_ms = self._cutoff_ms(class_)
            holds = active_holds(connection)
            if class_ is Class.LEDGER:
                number, over = self._ledger(connection, appender, cutoff_ms, holds)
            else:
                number, over = self._of_messages(connection, appender, class_, cutoff_ms, holds)
            appender.finish(self._now_ms)
        if over:
            self._left.pop(0)
            self._after = ""
        self._database.give_back()
        return number

    @property
    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _cutoff_ms(self, class_: Class) -> int:
        """The beginning of the first day, UTC, that stays."""
        return (self._now_ms // DAY_MS - self._days[class_]) * DAY_MS

    def _of_messages(
        self,
        connection: Connection,
        appender: Appender,
        class_: Class,
        cutoff_ms: int,
        holds: Sequence[Hold],
    ) -> tuple[int, bool]:
        due = connection.execute(self._due(class_, max(0, cutoff_ms)))
        found = [row[0] for row in due]
        if not found:
            return 0, True
        self._after = found[-1]
        held = held_by(connection, holds, found)
        erased = [one for one in found if one not in held]
        if erased:
            erase(connection, class_, erased)
            if class_ is Class.METADATA:
                for day, of_day in groupby(erased, lambda one: received_ms(one) // DAY_MS):
                    _erase_terms(connection, day, list(of_day))
            appender.add([self._proof(class_, erased)])
        return len(erased), len(found) < self._number(class_)

    def _number(self, class_: Class) -> int:
        return self._batch * (TIMES_MESSAGES if class_ is Class.METADATA else 1)

    def _due(self, class_: Class, cutoff_ms: int) -> sa.Select[str]:
        """Receipts of which this class is over, oldest first."""
        messages, journal = schema.messages, schema.journal
        before = earliest_receipt(cutoff_ms)
        if class_ is Class.METADATA:
            asked = sa.select(messages.c.receipt).where(messages.c.open == 0)
            column = messages.c.receipt
        else:
            column = journal.c.receipt
            open_ = sa.select(messages.c.receipt).where(
                messages.c.receipt == journal.c.receipt, messages.c.open > 0
            )
            asked = sa.select(column)
            if class_ is Class.CONTENT:
                asked = asked.where(journal.c["class"] == CONTENT, ~open_.exists())
            else:
                asked = asked.where((journal.c["class"] == PARKED) | open_.exists())
        asked = asked.where(column < before, column > self._after)
        return asked.order_by(column).limit(self._number(class_))

    def _ledger(
        self, connection: Connection, appender: Appender, cutoff_ms: int, holds: Sequence[Hold]
    ) -> tuple[int, bool]:
        table = schema.ledger
        found = connection.execute(table.select().order_by(table.c.seq).limit(self._batch)).all()
        last = None
        for row in found:
            if row.at_ms >= cutoff_ms or _is_held(holds, row.at_ms, row.body):
                break
            last = row
        if last is None:
            return 0, True
        number = last.seq - found[0].seq + 1
        mark = appender.signed(Mark.PRUNED, Head(last.seq, last.hash), self._now_ms)
        marks = schema.checkpoints
        connection.execute(marks.delete().where(marks.c.seq <= last.seq))
        appender.sign(mark)
        patients = schema.ledger_patients
        connection.execute(patients.delete().where(patients.c.seq <= last.seq))
        connection.execute(table.delete().where(table.c.seq <= last.seq))
        said = {"class": "ledger", "rows": number, "through": last.seq, "hash": last.hash.hex()}
        appender.add([act(ERASED, self._clock.now(), self._by, self._reason, **said)])
        return number, number < self._batch

    def _proof(self, class_: Class, receipts: Sequence[str]) -> Entry:
        said = {"class": class_.value, **proof_of(receipts)}
        return act(ERASED, self._clock.now(), self._by, self._reason, **said)


def proof_of(receipts: Sequence[str]) -> dict[str, object]:
    """What the proof says of messages: from when to when, and a digest of their names."""
    return {
        "rows": len(receipts),
        "from": day_of(receipts[0]) if receipts else "",
        "to": day_of(receipts[-1]) if receipts else "",
        "receipts_sha256": hashlib.sha256("\n".join(receipts).encode("ascii")).hexdigest(),
        "method": "rows overwritten and removed",
    }


def erase(connection: Connection, class_: Class, receipts: Sequence[str]) -> None:
    """Erase what some messages have in the tables of a class, their search terms apart."""
    for table in _TABLES[class_]:
        connection.execute(table.delete().where(table.c.receipt.in_(receipts)))


def _erase_terms(connection: Connection, day: int, receipts: Sequence[str]) -> None:
    """The search terms of messages that are gone, and the day itself if none of it are left."""
    messages, terms, days = schema.messages, schema.terms, schema.days
    first, last = receipts[0], receipts[-1]
    left = sa.select(messages.c.receipt).where(messages.c.receipt.between(first, last))
    connection.execute(
        terms.delete().where(
            terms.c.day == day,
            terms.c.receipt.between(first, last),
            terms.c.receipt.not_in(left),
        )
    )
    of_day = sa.select(messages.c.receipt).where(messages.c.day == day)
    connection.execute(days.delete().where(days.c.day == day, ~of_day.exists()))


def held_by(connection: Connection, holds: Iterable[Hold], receipts: Sequence[str]) -> set[str]:
    """Those of `receipts` that a hold covers."""
    found: set[str] = set()
    days = sorted({received_ms(receipt) // DAY_MS for receipt in receipts})
    for hold in holds:
        within = {one for one in receipts if hold.from_ms <= received_ms(one) <= hold.to_ms}
        if hold.patient and within:
            table = schema.terms
            asked = sa.select(table.c.receipt).where(
                table.c.day.in_(days), table.c.term == hold.patient
            )
            within &= set(connection.execute(asked).scalars())
        found |= within
    return found


def _is_held(holds: Iterable[Hold], at_ms: int, body: str) -> bool:
    patients = json.loads(body).get("patients", ())
    return any(
        hold.from_ms <= at_ms <= hold.to_ms and (not hold.patient or hold.patient.hex() in patients)
        for hold in holds
    )


def day_of(receipt: str) -> str:
    """The day on which a message was received, in UTC."""
    return datetime.fromtimestamp(received_ms(receipt) / 1000, UTC).date().isoformat()
