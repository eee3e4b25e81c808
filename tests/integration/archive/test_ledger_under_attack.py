"""The ledger under attack: each forgery is named, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.archive import schema
from engine.archive.audit import audit, read_head
from engine.archive.chain import Finding, Flaw, Head, Mark, body_of, link
from engine.archive.signing import create_signing_key, read_signer
from tests.support.archive_rig import Rig, adt

LEDGER, CHECKPOINTS = schema.ledger, schema.checkpoints


@pytest.fixture
def full(rig: Rig) -> Rig:
    """Thirty rows in several batches, so that there are several checkpoints."""
    rig.archiver = rig.new_archiver(batch_records=7)
    for number in range(15):
        rig.take(adt(f"M{number}", f"P{number}"))
        rig.end("acme")
        rig.clock.pass_s(900)
        rig.archiver.step()
    rig.archive()
    assert findings(rig) == []
    return rig


def findings(rig: Rig, expected: Iterable[Head] = ()) -> list[Finding]:
    with rig.database.reading() as connection:
        return list(audit(connection, rig.verifier, expected))


def flaws(rig: Rig, expected: Iterable[Head] = ()) -> list[tuple[Flaw, int, int]]:
    return [(one.flaw, one.first, one.last) for one in findings(rig, expected)]


def test_one_byte_changed(full: Rig) -> None:
    with full.database.writing() as connection:
        body = connection.execute(LEDGER.select().where(LEDGER.c.seq == 12)).one().body
        changed = body.replace('"AA"', '"AB"') if '"AA"' in body else body.replace("M5", "M6")
        assert changed != body
        connection.execute(LEDGER.update().where(LEDGER.c.seq == 12).values(body=changed))
    assert flaws(full) == [(Flaw.CHANGED, 12, 12)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("at_ms", 1), ("kind", "decision2"), ("channel", "beta"), ("receipt", "0" * 20)],
)
def test_a_column_changed_beside_the_body(full: Rig, column: str, value: object) -> None:
    with full.database.writing() as connection:
        connection.execute(LEDGER.update().where(LEDGER.c.seq == 12).values({column: value}))
    assert flaws(full) == [(Flaw.CHANGED, 12, 12)]


def test_a_hash_changed(full: Rig) -> None:
    with full.database.writing() as connection:
        connection.execute(LEDGER.update().where(LEDGER.c.seq == 12).values(hash=bytes(32)))
    assert (Flaw.CHANGED, 12, 12) in flaws(full)
    assert {first for _, first, _ in flaws(full)} == {12}


def test_a_row_removed(full: Rig) -> None:
    with full.database.writing() as connection:
        connection.execute(LEDGER.delete().where(LEDGER.c.seq == 12))
    assert flaws(full) == [(Flaw.MISSING, 12, 12)]


def test_a_row_removed_and_the_rest_moved_up(full: Rig) -> None:
    with full.database.writing() as connection:
        connection.execute(LEDGER.delete().where(LEDGER.c.seq == 12))
        for seq in range(13, 31):
            connection.execute(LEDGER.update().where(LEDGER.c.seq == seq).values(seq=seq - 1))
    found = flaws(full)
    assert (Flaw.MOVED, 12, 12) in found
    assert (Flaw.TRUNCATED, 30, 30) in found


def test_two_rows_swapped(full: Rig) -> None:
    with full.database.writing() as connection:
        for old, new in ((12, 99), (17, 12), (99, 17)):
            connection.execute(LEDGER.update().where(LEDGER.c.seq == old).values(seq=new))
    found = [one for one in flaws(full) if one[0] is Flaw.MOVED]
    assert found == [(Flaw.MOVED, 12, 12), (Flaw.MOVED, 17, 17)]
    assert any("what was written as row 17" in one.text for one in findings(full))


def test_the_tail_truncated(full: Rig) -> None:
    with full.database.writing() as connection:
        connection.execute(LEDGER.delete().where(LEDGER.c.seq > 25))
    assert (Flaw.TRUNCATED, 26, 30) in flaws(full)


def test_the_tail_truncated_with_its_checkpoints_and_the_head(full: Rig) -> None:
    """Then only a head that was kept elsewhere knows: the store keeps one."""
    with full.database.writing() as connection:
        left = connection.execute(CHECKPOINTS.select().order_by(CHECKPOINTS.c.seq)).all()[-2]
        connection.execute(LEDGER.delete().where(LEDGER.c.seq > left.seq))
        connection.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.seq > left.seq))
        connection.execute(schema.head.update(), {"seq": left.seq, "hash": left.hash})
    assert flaws(full) == []
    kept_by_the_store = Head.read(full.backlog().head)
    assert flaws(full, [kept_by_the_store]) == [(Flaw.TRUNCATED, left.seq + 1, 30)]


def test_a_chain_made_anew_from_a_changed_row_on(full: Rig) -> None:
    """Whoever can write the database can hash, but not sign."""
    with full.database.writing() as connection:
        rows = connection.execute(LEDGER.select().order_by(LEDGER.c.seq)).all()
        before = rows[10].hash
        for row in rows[11:]:
            members = json.loads(row.body)
            if row.seq == 12:
                members["attempts"] = 99
            body = body_of(row.seq, members)
            before = link(before, body)
            change = {"body": body.decode(), "hash": before}
            connection.execute(LEDGER.update().where(LEDGER.c.seq == row.seq).values(change))
        connection.execute(schema.head.update(), {"hash": before})
    assert {flaw for flaw, _, _ in flaws(full)} == {Flaw.REWRITTEN}


def test_a_checkpoint_forged(full: Rig, tmp_path: Path) -> None:
    """Signed by another key: the whole tail made anew with it is found out, too."""
    key = tmp_path / "another"
    create_signing_key(key)
    with full.database.reading() as connection:
        head = read_head(connection)
    forged = read_signer(key).checkpoint(Mark.HEAD, head, 1)
    with full.database.writing() as connection:
        connection.execute(
            CHECKPOINTS.update().where(CHECKPOINTS.c.seq == head.seq),
            {"key_id": forged.key_id, "signature": forged.signature, "at_ms": 1},
        )
    found = flaws(full)
    assert found[0] == (Flaw.FORGED, 30, 30)
    assert found[1][0] is Flaw.UNSIGNED


def test_a_checkpoint_changed(full: Rig) -> None:
    with full.database.writing() as connection:
        change = CHECKPOINTS.update().where(CHECKPOINTS.c.seq == 30).values(hash=bytes(32))
        connection.execute(change)
    assert flaws(full)[0] == (Flaw.FORGED, 30, 30)


def test_a_disclosure_hidden_from_its_patients_accounting(full: Rig) -> None:
    table = schema.ledger_patients
    with full.database.writing() as connection:
        connection.execute(table.delete().where(table.c.seq == 12))
    assert flaws(full) == [(Flaw.INDEX, 12, 12)]
