"""One record that cannot be archived keeps no other from it, and is neither lost nor forgotten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.quarantine import QUARANTINED, unseal_record
from engine.archive.search import disclosures, disclosures_of
from engine.archive.terms import patient_term
from engine.cli.main import main
from engine.store.port import Fetch
from tests.support.archive_rig import Rig, adt

#: What makes a record of a decision, or of a delivery, one that does not fit.
DECISIONS: dict[str, Mapping[str, Any]] = {
    "a number beyond all numbers": {"channels": {"acme": {"verdict": "disclose", "parts": 10**40}}},
    "a channel that says nothing": {"channels": {"acme": 5}},
    "half a character": {"listener": "\ud83d"},
}
DELIVERIES: dict[str, Mapping[str, Any]] = {
    "rules that are none": {"rules": 7},
    "half a character": {"channel": "acme", "receipt": "\ud83d"},
}


def spoil(rig: Rig, place: int, change: Mapping[str, Any]) -> dict[str, Any]:
    """Change a record that the archiver has yet to take; what it is then."""
    ledger = rig.store.journal.ledger  # type: ignore[attr-defined]
    at, record = ledger[place]
    spoilt: dict[str, Any] = {**json.loads(record), **change}
    ledger[place] = (at, json.dumps(spoilt).encode())
    return spoilt


def quarantined(rig: Rig) -> dict[str, Any]:
    (row,) = (body for body in rig.bodies() if body["kind"] == QUARANTINED)
    return row


def is_whole(rig: Rig) -> bool:
    with rig.database.reading() as connection:
        return list(audit(connection, rig.verifier)) == []


@pytest.mark.parametrize("change", DECISIONS.values(), ids=DECISIONS)
def test_a_decision(rig: Rig, change: Mapping[str, Any]) -> None:
    """Its content is kept, so that the delivery that follows it can still be accounted for."""
    told: list[str] = []
    rig.archiver = rig.new_archiver(quarantined=lambda receipt, fault: told.append(receipt))
    before = [rig.take(adt(f"M{number}", f"P{number}")) for number in range(3)]
    faulty = rig.take(adt("MX", "PX"))
    after = [rig.take(adt(f"N{number}", f"P{number}")) for number in range(3)]
    for _ in range(7):
        rig.end("acme")
    record = spoil(rig, 3, change)
    rig.archive()
    assert told == [faulty]
    assert {row.receipt for row in rig.rows(schema.messages)} == {*before, *after}
    assert [body["kind"] for body in rig.bodies()].count("delivered") == 7
    row = quarantined(rig)
    assert (row["of"], row["receipt"]) == ("decision", faulty)
    assert "disclosed" not in row
    assert unseal_record(rig.sealer, row) == record
    assert {row.receipt for row in rig.rows(schema.journal)} == {*before, faulty, *after}
    assert rig.store.execute([Fetch(faulty)]) == [None]
    assert patient_term(rig.sealer, "PX").hex() in rig.bodies()[10]["patients"]
    assert (rig.backlog().records, is_whole(rig)) == (0, True)


@pytest.mark.parametrize("change", DELIVERIES.values(), ids=DELIVERIES)
def test_the_end_of_a_copy_counts_as_a_disclosure(rig: Rig, change: Mapping[str, Any]) -> None:
    receipt = rig.take(adt("M1", "P1"))
    rig.archive()
    rig.end("acme")
    record = spoil(rig, 0, change)
    rig.take(adt("M2", "P2"))
    rig.archive()
    assert len(rig.rows(schema.messages)) == 2
    row = quarantined(rig)
    assert (row["of"], row["channel"], row["disclosed"]) == ("delivered", "acme", "possibly")
    assert row["accountable"] is True
    assert row["recipient"]["name"] == "acme plan"
    assert unseal_record(rig.sealer, row) == record
    with rig.database.reading() as connection:
        assert row in list(disclosures(connection, "acme", 0, 10**15))
        if record["receipt"] == receipt:
            patient = patient_term(rig.sealer, "P1")
            assert disclosures_of(connection, (patient,), 0, 10**15) == [row]
    assert is_whole(rig)


def test_every_record_of_a_batch(rig: Rig) -> None:
    for number in range(5):
        rig.take(adt(f"M{number}"))
        spoil(rig, number, {"channels": {"acme": 5}})
    rig.archive()
    assert [body["kind"] for body in rig.bodies()] == [QUARANTINED] * 5
    assert len(rig.rows(schema.journal)) == 5
    assert rig.backlog().records == 0


def test_a_message_with_the_name_of_another(rig: Rig) -> None:
    """What an older copy of the store would bring: the first one stays as it is."""
    receipt = rig.take(adt("M1", "P1"))
    ledger = rig.store.journal.ledger  # type: ignore[attr-defined]
    decision = ledger[0][1]
    rig.archive()
    rig.take(adt("M2", "P2"))
    ledger[0] = (ledger[0][0], decision)
    rig.archive()
    assert quarantined(rig)["fault"] == "ArchiveRefusedError"
    (content,) = rig.rows(schema.journal)
    assert rig.sealer.open(content.sealed, receipt.encode()) == adt("M1", "P1")


def test_records_are_listed_and_one_is_opened_for_a_reason(
    on_sqlite: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = on_sqlite
    receipt = rig.take(adt("M1"))
    record = spoil(rig, 0, {"channels": {"acme": 5}})
    rig.archive()
    command = ["archive", "quarantined", "--site", str(rig.root), "--json"]
    assert main(command) == 0
    (one,) = json.loads(capsys.readouterr().out)["quarantined"]
    assert (one["of"], one["fault"], one["receipt"]) == ("decision", "AttributeError", receipt)
    chosen = [*command, "--open", str(one["seq"])]
    assert main(chosen) == 2
    assert main([*command, "--open", "99", "--reason", "ticket 7"]) == 2
    capsys.readouterr()
    assert main([*chosen, "--reason", "ticket 7"]) == 0
    assert json.loads(capsys.readouterr().out) == record
    assert [body["kind"] for body in rig.bodies()] == [QUARANTINED, "look"]
