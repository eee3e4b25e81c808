"""The archive's rows of what arrived in one batch.

Law: content stays sealed as it was in the store; its retention class says whether a person may
still need it, and changes with the message's outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.entries import short
from engine.archive.outcomes import Outcomes
from engine.archive.story import Story
from engine.intake.receipts import received_ms
from engine.redecision.kept_message import KeptMessage

DAY_MS = 86_400_000

#: Retention classes of content.
CONTENT, PARKED = "content", "parked"


@dataclass(slots=True)
class Arrived:
    """A decided message of the batch, and what is found in it."""

    record: Mapping[str, Any]
    sealed: bytes | None = None
    opened: KeptMessage | None = None
    story: Story = field(default_factory=Story)
    terms: frozenset[bytes] = frozenset()
    fault: Exception | None = None  # why it cannot be told

    @property
    def receipt(self) -> str:
        """Its name."""
        return str(self.record["receipt"])


def insert_arrived(connection: Connection, arrived: Iterable[Arrived], outcomes: Outcomes) -> None:
    """Add a batch's messages, contents and terms."""
    messages, contents, terms = [], [], []
    days: set[int] = set()
    for one in arrived:
        open_parts, needs_person = outcomes.open(one.receipt)
        at_ms = received_ms(one.receipt)
        day = at_ms // DAY_MS
        days.add(day)
        messages.append(_message_row(one, at_ms, open_parts))
        if one.sealed is not None:
            class_ = PARKED if needs_person else CONTENT
            contents.append({"receipt": one.receipt, "class": class_, "sealed": one.sealed})
        terms += [{"day": day, "term": term, "receipt": one.receipt} for term in one.terms]
    if messages:
        connection.execute(schema.messages.insert(), messages)
    if contents:
        connection.execute(schema.journal.insert(), contents)
    if terms:
        connection.execute(schema.terms.insert(), terms)
    if days:
        table = schema.days
        known = set(
            connection.execute(sa.select(table.c.day).where(table.c.day.in_(days))).scalars()
        )
        if days - known:
            connection.execute(table.insert(), [{"day": day} for day in sorted(days - known)])


def keep_content(connection: Connection, one: Arrived) -> None:
    """The content alone, of a message whose decision is quarantined: a person may need it."""
    table = schema.journal
    known = connection.execute(sa.select(table.c.receipt).where(table.c.receipt == one.receipt))
    if one.sealed is not None and known.first() is None:
        row = {"receipt": one.receipt, "class": PARKED, "sealed": one.sealed}
        connection.execute(table.insert(), row)


def _message_row(one: Arrived, at_ms: int, open_parts: int) -> dict[str, Any]:
    said = one.record
    return {
        "receipt": one.receipt,
        "day": at_ms // DAY_MS,
        "at_ms": at_ms,
        "listener": short(said.get("listener", ""), 64),
        "type": short(said.get("type", ""), 16),
        "control_id": short(said.get("control_id", ""), 200),
        "sha256": short(said.get("sha256", ""), 64),
        "revision": short(said.get("revision", ""), 64),
        "size_bytes": len(one.opened.message.raw) if one.opened else 0,
        "open": open_parts,
        "decided": _json(said.get("channels", {})),
        "story": one.story.as_json(),
    }


def update_open(connection: Connection, receipts: Iterable[str], outcomes: Outcomes) -> None:
    """What is final may go with its class; what a person may need stays with another."""
    changes = []
    for receipt in receipts:
        open_parts, needs_person = outcomes.open(receipt)
        class_ = PARKED if needs_person else CONTENT
        changes.append({"of": receipt, "open_parts": open_parts, "in_class": class_})
    if not changes:
        return
    messages, journal = schema.messages, schema.journal
    of: sa.BindParameter[str] = sa.bindparam("of")
    connection.execute(
        messages.update().where(messages.c.receipt == of).values(open=sa.bindparam("open_parts")),
        changes,
    )
    connection.execute(
        journal.update().where(journal.c.receipt == of).values({"class": sa.bindparam("in_class")}),
        changes,
    )


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
