"""Disclosures that a wrong merge or a late denial let through wait for a person's judgment."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.candidates import open_candidates
from engine.archive.quarantine import QUARANTINED, unseal_record
from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.intake.recorded import entry_id, link_id
from engine.intake.registered import PatientNames
from engine.privacy.acts import Act
from engine.privacy.facts import Item, ItemKind, Restriction
from engine.privacy.held import Held
from engine.privacy.joining import moved
from engine.privacy.links import Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient
from engine.registering import StoredRegistry
from engine.store.port import Advance, Changed, Claim, Footing, News
from tests.support.archive_rig import LEASE_MS, Rig, adt
from tests.support.commanding import payergate

P1, P2 = Patient("P1", "HOSP"), Patient("P2", "HOSP")


class Ward:
    """A rig whose patients' records are joined and parted."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.registry = StoredRegistry(rig.store, rig.sealer, ("acme", "beta"))
        self.link = link_id(rig.sealer, (P1, P2))

    def act(self, by: str = "ann") -> Act:
        return Act(by, self.rig.clock.now(), "because")

    def send(self, control_id: str, patient: str, *payers: str) -> str:
        """A disclosure, a minute later than what was before."""
        receipt = self.take(control_id, patient, *payers)
        for payer in payers or ("acme",):
            self.rig.end(payer)
        return receipt

    def begin(self, control_id: str, patient: str) -> str:
        """A disclosure of which nobody knows yet how it ends."""
        receipt = self.take(control_id, patient)
        fence = self.rig.store.execute([Claim("acme", "rig", LEASE_MS)])[0].fence  # type: ignore[union-attr]
        self.rig.store.execute([Advance("acme", fence, 1, LEASE_MS)])
        return receipt

    def take(self, control_id: str, patient: str, *payers: str) -> str:
        self.rig.clock.pass_s(60)
        raw = adt(control_id, patient, *payers)
        names = PatientNames(self.rig.sealer).of(Message.parse(raw))
        newest = cast("Changed", self.rig.store.execute([News(0)])[0]).newest
        return self.rig.take(raw, footing=Footing(newest, names), patients=names)

    def join(self) -> None:
        """As an A40 does."""
        self.rig.clock.pass_s(60)
        act = self.act("message:01KJ9PWE010000000001")

        def alter(records: dict[str, Held]) -> dict[str, Held]:
            return moved(
                {"P1": Held(), "P2": Held()} | records,
                [Move(Tie.MERGED, (P1,), (P2,))],
                act,
                lambda fact: entry_id(self.rig.sealer, fact),
                lambda who: link_id(self.rig.sealer, who),
            )

        self.registry._alter(["P1", "P2"], alter, act)

    def part(self) -> None:
        self.rig.clock.pass_s(60)
        assert self.registry.part("P1", self.link, self.act()).version


@pytest.fixture
def ward(on_sqlite: Rig) -> Ward:
    return Ward(on_sqlite)


def test_what_can_no_longer_be_read_of_a_parting_is_told_and_keeps_nothing_back(ward: Ward) -> None:
    rig = ward.rig
    told: list[Exception] = []
    rig.archiver = rig.new_archiver(quarantined=lambda _, fault: told.append(fault))
    ward.join()
    ward.send("M1", "P1")
    ward.part()
    ledger = rig.store.journal.ledger  # type: ignore[attr-defined]
    at, record = ledger[-1]
    spoilt = json.loads(record)
    sealed = base64.b64decode(spoilt["sealed"])
    spoilt["sealed"] = base64.b64encode(sealed[:-1] + bytes([sealed[-1] ^ 1])).decode()
    ledger[-1] = (at, json.dumps(spoilt).encode())
    ward.send("M2", "P1")
    rig.archive()
    assert rig.backlog().records == 0
    assert [row.receipt for row in rig.rows(schema.messages)]
    (row,) = (body for body in rig.bodies() if body["kind"] == QUARANTINED)
    assert (row["of"], row["fault"]) == ("registry", "SealError")
    assert unseal_record(rig.sealer, row) == spoilt
    assert [fault.code for fault in told if isinstance(fault, EngineError)] == ["sealed-damaged"]
    kept = [body for body in rig.bodies() if link_is_parted(body, ward.link)]
    assert len(kept) == 2, "of each of the two, as ever"


def link_is_parted(row: Mapping[str, Any], link: str) -> bool:
    return [link, "parted"] in row.get("entries", ())


