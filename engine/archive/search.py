"""Finding messages, and the whole story of one.

Law: every search walks an index: a term's days, a channel's outcomes, a type, or time; content is
never scanned. The one exception says so: what was withheld already when it was decided has no row
of its own, so that it is looked for among the messages of the asked time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.breach import IMPERMISSIBLE, named
from engine.archive.moves import read_moves
from engine.archive.rows import DAY_MS
from engine.archive.standing import Standing, standings
from engine.intake.receipts import earliest_receipt

MESSAGES, OUTCOMES, TERMS, DAYS = schema.messages, schema.outcomes, schema.terms, schema.days

_RECEIPT = MESSAGES.c.receipt

#: What is shown of a message. Its story is long, often on a page of its own, and shown by nobody.
_SHOWN = sa.select(
    _RECEIPT,
    MESSAGES.c.at_ms,
    MESSAGES.c.listener,
    MESSAGES.c.type,
    MESSAGES.c.control_id,
    MESSAGES.c.size_bytes,
    MESSAGES.c.decided,
)

#: A statement for receipts, and the column that it walks.
Walk: TypeAlias = tuple[sa.Select[Any], sa.ColumnElement[str]]

#: How many messages one question reads where something is looked for among them.
PAGE = 1000

#: Where a message may stand in a channel: the states of rows.
STATES = ("waiting", "held", "parked", "delivered", "withheld")

#: Outcomes that are no state of a row, or not in every case.
_LOOKED_FOR = frozenset({"withheld", "discarded"})


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; empty parts are not asked. Times are Unix milliseconds, `to` excluded."""

    terms: tuple[bytes, ...] = ()
    type: str = ""
    channel: str = ""
    outcome: str = ""
    from_ms: int = 0
    to_ms: int = 2**47
    limit: int = 100
    channels: tuple[str, ...] = ()  # the site's, for an outcome of any channel
    before: str = ""  # a receipt: go on from there


@dataclass(frozen=True, slots=True)
class Found:
    """One message. `outcomes`: channel → one of `standing.WORDS`, or that it was in shadow.

    What was not sent says there why, as `reasons` does: channel → codes; that of what waits for
    somebody stands in `reasons` alone.
    """

    receipt: str
    at_ms: int
    listener: str
    type: str
    control_id: str
    size_bytes: int
    outcomes: dict[str, str]
    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def told(self, channel: str) -> str:
        """The outcome with its reason."""
        outcome = self.outcomes[channel]
        codes = ", ".join(self.reasons.get(channel, ()))
        return f"{outcome} ({codes})" if codes and "(" not in outcome else outcome


def search(connection: Connection, query: Query) -> list[Found]:
    """Messages that agree with everything asked, the latest first."""
    if query.outcome in _LOOKED_FOR:
        return _looked_for(connection, query)
    receipts: set[str] = set()
    for walk, receipt in _walks(connection, query):
        asked = walk.where(receipt >= earliest_receipt(query.from_ms))
        receipts.update(connection.execute(asked.limit(query.limit)).scalars())
    latest = sorted(receipts, reverse=True)[: query.limit]
    asked_rows = _SHOWN.where(_RECEIPT.in_(latest))
    return _told(connection, list(connection.execute(asked_rows.order_by(_RECEIPT.desc()))))


def _looked_for(connection: Connection, query: Query) -> list[Found]:
    """Walk the messages of the time, page by page."""
    found: list[Found] = []
    others = replace(query, outcome="", channel="", limit=PAGE)
    while len(found) < query.limit:
        page = search(connection, others)
        found += [one for one in page if _stands(one.outcomes, query.channel, query.outcome)]
        if len(page) < PAGE:
            break
        others = replace(others, before=page[-1].receipt)
    return found[: query.limit]


def read_message(connection: Connection, receipt: str) -> Found | None:
    """One message by its receipt."""
    row = connection.execute(_SHOWN.where(MESSAGES.c.receipt == receipt)).first()
    if row is None:
        return None
    return _told(connection, [row])[0]


def read_rows(connection: Connection, receipt: str) -> list[dict[str, Any]]:
    """The ledger's rows of a message, in order."""
    table = schema.ledger
    asked = sa.select(table.c.body).where(table.c.receipt == receipt).order_by(table.c.seq)
    return [json.loads(body) for body in connection.execute(asked).scalars()]


def read_kind(connection: Connection, kind: str) -> list[dict[str, Any]]:
    """The ledger's rows of a kind, in order. It reads the whole ledger: for kinds that are rare."""
    table = schema.ledger
    asked = sa.select(table.c.body).where(table.c.kind == kind).order_by(table.c.seq)
    return [json.loads(body) for body in connection.execute(asked).scalars()]


def read_content(connection: Connection, receipt: str) -> bytes | None:
    """The sealed message, until it is erased."""
    table = schema.journal
    return connection.execute(sa.select(table.c.sealed).where(table.c.receipt == receipt)).scalar()


def disclosures(
    connection: Connection, channel: str, from_ms: int, to_ms: int
) -> Iterator[dict[str, Any]]:
    """The rows of everything that went, or may have gone, to a channel in a time, in order."""
    table = schema.ledger
    asked = (
        sa.select(table.c.body)
        .where(table.c.channel == channel, table.c.at_ms >= from_ms, table.c.at_ms < to_ms)
        .order_by(table.c.at_ms, table.c.seq)
    )
    for body in connection.execute(asked).scalars():
        said = json.loads(body)
        if said.get("disclosed", "no") != "no":
            yield said


