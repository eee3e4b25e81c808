"""What is erased when, what stays, and the proof of it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.retention import Eraser
from engine.archive.rows import DAY_MS
from engine.archive.terms import patient_term
from engine.config.model import Retention
from engine.intake.receipts import received_ms
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt

DAY_S = 86_400.0


def erase(rig: Rig, **options: Any) -> int:
    """One whole round; how many rows."""
    retention = Retention(content_days=7, parked_days=30, metadata_days=90, ledger_days=6 * 366)
    eraser = Eraser(rig.database, rig.signer, retention, clock=rig.clock, **{"batch": 3, **options})
    eraser.next_round()
    total = 0
    while (number := eraser.step()) is not None:
        total += number
    return total


def hold(rig: Rig, patient: str = "", from_ms: int = 0, to_ms: int = 10**14) -> None:
    row = {
        "patient": patient_term(rig.sealer, patient) if patient else b"",
        "from_ms": from_ms,
        "to_ms": to_ms,
        "at_ms": 1,
        "by": "counsel",
        "reason": "litigation",
        "lifted_ms": 0,
    }
    with rig.database.writing() as connection:
        connection.execute(schema.holds.insert(), row)


def contents(rig: Rig) -> set[str]:
    return {row.receipt for row in rig.rows(schema.journal)}


def is_whole(rig: Rig) -> bool:
    with rig.database.reading() as connection:
        return list(audit(connection, rig.verifier)) == []


@pytest.fixture
def old(rig: Rig) -> Rig:
    """Ten delivered messages of one day."""
    for number in range(10):
        rig.take(adt(f"M{number}", f"P{number}"))
        rig.end("acme")
    rig.archive()
    return rig


def test_nothing_is_erased_before_its_time(old: Rig) -> None:
    old.clock.pass_s(7 * DAY_S)
    assert erase(old) == 0
    assert len(contents(old)) == 10


def test_content_goes_first_and_the_ledger_proves_it(old: Rig) -> None:
    old.clock.pass_s(8 * DAY_S)
    assert erase(old) == 10
    assert contents(old) == set()
    assert len(old.rows(schema.messages)) == 10
    proofs = [body for body in old.bodies() if body["kind"] == "erased"]
    assert [(proof["class"], proof["rows"]) for proof in proofs] == [
        ("content", 3),
        ("content", 3),
        ("content", 3),
        ("content", 1),
    ]
    assert proofs[0]["from"] == "2026-03-01"
    assert len(proofs[0]["receipts_sha256"]) == 64
    assert is_whole(old)
    assert erase(old) == 0


def test_then_everything_that_is_searched_but_not_the_ledger(old: Rig) -> None:
    old.clock.pass_s(91 * DAY_S)
    erase(old)
    for table in (schema.journal, schema.messages, schema.terms, schema.outcomes, schema.days):
        assert old.rows(table) == []
    assert sum(body["kind"] == "delivered" for body in old.bodies()) == 10
    assert is_whole(old)


def test_what_stays_among_erased_messages_is_still_found(rig: Rig) -> None:
    """A part that waits keeps its message; those before it, after it and of the next day go."""
    receipts = []
    for number in range(7):
        receipts.append(rig.take(adt(f"M{number}", f"P{number}")))
        if number == 2:
            rig.end("acme", Final.PARKED, ack="AR", reason="refused")
        else:
            rig.end("acme")
        rig.clock.pass_s(DAY_S if number == 4 else 60)
    rig.archive()
    all_terms = {(row.term, row.receipt) for row in rig.rows(schema.terms)}
    rig.clock.pass_s(92 * DAY_S)
    erase(rig, batch=1)
    kept = {(row.term, row.receipt) for row in rig.rows(schema.terms)}
    assert kept == {one for one in all_terms if one[1] == receipts[2]} != set()
    for table in (schema.messages, schema.outcomes):
        assert [row.receipt for row in rig.rows(table)] == [receipts[2]]
    assert [row.day for row in rig.rows(schema.days)] == [received_ms(receipts[2]) // DAY_MS]


def test_after_six_years_the_ledger_goes_from_its_beginning_and_stays_verifiable(old: Rig) -> None:
    old.clock.pass_s(6 * 366 * DAY_S + DAY_S)
    old.take(adt("NEW"))
    old.archive()
    erase(old)
    kinds = [body["kind"] for body in old.bodies()]
    assert kinds[0] == "decision"
    assert "delivered" not in kinds
    assert set(kinds) == {"decision", "erased"}
    assert len(old.rows(schema.ledger_patients)) > 0
    assert is_whole(old)
    with old.database.writing() as connection:
        first = connection.execute(sa.select(sa.func.min(schema.ledger.c.seq))).scalar_one()
        connection.execute(schema.ledger.delete().where(schema.ledger.c.seq == first))
    assert not is_whole(old), "one more than was erased in due time"


def test_what_a_person_may_need_stays_longer(rig: Rig) -> None:
    parked = rig.take(adt("M1"))
    rig.end("acme", Final.PARKED, ack="AR", reason="refused")
    waiting = rig.take(adt("M2"))
    rig.archive()
    rig.clock.pass_s(8 * DAY_S)
    assert erase(rig) == 0
    assert contents(rig) == {parked, waiting}
    rig.clock.pass_s(30 * DAY_S)
    erase(rig)
    assert contents(rig) == set()
    rig.clock.pass_s(90 * DAY_S)
    erase(rig)
    assert len(rig.rows(schema.messages)) == 2, "their end is still to come"


def test_a_patient_under_legal_hold_keeps_everything(old: Rig) -> None:
    hold(old, "P4")
    old.clock.pass_s(6 * 366 * DAY_S + DAY_S)
    erase(old)
    (message,) = old.rows(schema.messages)
    assert message.control_id == "M4"
    assert contents(old) == {message.receipt}
    delivered = [body for body in old.bodies() if body["kind"] == "delivered"]
    assert [body["control_id"] for body in delivered] == [f"M{n}" for n in range(4, 10)]
    assert is_whole(old)


def test_a_time_under_legal_hold_keeps_everybodys(old: Rig) -> None:
    hold(old)
    old.clock.pass_s(91 * DAY_S)
    assert erase(old) == 0
    with old.database.writing() as connection:
        connection.execute(schema.holds.update(), {"lifted_ms": 2})
    assert erase(old) > 0


def test_sqlite_gives_its_room_back(on_sqlite: Rig) -> None:
    """PostgreSQL's autovacuum does it there."""
    rig = on_sqlite
    for number in range(200):
        rig.take(adt(f"N{number}" * 20))
    rig.archive()

    def pages() -> int:
        with rig.database.reading() as connection:
            return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())

    before = pages()
    rig.clock.pass_s(400 * DAY_S)
    with rig.database.writing() as connection:
        connection.execute(schema.messages.update(), {"open": 0})
    erase(rig, batch=100)
    assert pages() < before * 0.8
