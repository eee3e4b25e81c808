"""Finding messages, and the whole story of one.

Law: every search walks an index: a term's days, a channel's outcomes, a type, or time; content is
never scanned. The one exception says so: what was withheld already when it was decided has no row
of its own, so that it is looked for among the messages of the asked time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.intake.receipts import earliest_receipt

MESSAGES, OUTCOMES, TERMS, DAYS = schema.messages, schema.outcomes, schema.terms, schema.days

#: How many messages one question reads where something is looked for among them.
PAGE = 1000


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


@dataclass(frozen=True, slots=True)
class Found:
    """One message. `outcomes`: channel → state, with the reason for what was not sent."""

    receipt: str
    at_ms: int
    listener: str
    type: str
    control_id: str
    size_bytes: int
    outcomes: dict[str, str]


def search(connection: Connection, query: Query) -> list[Found]:
    """Messages that agree with everything asked, the latest first."""
    found: list[Found] = []
    withheld = query.outcome == "withheld"
    before = earliest_receipt(query.to_ms)
    while len(found) < query.limit:
        page = PAGE if withheld else query.limit
        rows = connection.execute(_asked(query, before, page, withheld)).all()
        states = _states(connection, [row.receipt for row in rows])
        for row in rows:
            outcomes = _outcomes(json.loads(row.decided), states.get(row.receipt, {}))
            if not withheld or _is_withheld(outcomes, query.channel):
                found.append(_found(row, outcomes))
        if len(rows) < page:
            break
        before = rows[-1].receipt
    return found[: query.limit]


def read_message(connection: Connection, receipt: str) -> Found | None:
    """One message by its receipt."""
    row = connection.execute(MESSAGES.select().where(MESSAGES.c.receipt == receipt)).first()
    if row is None:
        return None
    states = _states(connection, [receipt]).get(receipt, {})
    return _found(row, _outcomes(json.loads(row.decided), states))


def read_rows(connection: Connection, receipt: str) -> list[dict[str, Any]]:
    """The ledger's rows of a message, in order."""
    table = schema.ledger
    asked = sa.select(table.c.body).where(table.c.receipt == receipt).order_by(table.c.seq)
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


def disclosures_of(
    connection: Connection, patient: bytes, from_ms: int, to_ms: int
) -> list[dict[str, Any]]:
    """The rows of everything of a patient that went, or may have gone, to anybody, in order."""
    ledger, patients = schema.ledger, schema.ledger_patients
    asked = (
        sa.select(ledger.c.body)
        .select_from(patients.join(ledger, ledger.c.seq == patients.c.seq))
        .where(patients.c.patient == patient, ledger.c.at_ms >= from_ms, ledger.c.at_ms < to_ms)
        .order_by(patients.c.seq)
    )
    found = [json.loads(body) for body in connection.execute(asked).scalars()]
    return [said for said in found if said.get("disclosed", "no") != "no"]


def _asked(query: Query, before: str, limit: int, withheld: bool) -> sa.Select[Any]:
    """The statement that walks the narrowest index, the latest first."""
    first = earliest_receipt(query.from_ms)
    asked = MESSAGES.select()
    receipt: sa.ColumnElement[str] = MESSAGES.c.receipt
    by_state = bool(query.outcome) and not withheld
    for term in query.terms:
        of_term = sa.select(TERMS.c.receipt).select_from(
            DAYS.join(TERMS, (TERMS.c.day == DAYS.c.day) & (TERMS.c.term == term))
        )
        asked = asked.where(MESSAGES.c.receipt.in_(of_term))
    if query.channel and not withheld and not query.terms:
        asked = asked.join(OUTCOMES, OUTCOMES.c.receipt == MESSAGES.c.receipt)
        asked = asked.where(OUTCOMES.c.channel == query.channel)
        receipt = OUTCOMES.c.receipt
        if by_state:
            asked = asked.where(OUTCOMES.c.state == query.outcome)
    elif by_state or (query.channel and not withheld):
        standing = sa.select(OUTCOMES.c.receipt).where(OUTCOMES.c.receipt == MESSAGES.c.receipt)
        if by_state:
            standing = standing.where(OUTCOMES.c.state == query.outcome)
        if query.channel:
            standing = standing.where(OUTCOMES.c.channel == query.channel)
        asked = asked.where(standing.exists())
    if query.type:
        exact = MESSAGES.c.type == query.type
        more = MESSAGES.c.type.between(f"{query.type}^", f"{query.type}^~")
        asked = asked.where(exact if "^" in query.type else exact | more)
    return asked.where(receipt >= first, receipt < before).order_by(receipt.desc()).limit(limit)


def _states(connection: Connection, receipts: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    asked = OUTCOMES.select().where(OUTCOMES.c.receipt.in_(receipts))
    for row in connection.execute(asked):
        found.setdefault(row.receipt, {})[row.channel] = row.state
    return found


def _outcomes(decided: dict[str, Any], states: dict[str, str]) -> dict[str, str]:
    """Where it stands in every channel: as it went on, or as it was decided."""
    found = {}
    for channel, said in decided.items():
        if channel in states:
            found[channel] = states[channel]
        elif said.get("state"):
            found[channel] = f"{said['state']} ({said['verdict']})"
        else:
            reasons = ", ".join(said.get("reasons", ()))
            found[channel] = f"withheld ({reasons})" if reasons else "withheld"
    return found


def _is_withheld(outcomes: dict[str, str], channel: str) -> bool:
    chosen = [outcomes.get(channel, "")] if channel else list(outcomes.values())
    return any(state.startswith("withheld") for state in chosen)


def _found(row: Any, outcomes: dict[str, str]) -> Found:
    return Found(
        row.receipt, row.at_ms, row.listener, row.type, row.control_id, row.size_bytes, outcomes
    )
