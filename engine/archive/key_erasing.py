"""The end of a day's content key, once the day's content is due.

Law: what is still needed keeps its key: what waits, is held or parked in the store, what a person
may need of the archive, and what a legal hold covers. Everything else of that day is erased
wherever it has been copied to, as no backup of store or archive has the key. Each key's end is a
row of the ledger; a key whose end is not there, because whoever destroyed it was killed, gets its
row in the next round.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.database import Database
from engine.archive.entries import Entry, act
from engine.archive.ledger import Appender
from engine.archive.retention import ERASED, active_holds, held_by
from engine.archive.rows import DAY_MS, PARKED
from engine.archive.signing import Signer
from engine.clock import Clock
from engine.config.model import Retention
from engine.errors import EngineError
from engine.intake.receipts import earliest_receipt
from engine.store.keyfile import KeysAwayError
from engine.store.keyfolder import Gone
from engine.store.keykeeping import Doer, KeyKeeper
from engine.store.keynames import HEADER_BYTES, KeyClass, KeyName, day_text
from engine.store.port import Backlog, Fetch, Store, Unarchived, Unfinished

#: How long a day is over before its key may go: what came at its end is in the store by then.
AFTER_MS = 3_600_000


class KeysNeededError(EngineError):
    """A key cannot go now."""


class KeyEraser:
    """Destroys what is due; `step` is one key, `next_round` begins again."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        store: Store,
        keeper: KeyKeeper,
        retention: Retention,
        *,
        clock: Clock,
        by: str = "engine",
        reason: str = "retention",
    ) -> None:
        self._database = database
        self._signer = signer
        self._store = store
        self._keeper = keeper
        self._content_days = retention.content_days
        self._clock = clock
        self._by, self._reason = by, reason
        self._left: list[KeyName] = []
        self._begins = False
        self._failed: KeysAwayError | None = None

    def next_round(self) -> None:
        """Look at every key again."""
        self._begins = True

    def step(self) -> int | None:
        """One key's turn: how many keys of days or messages went; None when the round is over.

        One that is damaged keeps no other from its turn; it is told when the round is over.
        """
        if self._begins:
            self._keeper.sweep(self._doer)
            self._left = self._due()
            self._record()
            self._begins = False
        if not self._left:
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            return None
        try:
            return self._turn(self._left.pop())
        except KeysAwayError as error:
            self._failed = error
            return 0

    def _turn(self, name: KeyName) -> int:
        listing = self._keeper.folder.names()
        if name in listing.kept and name not in listing.keys:
            return self.prune(name)
        self.destroy(name)
        return 1

    def _due(self) -> list[KeyName]:
        """Keys of days that are over, and those of which single keys are kept."""
        listing = self._keeper.folder.names()
        last = self._now_ms // DAY_MS - self._content_days - 1
        due = {
            name
            for name in listing.keys
            if name.class_ is KeyClass.CONTENT and name.day <= last and self._is_settled(name.day)
        }
        return sorted(due | (listing.kept - listing.keys), key=str, reverse=True)

    @property
    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    @property
    def _doer(self) -> Doer:
        return Doer(self._clock.now(), self._by, self._reason)

    def _is_settled(self, day: int) -> bool:
        return (day + 1) * DAY_MS + AFTER_MS <= self._now_ms

    # --- destroying -----------------------------------------------------------------------------

    def destroy(self, name: KeyName, *, is_lost: bool = False) -> Gone:
        """Destroy a day's key, but for what is needed.

        `is_lost`: there is no key any more from which to keep anything; raises `KeysNotLostError`
        where there is. Raises `KeysNeededError` when the day is not over, or the archive does not
        have all of it yet.
        """
        if not self._is_settled(name.day):
            raise KeysNeededError(
                "keys-day-not-over",
                f"{day_text(name.day)} is not over, or only just: its key still seals.",
                "Wait until an hour after midnight, UTC.",
            )
        backlog = cast("Unarchived", self._store.execute([Backlog()])[0])
        if backlog.records and backlog.oldest_ms <= (name.day + 1) * DAY_MS:
            raise KeysNeededError(
                "keys-not-archived",
                f"the archive does not have all of {day_text(name.day)} yet.",
                "Let the engine run until `payergate archive status` has nothing so old to take.",
            )
        needed = () if is_lost else self.needed(name)
        gone = self._keeper.destroy(name, needed, self._doer, is_lost=is_lost)
        self._record()
        return gone

    def prune(self, name: KeyName) -> int:
        """Let go of kept keys that nobody needs any more; how many."""
        number = self._keeper.prune(name, self.needed(name), self._doer)
        self._record()
        return number

    def give_up(self, name: KeyName) -> tuple[KeyName, ...]:
        """Let go of kept keys that cannot be had any more; the keys that wrapped them.

        Raises `KeysNotLostError` where they can.
        """
        gone = self._keeper.give_up(name, self._doer)
        self._record()
        return gone

    def needed(self, name: KeyName) -> list[bytes]:
        """The messages of a day that must still open."""
        first = earliest_receipt(name.day * DAY_MS)
        end = earliest_receipt((name.day + 1) * DAY_MS)
        found = {one for one in self._unfinished() if first <= one < end}
        with self._database.reading() as connection:
            found |= _needed_in_archive(connection, first, end)
        return sorted(one.encode("ascii") for one in found)

    def named(self, day: int) -> frozenset[KeyName]:
        """The keys that content of a day names, in archive and store: there was such a key."""
        first = earliest_receipt(day * DAY_MS)
        end = earliest_receipt((day + 1) * DAY_MS)
        waits = [one for one in self._unfinished() if first <= one < end]
        sealed = [one for one in self._store.execute([Fetch(r) for r in waits]) if one]
        with self._database.reading() as connection:
            headers = _headers_in_archive(connection, first, end)
        headers |= {cast("bytes", one)[:HEADER_BYTES] for one in sealed}
        return frozenset(name for one in headers if (name := _name_of(one)) is not None)

    def _unfinished(self) -> Iterable[str]:
        page = ""
        while True:
            answer = cast("tuple[str, ...]", self._store.execute([Unfinished(page)])[0])
            page, *receipts = answer
            yield from receipts
            if not page:
                return

    # --- the record -----------------------------------------------------------------------------

    def _record(self) -> None:
        """A row for every key whose end has none."""
        unrecorded = self._keeper.unrecorded()
        if not unrecorded:
            return
        with self._database.writing() as connection:
            appender = Appender(connection, self._signer)
            appender.add([self._proof(name, gone) for name, gone in unrecorded])
            appender.finish(self._now_ms)
        for name, _ in unrecorded:
            self._keeper.recorded(name)

    def _proof(self, name: KeyName, gone: Gone) -> Entry:
        said = {
            "class": name.class_.value,
            "day": day_text(name.day),
            "key": str(name),
            "kept": gone.kept,
            "destroyed_at": gone.at,
            "method": "key destroyed",
        }
        return act(ERASED, self._clock.now(), gone.by, gone.why, **said)


def _headers_in_archive(connection: Connection, first: str, end: str) -> set[bytes]:
    journal = schema.journal
    header = sa.func.substr(journal.c.sealed, 1, HEADER_BYTES, type_=sa.LargeBinary)
    of_day = sa.select(header).where(journal.c.receipt >= first, journal.c.receipt < end)
    return set(connection.execute(of_day.distinct()).scalars())


def _name_of(header: bytes) -> KeyName | None:
    try:
        return KeyName.of_header(header)
    except ValueError:  # sealed with a master key itself, in former times
        return None


def _needed_in_archive(connection: Connection, first: str, end: str) -> set[str]:
    """Content that a person may need, of a message that is open, or under a legal hold."""
    messages, journal = schema.messages, schema.journal
    column = journal.c.receipt
    of_day = sa.select(column).where(column >= first, column < end)
    is_open = sa.select(messages.c.receipt).where(
        messages.c.receipt == journal.c.receipt, messages.c.open > 0
    )
    of_people = of_day.where((journal.c["class"] == PARKED) | is_open.exists())
    found = set(connection.execute(of_people).scalars())
    holds = active_holds(connection)
    if holds:
        found |= held_by(connection, holds, list(connection.execute(of_day).scalars()))
    return found
