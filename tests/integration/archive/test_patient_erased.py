"""One patient's content erased at the patient's request: what goes, what stays, and the proof."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.archive.acts import record
from engine.archive.audit import audit
from engine.archive.entries import act
from engine.archive.of_patient import (
    Found,
    Gone,
    Whose,
    erase_own,
    find,
    refuse_open,
    terms_of,
)
from engine.archive.retention import proof_of
from engine.archive.terms import patient_term
from engine.errors import EngineError
from engine.privacy.patients import Patient
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt

P1 = Whose((Patient("P1", "EAST"),))
P2 = Whose((Patient("P2", "EAST"),))


def two_patients(control_id: str, *patients: str) -> bytes:
    """Results of several patients in one message."""
    lines = [f"MSH|^~\\&|LAB|EAST|PG|EAST|20260301120000||ORU^R01|{control_id}|P|2.5.1"]
    for patient in patients:
        lines += [f"PID|1||{patient}^^^EAST^MR||ZQ^PAT", "OBR|1|||X", "OBX|1|NM|X||1"]
    return "".join(line + "\r" for line in lines).encode()


def look(rig: Rig, whose: Whose) -> Found:
    with rig.database.reading() as connection:
        return find(connection, rig.sealer, whose)


def erase(rig: Rig, whose: Whose) -> Gone:
    """As the command does."""
    found = look(rig, whose)
    refuse_open(found)
    with rig.database.reading() as connection:
        terms = terms_of(connection, found.own)
    with rig.database.writing() as connection:
        gone = erase_own(connection, found.own, terms)
    patients = tuple(term.hex() for term in whose.terms(rig.sealer))
    said = proof_of(found.own) | {"class": "patient", "patients": patients}
    record(rig.database, rig.signer, act("erased", rig.clock.now(), "tester", "asked", **said))
    return gone


def receipts(rig: Rig, table: Any) -> set[str]:
    return {row.receipt for row in rig.rows(table)}


def delivered(rig: Rig, *messages: bytes) -> list[str]:
    """Taken in, delivered to acme where it is for acme, and archived."""
    found = []
    for message in messages:
        found.append(rig.take(message))
        if b"IN1" in message:
            rig.end("acme")
        rig.clock.pass_s(1)
    rig.archive()
    return found


def test_a_patients_messages_go_and_nobody_elses(rig: Rig) -> None:
    mine, other, also_mine = delivered(rig, adt("M1"), adt("M2", "P2"), adt("M3", visit="V9"))
    before = len(rig.rows(schema.terms))
    assert look(rig, P1) == Found((mine, also_mine), open={})
    gone = erase(rig, P1)
    assert (gone.messages, gone.contents) == (2, 2)
    assert gone.terms == before - len(rig.rows(schema.terms))
    for table in (schema.journal, schema.messages, schema.outcomes, schema.terms):
        assert receipts(rig, table) == {other}
    assert look(rig, P1) == Found(open={})
    assert len([one for one in rig.bodies() if one["kind"] == "delivered"]) == 3, "the record stays"
    with rig.database.reading() as connection:
        assert list(audit(connection, rig.verifier)) == []


def test_a_day_of_which_nothing_is_left_is_no_day(rig: Rig) -> None:
    delivered(rig, adt("M1"))
    erase(rig, P1)
    assert rig.rows(schema.days) == []


@pytest.mark.parametrize("end", [Final.PARKED, None])
def test_what_is_not_done_with_keeps_everything(rig: Rig, end: Final | None) -> None:
    delivered(rig, adt("M1"))
    rig.take(adt("M2"))
    if end is not None:
        rig.end("acme", end, ack="AR", reason="refused")
    rig.archive()
    found = look(rig, P1)
    assert found.open == {"parked" if end else "waiting": 1}
    with pytest.raises(EngineError, match="patient-unfinished"):
        refuse_open(found)
    if end is not None:
        rig.discard("acme")
    else:
        rig.end("acme")
    rig.archive()
    assert erase(rig, P1).messages == 2


@pytest.mark.parametrize("held", ["P1", "", "P2"])
def test_a_legal_hold_keeps_everything_that_it_covers(rig: Rig, held: str) -> None:
    delivered(rig, adt("M1"))
    term = patient_term(rig.sealer, held) if held else b""
    row = {"patient": term, "from_ms": 0, "to_ms": 2**47, "at_ms": 1, "by": "counsel"}
    with rig.database.writing() as connection:
        connection.execute(schema.holds.insert(), {**row, "reason": "case", "lifted_ms": 0})
    found = look(rig, P1)
    if held == "P2":
        assert found.holds == ()
        return
    with pytest.raises(EngineError, match="hold 1"):
        refuse_open(found)


def test_what_is_also_another_patients_stays_until_both_have_asked(rig: Rig) -> None:
    (both,) = delivered(rig, two_patients("M1", "P1", "P2"))
    assert look(rig, P1).shared == 1
    assert erase(rig, P1).messages == 0
    assert receipts(rig, schema.journal) == {both}
    assert look(rig, P1).shared == 1, "it is still there, and is told"
    assert look(rig, P2).own == (both,), "nobody else needs it"
    assert erase(rig, P2).messages == 1
    assert receipts(rig, schema.journal) == set()


def test_a_patient_without_a_number_is_another(rig: Rig) -> None:
    raw = two_patients("M1", "P1", "")
    delivered(rig, raw)
    assert (look(rig, P1).own, look(rig, P1).shared) == ((), 1)


def test_the_same_number_of_another_authority_is_another_patient(rig: Rig) -> None:
    west = adt("M1").replace(b"P1^^^EAST", b"P1^^^WEST")
    nobodys = adt("M2").replace(b"P1^^^EAST", b"P1^^^")
    first, second, _ = delivered(rig, west, nobodys, adt("M3"))
    assert look(rig, P1).unsure == 1
    erase(rig, P1)
    assert receipts(rig, schema.messages) == {first, second}
    erase(rig, Whose((Patient("P1"),)))
    assert receipts(rig, schema.messages) == set()


def test_all_identifiers_of_a_person_count(rig: Rig) -> None:
    joined = Whose((Patient("P1", "EAST"), Patient("P2", "EAST")), frozenset({"P3"}))
    both, third = delivered(rig, two_patients("M1", "P1", "P2"), adt("M2", "P3"))
    found = look(rig, joined)
    assert (found.own, found.unsure) == ((both,), 1)
    erase(rig, joined)
    assert receipts(rig, schema.messages) == {third}


def test_content_that_is_gone_already_is_no_obstacle(rig: Rig) -> None:
    delivered(rig, adt("M1"))
    with rig.database.writing() as connection:
        connection.execute(schema.journal.delete())
    gone = erase(rig, P1)
    assert (gone.messages, gone.contents) == (1, 0)


def _bytes_of(folder: Path, names: Sequence[str]) -> bytes:
    return b"".join((folder / name).read_bytes() for name in names if (folder / name).exists())


def test_nothing_of_it_is_left_in_the_file(on_sqlite: Rig) -> None:
    rig = on_sqlite
    mine, other = delivered(rig, adt("M1"), adt("M2", "P2"))
    sealed = {row.receipt: row.sealed for row in rig.rows(schema.journal)}
    files = ("archive.db", "archive.db-wal")
    before = _bytes_of(rig.root / "var", files)
    assert sealed[mine] in before
    erase(rig, P1)
    assert rig.database.overwrite_erased()
    after = _bytes_of(rig.root / "var", files)
    assert sealed[mine] not in after
    assert sealed[other] in after
