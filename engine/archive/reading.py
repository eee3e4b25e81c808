"""What one batch is: records of the store's ledger, the messages that they decided, told.

Law: the store is asked for little at a time, so that no answer stalls it. What cannot be told is
marked, not passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from engine.archive.entries import read_record
from engine.archive.quarantine import FAULTS, is_receipt
from engine.archive.rows import Arrived
from engine.archive.story import Scribe
from engine.intake.receipts import received_at
from engine.redecision.kept_message import Answers, KeptMessage
from engine.store.port import Contents, ReadLedger, Recall, Store

#: How many bytes of content one question asks for.
BATCH_BYTES = 4 * 1024 * 1024

#: For how many messages one question asks what is known of coverage and patients.
RECALLS = 64

Numbered: TypeAlias = tuple[str, dict[str, Any]]  # a record at its position


class Reader:
    """Reads the beginning of the store's ledger, and what it is about."""

    def __init__(self, store: Store, scribe: Scribe) -> None:
        self._store = store
        self._scribe = scribe

    def records(self, number: int) -> list[Numbered]:
        """The first records, with their positions."""
        found = cast(
            "tuple[tuple[str, bytes], ...]", self._store.execute([ReadLedger("", number)])[0]
        )
        return [(at, read_record(record)) for at, record in found]

    def contents(self, records: Iterable[Numbered]) -> dict[str, Arrived]:
        """The sealed messages that were decided, by receipt; those that fit into one answer."""
        decided = {
            str(record["receipt"]): Arrived(record)
            for _, record in records
            if record["kind"] == "decision" and is_receipt(record.get("receipt"))
        }
        if not decided:
            return {}
        asked = Contents(tuple(decided), BATCH_BYTES)
        contents = cast("tuple[bytes | None, ...]", self._store.execute([asked])[0])
        for arrived, sealed in zip(decided.values(), contents, strict=False):
            arrived.sealed = sealed
        return dict(list(decided.items())[: len(contents)])

    def tell(self, arrived: Iterable[Arrived]) -> None:
        """Open what came and write its story, with what is known of coverage."""
        present = [one for one in arrived if one.sealed is not None]
        for first in range(0, len(present), RECALLS):
            self._tell(present[first : first + RECALLS])

    def _tell(self, arrived: Sequence[Arrived]) -> None:
        for one in arrived:
            if one.sealed is not None:
                one.opened = self._scribe.open(one.receipt, one.sealed)
        opened = [(one, one.opened) for one in arrived if one.opened is not None]
        known = self._recall({kept.recall for _, kept in opened if _asks(kept)})
        for one, kept in opened:
            one.opened, recalled = self.recalled(kept, known)
            at = received_at(one.receipt)
            try:
                one.story = self._scribe.tell(one.opened, _disclosed(one.record), recalled, at)
                one.terms = self._scribe.terms(one.opened)
            except FAULTS as fault:
                one.fault = fault

    def recalled(
        self, opened: KeptMessage, known: Mapping[Recall, Answers] = MappingProxyType({})
    ) -> tuple[KeptMessage, Answers]:
        """What the store knows of a message's coverage and patients; `known`: already asked."""
        if not _asks(opened):
            return opened, ()
        return self._scribe.gather(
            opened,
            lambda recall: known[recall] if recall in known else self._recall([recall])[recall],
        )

    def _recall(self, recalls: Iterable[Recall]) -> dict[Recall, Answers]:
        """The answers, in one round trip; the archiver has the least of the processor's time."""
        asked = tuple(recalls)
        answers = self._store.execute(asked) if asked else ()
        return dict(zip(asked, cast("Iterable[Answers]", answers), strict=True))


def _asks(opened: KeptMessage) -> bool:
    return bool(opened.names or opened.patients)


def before_unread(records: list[Numbered], arrived: Mapping[str, Arrived]) -> list[Numbered]:
    """The records up to the first decision whose content did not fit into the answer."""
    for number, (_, record) in enumerate(records):
        receipt = record.get("receipt")
        if record["kind"] == "decision" and is_receipt(receipt) and receipt not in arrived:
            return records[:number]
    return records


def order(position: str) -> tuple[int, ...]:
    """Positions as numbers; nothing is before everything."""
    return tuple(int(part) for part in position.split("-")) if position else ()


def _disclosed(record: Mapping[str, Any]) -> list[str]:
    channels = record.get("channels")
    return [
        channel
        for channel, said in (channels if isinstance(channels, dict) else {}).items()
        if said.get("verdict") == "disclose" and not said.get("state")
    ]
