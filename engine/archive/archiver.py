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

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.audit import read_head
from engine.archive.chain import Head
from engine.archive.database import Database
from engine.archive.entries import ENDS, Clerk, Message, act, read_record
from engine.archive.ledger import Appender
from engine.archive.rows import Arrived, insert_arrived, update_open
from engine.archive.signing import Signer
from engine.archive.standing import Standings
from engine.archive.story import Scribe, Story
from engine.clock import Clock
from engine.intake.receipts import received_at, received_ms
from engine.redecision.redecide import KeptMessage
from engine.store.port import Backlog, Contents, LetGo, ReadLedger, Store, Unarchived

BATCH_RECORDS = 500
BATCH_BYTES = 4 * 1024 * 1024

#: Kinds of records that move a part of a message.
MOVES = ENDS | {"discarded", "redecided"}


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
    ) -> None:
        self._database = database
        self._store = store
        self._scribe = scribe
        self._clerk = clerk
        self._signer = signer
        self._clock = clock
        self._batch_records = batch_records

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
        asked = ReadLedger("", self._batch_records)
        found = cast("tuple[tuple[str, bytes], ...]", self._store.execute([asked])[0])
        records = [(at, read_record(record)) for at, record in found]
        known = [one for one in records if _order(one[0]) <= _order(position)]
        if known:  # committed by an archiver that was killed before it could let them go
            self._let_go(known, head)
            return len(known)
        arrived = self._contents(records)
        records = _before_unread(records, arrived)
        if not records:
            return 0
        self._read(arrived.values())
        committed = self._commit(position, records, arrived)
        if committed is not None:
            self._let_go(records, committed)
        return len(records)

    def _let_go(self, records: list[tuple[str, dict[str, Any]]], head: Head) -> None:
        receipts = {str(record.get("receipt", "")) for _, record in records} - {""}
        self._store.execute([LetGo(records[-1][0], tuple(sorted(receipts)), str(head))])

    # --- reading the store --------------------------------------------------------------------

    def _contents(self, records: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Arrived]:
        decided = {
            str(record["receipt"]): Arrived(record)
            for _, record in records
            if record["kind"] == "decision" and _is_receipt(record.get("receipt"))
        }
        if not decided:
            return {}
        asked = Contents(tuple(decided), BATCH_BYTES)
        contents = cast("tuple[bytes | None, ...]", self._store.execute([asked])[0])
        for arrived, sealed in zip(decided.values(), contents, strict=False):
            arrived.sealed = sealed
        return dict(list(decided.items())[: len(contents)])

    def _read(self, arrived: Iterable[Arrived]) -> None:
        """Open what came and write its story, with what is known of coverage."""
        for one in arrived:
            if one.sealed is not None:
                one.opened = self._scribe.open(one.receipt, one.sealed)
            if one.opened is None:
                continue
            recalled = self._recalled(one.opened)
            at = received_at(one.receipt)
            one.story = self._scribe.tell(one.opened, _disclosed(one.record), recalled, at)
            one.terms = self._scribe.terms(one.opened)

    def _recalled(self, opened: KeptMessage) -> tuple[bytes | None, ...]:
        if not (opened.names or opened.patients):
            return ()
        return cast("tuple[bytes | None, ...]", self._store.execute([opened.recall])[0])

    # --- writing the archive ------------------------------------------------------------------

    def _commit(
        self,
        position: str,
        records: list[tuple[str, dict[str, Any]]],
        arrived: Mapping[str, Arrived],
    ) -> Head | None:
        """One transaction; None when another archiver was here first."""
        moved = {str(r.get("receipt", "")) for _, r in records if r["kind"] in MOVES}
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            if appender.position != position:
                return None
            standings = Standings()
            standings.load(connection, moved - arrived.keys())
            known = self._known(connection, moved - arrived.keys())
            for one in arrived.values():
                message = one.record
                known[one.receipt] = Message(
                    str(message.get("type", "")), str(message.get("control_id", "")), one.story
                )
            for at, record in records:
                if record["kind"] == "decision" and str(record.get("receipt")) in arrived:
                    standings.decided(record)
                elif record["kind"] in MOVES:
                    standings.happened(record)
                about = known.get(str(record.get("receipt", "")), Message())
                if record["kind"] in ENDS:
                    about = self._told_again(connection, record, about, arrived)
                appender.add([self._clerk.entry(record, at, about)])
            insert_arrived(connection, arrived.values(), standings)
            standings.save(connection)
            update_open(connection, moved - arrived.keys(), standings)
            return appender.finish(_ms(self._clock.now()), records[-1][0])

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
        if opened is None:
            table = schema.journal
            asked = sa.select(table.c.sealed).where(table.c.receipt == receipt)
            sealed = connection.execute(asked).scalar()
            opened = None if sealed is None else self._scribe.open(receipt, sealed)
        if opened is None:
            return about
        story = self._scribe.tell(opened, (channel,), self._recalled(opened), self._clock.now())
        return replace(about, story=Story(about.story.people or story.people, story.copies))


def _before_unread(
    records: list[tuple[str, dict[str, Any]]], arrived: Mapping[str, Arrived]
) -> list[tuple[str, dict[str, Any]]]:
    """The records up to the first decision whose content did not fit into the answer."""
    for number, (_, record) in enumerate(records):
        receipt = record.get("receipt")
        if record["kind"] == "decision" and _is_receipt(receipt) and receipt not in arrived:
            return records[:number]
    return records


def _order(position: str) -> tuple[int, ...]:
    """Positions as numbers; nothing is before everything."""
    return tuple(int(part) for part in position.split("-")) if position else ()


def _disclosed(record: Mapping[str, Any]) -> list[str]:
    channels = record.get("channels")
    return [
        channel
        for channel, said in (channels if isinstance(channels, dict) else {}).items()
        if said.get("verdict") == "disclose" and not said.get("state")
    ]


def _is_receipt(text: object) -> bool:
    try:
        return isinstance(text, str) and received_ms(text) >= 0
    except ValueError:
        return False


def _is_behind(head: Head, told: str) -> bool:
    """Whether the store knows of a later head than the archive has."""
    try:
        known = Head.read(told)
    except ValueError:
        return False
    return known.seq > head.seq or (known.seq == head.seq and known.hash != head.hash)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