def already_named(connection: Connection, channel: str, from_ms: int) -> set[int]:
    """The rows of disclosures to a channel that were named impermissible since `from_ms`."""
    table = schema.ledger
    asked = sa.select(table.c.body).where(
        table.c.channel == channel, table.c.at_ms >= from_ms, table.c.kind == IMPERMISSIBLE
    )
    return {int(json.loads(body)["of"]) for body in connection.execute(asked).scalars()}


def disclosures_of(
    connection: Connection, patient: Sequence[bytes], from_ms: int, to_ms: int
) -> list[dict[str, Any]]:
    """The rows of everything of a patient that went, or may have gone, to anybody, in order.

    `patient`: the terms of all of the patient's identifiers.
    What was named impermissible since, whenever that was, says so and is accountable.
    """
    ledger, patients = schema.ledger, schema.ledger_patients
    asked = (
        sa.select(ledger.c.seq, ledger.c.body)
        .select_from(patients.join(ledger, ledger.c.seq == patients.c.seq))
        .where(patients.c.patient.in_(patient), ledger.c.at_ms >= from_ms)
        .order_by(ledger.c.seq)
        .distinct()
    )
    found = [json.loads(row.body) for row in connection.execute(asked)]
    return named(
        [row for row in found if row.get("disclosed", "no") != "no" and row["at_ms"] < to_ms],
        [row for row in found if row["kind"] == IMPERMISSIBLE],
    )


def _walks(connection: Connection, query: Query) -> Iterator[Walk]:
    """Statements that each walk one index from its end, and together find everything.

    They give receipts alone: no message is read that is not shown.
    """
    before = query.before or earliest_receipt(query.to_ms)
    types = _types(connection, query.type)
    if query.terms:
        asked = sa.select(_RECEIPT)
        days = _days(connection, query)
        for term in query.terms:
            of_term = sa.select(TERMS.c.receipt).where(TERMS.c.day.in_(days), TERMS.c.term == term)
            asked = asked.where(MESSAGES.c.receipt.in_(of_term))
        if query.channel or query.outcome:
            asked = asked.where(_outcome(query).exists())
        yield _ending(asked, _RECEIPT, before, types)
    elif query.channel or query.outcome:
        for channel in (query.channel,) if query.channel else query.channels:
            for state in (query.outcome,) if query.outcome else STATES:
                asked = sa.select(OUTCOMES.c.receipt)
                if types is not None:
                    asked = asked.join(MESSAGES, OUTCOMES.c.receipt == _RECEIPT)
                asked = asked.where(OUTCOMES.c.channel == channel, OUTCOMES.c.state == state)
                yield _ending(asked, OUTCOMES.c.receipt, before, types)
    elif types is not None:
        for type_ in types:
            yield _ending(sa.select(_RECEIPT), _RECEIPT, before, (type_,))
    else:
        yield _ending(sa.select(_RECEIPT), _RECEIPT, before, None)


def _ending(
    asked: sa.Select[Any],
    receipt: sa.ColumnElement[str],
    before: str,
    types: tuple[str, ...] | None,
) -> Walk:
    if types is not None and len(types) == 1:
        asked = asked.where(MESSAGES.c.type == types[0])
    elif types is not None:
        asked = asked.where(MESSAGES.c.type.in_(types))
    return asked.where(receipt < before).order_by(receipt.desc()), receipt


def _outcome(query: Query) -> sa.Select[Any]:
    asked = sa.select(OUTCOMES.c.receipt).where(OUTCOMES.c.receipt == MESSAGES.c.receipt)
    if query.outcome:
        asked = asked.where(OUTCOMES.c.state == query.outcome)
    if query.channel:
        asked = asked.where(OUTCOMES.c.channel == query.channel)
    return asked


def _types(connection: Connection, asked: str) -> tuple[str, ...] | None:
    """The types meant: `ADT` means `ADT^A01^ADT_A01`, too; found by leaps through the index."""
    if not asked:
        return None
    found: list[str] = []
    column, last = MESSAGES.c.type, f"{asked}^"
    while True:
        leap = sa.select(sa.func.min(column)).where(column > last, column < f"{asked}_")
        following = connection.execute(leap).scalar()
        if following is None:
            return (asked, *found)
        found.append(following)
        last = following


def _days(connection: Connection, query: Query) -> list[int]:
    """The days of the asked time of which there are messages; a term is sought in each."""
    first, last = query.from_ms // DAY_MS, query.to_ms // DAY_MS
    asked = sa.select(DAYS.c.day).where(DAYS.c.day.between(first, last)).order_by(DAYS.c.day)
    return list(connection.execute(asked).scalars())


def _told(connection: Connection, rows: list[Any]) -> list[Found]:
    moves = read_moves(connection, [row.receipt for row in rows])
    return [
        _found(row, standings(json.loads(row.decided), moves.get(row.receipt, ()))) for row in rows
    ]


def _stands(outcomes: dict[str, str], channel: str, word: str) -> bool:
    chosen = [outcomes.get(channel, "")] if channel else list(outcomes.values())
    return any(outcome.startswith(word) for outcome in chosen)


def _found(row: Any, standing: dict[str, Standing]) -> Found:
    return Found(
        row.receipt, row.at_ms, row.listener, row.type, row.control_id, row.size_bytes,
        {channel: one.outcome for channel, one in standing.items()},
        {channel: one.reasons for channel, one in standing.items() if one.reasons},
    )  # fmt: skip
