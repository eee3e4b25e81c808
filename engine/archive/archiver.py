"""The archiver: takes the store's ledger and journal into the archive, batch by batch.

Law: a batch and the position it ends at are one transaction, so that a batch is archived once or
not at all, whenever the archiver is killed; only what is committed is let go by the store, and what
a killed archiver had committed is let go by the next one. Several archivers may work on one
archive: whoever finds that another has been there reads again. It asks the store for little at a
time, and nothing waits for it.

    read ledger from its beginning ─► read contents ─► transaction: messages, content, terms,
         ▲                                              outcomes, chain, checkpoint, position
         └──────────── let go, with the new head ◄──────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.audit import read_head
from engine.archive.candidates import candidates_of
from engine.archive.chain import Head
from engine.archive.database import Database
from engine.archive.entries import ENDS, Clerk, Entry, Message, act
from engine.archive.history import CHANGED, keep_changes
from engine.archive.ledger import Appender
from engine.archive.outcomes import Outcomes
from engine.archive.quarantine import FAULTS, Suspect, quarantine
from engine.archive.reading import Numbered, Reader, before_unread, order
from engine.archive.rows import Arrived, insert_arrived, keep_content, update_open
from engine.archive.signing import Signer
from engine.archive.standing import MOVES
from engine.archive.story import Person, Scribe, Story
from engine.clock import Clock
from engine.redecision.kept_message import KeptMessage
from engine.store.port import Backlog, LetGo, Store, Unarchived
from engine.store.sealing import SealError

BATCH_RECORDS = 500


class Archiver:
    """Implements the diagram above; `step` is one turn of it."""

    def __init__(
        self,
        database: Database,
        store: Store,
        scribe: Scribe,
        clerk: Clerk,
        signer: Signer,
        *,
        clock: Clock,
        batch_records: int = BATCH_RECORDS,
        quarantined: Callable[[str, Exception], object] = lambda receipt, fault: None,
    ) -> None:
        self._database = database
        self._store = store
        self._reader = Reader(store, scribe)
        self._scribe = scribe
        self._clerk = clerk
        self._signer = signer
        self._clock = clock
        self._batch_records = batch_records
        self._quarantined = quarantined
        #: How old the oldest record was that the last step found, in seconds.
        self.oldest_s = 0.0

    def begin(self, grants: str) -> bool:
        """Note the policy in force; False when the archive has lost its end since it last wrote.

        Then the chain says so itself, for `ledger verify` and everybody else. Raises
        `ArchiveError`, `StoreUnavailable`.
        """
        backlog = cast("Unarchived", self._store.execute([Backlog()])[0])
        now = self._clock.now()
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            lost = _is_behind(appender.head, backlog.head)
            if lost:
                said = {"expected": backlog.head, "found": str(appender.head)}
                appender.add([act("gap", now, "engine", "the archive has lost its end", **said)])
            table, revision = schema.policies, self._scribe.revision
            known = connection.execute(sa.select(table.c.at_ms).where(table.c.revision == revision))
            if known.first() is None:
                row = {"revision": revision, "at_ms": _ms(now), "grants": grants}
                connection.execute(table.insert(), row)
                appender.add([act("policy", now, "engine", "", revision=revision)])
            appender.finish(_ms(now))
        return not lost

    def step(self) -> int:
        """Archive the next batch; how many records it had, 0 when there is nothing to do."""
        with self._database.reading() as connection:
            position = connection.execute(sa.select(schema.head.c.position)).scalar_one()
            head = read_head(connection)
        records = self._reader.records(self._batch_records)
        if records:  # a position begins with the store's time in milliseconds
            since_ms = order(records[0][0])[0]
            self.oldest_s = self._clock.now().timestamp() - since_ms / 1000
        known = [one for one in records if order(one[0]) <= order(position)]
        if known:  # committed by an archiver that was killed before it could let them go
            self._let_go(known, head)
            return len(known)
        arrived = self._reader.contents(records)
        records = before_unread(records, arrived)
        if not records:
            return 0
        self._reader.tell(arrived.values())
        committed = self._take(position, records, arrived)
        if committed is not None:
            self._let_go(records, committed)
        return len(records)

    def _let_go(self, records: list[Numbered], head: Head) -> None:
        receipts = {str(record.get("receipt", "")) for _, record in records} - {""}
        self._store.execute([LetGo(records[-1][0], tuple(sorted(receipts)), str(head))])

    # --- writing the archive ------------------------------------------------------------------

    def _take(
        self,
        position: str,
        records: list[Numbered],
        arrived: Mapping[str, Arrived],
    ) -> Head | None:
        """One transaction, or several by halves until a faulty record stands alone."""
        mine = {str(record.get("receipt")) for _, record in records if record["kind"] == "decision"}
        here = {receipt: one for receipt, one in arrived.items() if receipt in mine}
        try:
            return self._commit(position, records, here)
        except FAULTS as fault:
            if len(records) == 1:
                return self._set_aside(position, *records[0], here, fault)
        half = len(records) // 2
        if self._take(position, records[:half], arrived) is None:
            return None
        return self._take(records[half - 1][0], records[half:], arrived)

    def _set_aside(
        self,
        position: str,
        at: str,
        record: dict[str, Any],
        arrived: Mapping[str, Arrived],
        fault: Exception,
    ) -> Head | None:
        """Quarantine one record, with the content that came with it."""
        suspect = Suspect(at, record)
        suspect = replace(suspect, contract=self._clerk.contract(suspect.channel))
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            if appender.position != position:
                return None
            for one in arrived.values():
                keep_content(connection, one)
            suspect = replace(suspect, people=self._people(connection, suspect.receipt))
            appender.add([quarantine(suspect, fault, self._scribe.sealing)])
            head = appender.finish(_ms(self._clock.now()), at)
        self._quarantined(suspect.receipt, fault)
        return head

    def _people(self, connection: Connection, receipt: str) -> tuple[Person, ...]:
        """Everybody whom a message is about, by what the archive has of it."""
        about = self._known(connection, (receipt,)).get(receipt, Message())
        opened = None if about.story.people else self._kept(connection, receipt)
        with suppress(*FAULTS):  # the message itself may be what cannot be told
            return about.story.people if opened is None else self._scribe.people(opened)
        return ()

    def _kept(self, connection: Connection, receipt: str) -> KeptMessage | None:
        """A message whose content the archive has, open."""
        table = schema.journal
        asked = sa.select(table.c.sealed).where(table.c.receipt == receipt)
        sealed = connection.execute(asked).scalar()
        return None if sealed is None else self._scribe.open(receipt, sealed)

    def _commit(
        self,
        position: str,
        records: list[Numbered],
        arrived: Mapping[str, Arrived],
    ) -> Head | None:
        """One transaction; None when another archiver was here first."""
        faults = [one.fault for one in arrived.values() if one.fault is not None]
        if faults:
            raise faults[0]
        moved = {str(r.get("receipt", "")) for _, r in records if r["kind"] in MOVES}
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            if appender.position != position:
                return None
            outcomes = Outcomes()
            outcomes.load(connection, moved - arrived.keys())
            known = self._known(connection, moved - arrived.keys())
            for one in arrived.values():
                message = one.record
                known[one.receipt] = Message(
                    str(message.get("type", "")), str(message.get("control_id", "")), one.story
                )
            for at, record in records:
                if record["kind"] == "decision" and str(record.get("receipt")) in arrived:
                    outcomes.decided(record)
                elif record["kind"] in MOVES:
                    outcomes.happened(record)
                about = known.get(str(record.get("receipt", "")), Message())
                if record["kind"] in ENDS:
                    about = self._told_again(connection, record, about, arrived)
                appender.add([self._clerk.entry(record, at, about)])
                if record["kind"] == CHANGED:
                    appender.write()
                    appender.add(self._candidates(connection, at, record))
            insert_arrived(connection, arrived.values(), outcomes)
            keep_changes(connection, records)
            outcomes.save(connection)
            update_open(connection, moved - arrived.keys(), outcomes)
            return appender.finish(_ms(self._clock.now()), records[-1][0])

    def _candidates(
        self, connection: Connection, at: str, record: dict[str, Any]
    ) -> Sequence[Entry]:
        """What one change makes doubtful; a row to look into where that can no longer be read."""
        sealing = self._scribe.sealing
        try:
            return tuple(candidates_of(connection, sealing, record))
        except SealError as fault:
            self._quarantined("", fault)
            return (quarantine(Suspect(at, record), fault, sealing),)

    def _known(self, connection: Connection, receipts: Iterable[str]) -> dict[str, Message]:
        table = schema.messages
        asked = sa.select(table.c.receipt, table.c.type, table.c.control_id, table.c.story)
        found = connection.execute(asked.where(table.c.receipt.in_(sorted(receipts))))
        return {
            row.receipt: Message(row.type, row.control_id, Story.read(row.story)) for row in found
        }

    def _told_again(
        self,
        connection: Connection,
        record: Mapping[str, Any],
        about: Message,
        arrived: Mapping[str, Arrived],
    ) -> Message:
        """A copy that was cut again since the decision: its story is told anew, if it can be."""
        channel, sha256 = str(record.get("channel", "")), str(record.get("sha256", ""))
        if not sha256 or about.story.copy(channel, sha256) is not None:
            return about
        receipt = str(record.get("receipt", ""))
        opened = arrived[receipt].opened if receipt in arrived else None
        opened = opened or self._kept(connection, receipt)
        if opened is None:
            return about
        opened, recalled = self._reader.recalled(opened)
        story = self._scribe.tell(opened, (channel,), recalled, self._clock.now())
        return replace(about, story=Story(about.story.people or story.people, story.copies))


def _is_behind(head: Head, told: str) -> bool:
    """Whether the store knows of a later head than the archive has."""
    try:
        known = Head.read(told)
    except ValueError:
        return False
    return known.seq > head.seq or (known.seq == head.seq and known.hash != head.hash)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
