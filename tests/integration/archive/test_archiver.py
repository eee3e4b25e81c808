"""What the archiver takes, once, and what it lets the store forget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.archive import schema
from engine.archive.reading import RECALLS
from engine.archive.story import unseal_people
from engine.archive.terms import account_term, control_term, patient_term, visit_term
from engine.store.memory import MemoryStore
from engine.store.port import Fetch, Final, Operation, ReadLedger, Recall, Result
from tests.support.archive_rig import Hands, Rig, adt


def test_a_message_and_its_delivery_leave_the_store_for_the_archive(rig: Rig) -> None:
    receipt = rig.take(adt("M1", "P1"))
    rig.end("acme")
    assert rig.archive() == 2
    assert rig.store.execute([Fetch(receipt), ReadLedger()]) == [None, ()]
    (message,) = rig.rows(schema.messages)
    assert (message.receipt, message.type, message.control_id) == (receipt, "ADT^A01", "M1")
    assert message.open == 0
    (content,) = rig.rows(schema.journal)
    assert rig.sealer.open(content.sealed, receipt.encode()) == adt("M1", "P1")
    (outcome,) = rig.rows(schema.outcomes)
    assert (outcome.channel, outcome.state) == ("acme", "delivered")
    assert [body["kind"] for body in rig.bodies()] == ["decision", "delivered"]


class Listening(MemoryStore):
    """A store in memory that notes how many questions about coverage came at once."""

    def __init__(self) -> None:
        super().__init__(Hands())
        self.recalls: list[int] = []

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        if number := sum(isinstance(one, Recall) for one in batch):
            self.recalls.append(number)
        return super().execute(batch)


def test_of_many_messages_it_is_asked_at_once_what_is_known(tmp_path: Path) -> None:
    store = Listening()
    rig = Rig(tmp_path / "site", store=store)
    for number in range(RECALLS + 6):
        rig.take(adt(f"M{number}", f"P{number % RECALLS}"))
    rig.archive()
    assert store.recalls == [RECALLS, 6]
    rig.close()


def test_a_delivery_row_says_all_that_the_law_asks(rig: Rig) -> None:
    """45 CFR 164.528(b)(2), and the basis, the cut, the answer."""
    receipt = rig.take(adt("M1", "P1"))
    rig.end("acme")
    rig.archive()
    body = rig.bodies()[-1]
    assert body["recipient"]["name"] == "acme plan"
    assert body["recipient"]["address"] == "1 Acme Plaza, Springfield NY 12345"
    assert body["purpose"] == ["payment"]
    assert body["basis"] == ["45 CFR 164.506(c)(3)"]
    assert body["accountable"] is False
    assert body["disclosed"] == "yes"
    assert body["ack"] == "AA"
    assert body["attempts"] == 1
    assert body["possible_duplicate"] is False
    assert body["description"] == "ADT^A01: event, identity and demographics, visit, insurance"
    assert body["cut"]["PID"] == {"not-granted": 1}
    assert body["withheld_segments"] == {"DG1": {"not-granted": 1}}
    assert body["states"] == ["NY"]
    assert patient_term(rig.sealer, "P1").hex() in body["patients"]
    assert unseal_people(rig.sealer, receipt, body["who"][0]) == (("P1", "EAST"),)


def test_what_no_channel_gets_is_archived_with_its_content(rig: Rig) -> None:
    receipt = rig.take(adt("M1", "P1", "gamma"))
    rig.archive()
    assert rig.store.execute([Fetch(receipt)]) == [None]
    (content,) = rig.rows(schema.journal)
    assert content.receipt == receipt
    (message,) = rig.rows(schema.messages)
    assert json.loads(message.decided)["acme"]["verdict"] == "withhold"


def test_what_waits_stays_in_the_store_until_its_end_is_archived(rig: Rig) -> None:
    receipt = rig.take(adt("M1", "P1", "acme", "beta"))
    rig.end("acme")
    rig.archive()
    assert rig.store.execute([Fetch(receipt)]) != [None]
    assert rig.rows(schema.messages)[0].open == 1
    rig.end("beta", Final.PARKED, ack="AR", reason="refused")
    rig.archive()
    assert rig.store.execute([Fetch(receipt)]) != [None]
    assert rig.rows(schema.journal)[0][1] == "parked"
    states = {row.channel: row.state for row in rig.rows(schema.outcomes)}
    assert states == {"acme": "delivered", "beta": "parked"}
    assert rig.bodies()[-1]["disclosed"] == "yes"  # it was received, and refused


def test_every_identifier_is_found_by_its_hash_and_stored_nowhere(rig: Rig) -> None:
    rig.take(adt("MCONTROL", "PZZ1", visit="VZZ1", account="AZZ1"))
    rig.archive()
    terms = {row.term for row in rig.rows(schema.terms)}
    sealer = rig.sealer
    wanted = {
        patient_term(sealer, "PZZ1"),
        patient_term(sealer, "PZZ1", "EAST"),
        visit_term(sealer, "VZZ1"),
        account_term(sealer, "AZZ1"),
        control_term(sealer, "MCONTROL"),
    }
    assert terms == wanted
    everything = "".join(str(rig.rows(table)) for table in schema.metadata.tables.values())
    for value in ("PZZ1", "VZZ1", "AZZ1", "ZQSURNAME", "ZQSTREET", "ZQTOWN", "ZQDIAGNOSIS"):
        assert value not in everything


def test_two_archivers_take_each_record_once(rig: Rig) -> None:
    for number in range(20):
        rig.take(adt(f"M{number}", f"P{number}"))
    first, second = rig.new_archiver(batch_records=3), rig.new_archiver(batch_records=4)
    while first.step() + second.step():
        pass
    receipts = [body["receipt"] for body in rig.bodies()]
    assert len(receipts) == 20
    assert receipts == sorted(set(receipts))
    assert (rig.backlog().records, rig.backlog().oldest_ms) == (0, 0)


def test_a_record_that_cannot_be_read_has_a_row_and_stops_nothing(rig: Rig) -> None:
    receipt = rig.take(adt("M1"))
    opened = rig.end("acme")
    assert opened.receipt == receipt
    rig.store.journal.ledger[1] = (1, b"\xff{")  # type: ignore[attr-defined]
    rig.take(adt("M2"))
    rig.archive()
    assert [body["kind"] for body in rig.bodies()] == ["decision", "unreadable", "decision"]


def test_an_archive_that_has_lost_its_end_says_so_in_its_chain(rig: Rig) -> None:
    rig.take(adt("M1"))
    rig.archive()
    assert rig.archiver.begin("{}") is True
    rig.take(adt("M2"))
    rig.archive()
    with rig.database.writing() as connection:  # as a restored backup would be
        connection.execute(schema.head.update(), {"seq": 1})
        connection.execute(schema.ledger.delete().where(schema.ledger.c.seq > 1))
        connection.execute(schema.ledger_patients.delete().where(schema.ledger_patients.c.seq > 1))
    assert rig.archiver.begin("{}") is False
    assert rig.bodies()[-1]["kind"] == "gap"


@pytest.mark.parametrize(
    "control_id", ["A\x00B", "\ud83d\ude00" * 300, "x" * 5000, "\\E\\", "'; --"]
)
def test_no_control_id_keeps_the_archive_from_going_on(rig: Rig, control_id: str) -> None:
    """PostgreSQL takes no NUL and no text that is too long."""
    raw = adt("@", "P1").replace(b"|@|", b"|" + control_id.encode("utf-8", "surrogatepass") + b"|")
    rig.take(raw)
    rig.take(adt("M2"))
    rig.archive()
    assert len(rig.rows(schema.messages)) == 2
    assert len(rig.bodies()) == 2


def test_content_that_does_not_open_is_archived_as_it_is(rig: Rig) -> None:
    receipt = rig.take(adt("M1"))
    rig.store.journal.kept[receipt] = b"\x01nonsense"  # type: ignore[attr-defined]
    rig.archive()
    (content,) = rig.rows(schema.journal)
    assert content.sealed == b"\x01nonsense"
    assert rig.rows(schema.terms) == []


def test_no_value_of_a_message_is_in_the_files(on_sqlite: Rig) -> None:
    """I7 on the disk: the database, its log, and whatever else is beside it.

    A server's files hold what its tables hold.
    """
    rig = on_sqlite
    for number in range(50):
        rig.take(adt(f"M{number}", f"ZQPATIENT{number}", visit="ZQVISIT", account="ZQACCOUNT"))
        rig.end("acme")
    rig.archive()
    planted = [b"ZQPATIENT", b"ZQVISIT", b"ZQACCOUNT", b"ZQSURNAME", b"ZQSTREET", b"ZQDIAGNOSIS"]
    for path in (rig.root / "var").rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert not [one for one in planted if one in held], path.name