def test_what_went_while_two_were_one_waits_for_judgment(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = ward.rig
    ward.send("M1", "P1")
    ward.join()
    between = [ward.send("M2", "P1"), ward.send("M3", "P2", "acme", "beta"), ward.send("M4", "P3")]
    ward.part()
    ward.send("M5", "P1")
    rig.archive()
    found = payergate(capsys, rig.root, "ledger", "candidates")["candidates"]
    assert [(one["channel"], one["control_id"]) for one in found] == [
        ("acme", "M2"), ("acme", "M3"), ("beta", "M3"),
    ]  # fmt: skip
    assert {(one["cause"], one["of"]) for one in found} == {("merge", ward.link)}
    assert not [row for row in rig.bodies() if row["kind"] in ("impermissible", "cleared")]
    # It is in the breach kit and a duty, until each is judged.
    when = ("--channel", "acme", "--from", "2026-03-01", "--to", "2026-03-02")
    assert payergate(capsys, rig.root, "ledger", "export", *when)["candidates"] == 2
    (duty,) = payergate(capsys, rig.root, "duties", "ls")["duties"]
    assert (duty["duty"], duty["entry"]) == ("judge-disclosures", ward.link)
    named = payergate(
        capsys, rig.root, "ledger", "impermissible", between[1], *when, "--reason", "wrong"
    )
    assert named["named"] == 1
    found = payergate(capsys, rig.root, "ledger", "candidates")["candidates"]
    assert [(one["channel"], one["control_id"]) for one in found] == [
        ("acme", "M2"), ("beta", "M3"),
    ]  # fmt: skip
    beta = payergate(capsys, rig.root, "ledger", "candidates", "--channel", "beta")["candidates"]
    assert [one["control_id"] for one in beta] == ["M3"]
    clear = ("ledger", "clear", "--reason", "the insurer covers both")
    assert payergate(capsys, rig.root, *clear, between[1], "--channel", "beta") == {
        "channel": "beta", "cleared": 1,
    }  # fmt: skip
    again = payergate(capsys, rig.root, *clear, between[1], "--channel", "beta", code=2)
    assert again.startswith("unknown-message: ")
    assert payergate(capsys, rig.root, *clear, between[0], "--channel", "acme")["cleared"] == 1
    assert payergate(capsys, rig.root, "duties", "ls")["duties"] == []
    assert len([row for row in rig.bodies() if row["kind"] == "candidate"]) == 3
    with rig.database.reading() as connection:
        assert list(audit(connection, rig.verifier, [])) == []


def test_candidates_are_listed_once_and_no_accounting_has_them(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    """In whatever batches it is archived, also in one with the disclosures themselves."""
    rig = ward.rig
    ward.join()
    ward.send("M2", "P1")
    rig.archive()
    ward.part()
    rig.archive()
    ward.join()
    ward.part()
    rig.archive()
    assert len([row for row in rig.bodies() if row["kind"] == "candidate"]) == 1
    account = payergate(capsys, rig.root, "ledger", "account", "--patient", "P1", "--all")
    assert account["number"] == 1
    shown = next(row for row in rig.bodies() if row["kind"] == "candidate")
    assert not {"P1", "HOSP"} & set(json.dumps(shown).replace('"', " ").split())


def test_what_was_on_its_way_when_a_message_denied_it_is_listed(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, though the message changes both records; a command tells whoever gave it."""
    rig = ward.rig
    receipt = ward.begin("M1", "P1")
    restricted = Restriction(P1, frozenset({Item(ItemKind.EVERYTHING)}))
    ward.join()
    ward.registry.add(restricted, ward.act())
    rig.archive()
    (found,) = payergate(capsys, rig.root, "ledger", "candidates")["candidates"]
    assert (found["cause"], found["channel"], found["receipt"]) == ("late", "acme", receipt)
    assert found["of"] == "message:01KJ9PWE010000000001"
    (duty,) = payergate(capsys, rig.root, "duties", "ls")["duties"]
    assert (duty["duty"], duty["entry"]) == ("judge-disclosures", found["of"])
    clear = ("ledger", "clear", receipt, "--channel", "acme", "--reason", "it did not arrive")
    assert payergate(capsys, rig.root, *clear)["cleared"] == 1
    assert payergate(capsys, rig.root, "duties", "ls")["duties"] == []


def test_every_database_finds_them(rig: Rig) -> None:
    ward = Ward(rig)
    ward.join()
    ward.send("M2", "P1")
    ward.part()
    rig.archive()
    with rig.database.reading() as connection:
        (found,) = open_candidates(connection, rig.sealer)
    assert (found["control_id"], found["channel"]) == ("M2", "acme")


def test_a_clear_needs_a_reason(on_sqlite: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("ledger", "clear", "01KJ9PWE010000000001", "--channel", "acme", "--reason", " ")
    assert payergate(capsys, on_sqlite.root, *words, code=2).startswith("reason: ")
    assert payergate(capsys, on_sqlite.root, "ledger", "candidates") == {"candidates": []}
