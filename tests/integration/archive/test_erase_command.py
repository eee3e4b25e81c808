"""`payergate archive erase`, as a person gives it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.cli.main import main
from engine.cli.reach import working_store
from engine.intake.recorded import patient_name, seal_held
from engine.intake.sealed import coverage_name
from engine.privacy.acts import Act, Verb
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Level
from engine.privacy.held import Held
from engine.privacy.links import Link, Tie
from engine.privacy.patients import Patient
from engine.store.port import Enter, LetGo, ReadLedger, Recall
from engine.store.sealing import Sealer
from tests.integration.archive.test_patient_erased import P1 as ERASED
from tests.integration.archive.test_patient_erased import erase, two_patients
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate

BASIS = ("--basis", "GDPR Art. 17(1)(b)")
P1 = ("--patient", "P1", "--authority", "EAST")
WHY = ("--reason", "the patient asked, letter of 2 March")

VISIT = CoverageKey(Level.VISIT, "P1", "EAST", "V1")
ANOTHERS = CoverageKey(Level.VISIT, "P2", "EAST", "V2")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """Two messages of P1 and one of P2, all delivered to acme."""
    for rig in rigs(tmp_path / "site"):
        for control_id, patient in (("M1", "P1"), ("M2", "P1"), ("M3", "P2")):
            rig.take(adt(control_id, patient))
            rig.end("acme")
        rig.archive()
        yield rig


def run(capsys: pytest.CaptureFixture[str], rig: Rig, *args: str, code: int = 0) -> Any:
    return payergate(capsys, rig.root, "archive", "erase", *args, *WHY, code=code)


def in_file(rig: Rig, sealed: Mapping[str, bytes]) -> set[str]:
    """The messages whose sealed content stands anywhere in the archive's files."""
    whole = b"".join(file.read_bytes() for file in (rig.root / "var").glob("archive.db*"))
    return {receipt for receipt, blob in sealed.items() if blob in whole}


def teach(rig: Rig) -> None:
    """The store has learned who insures two visits."""
    told = Coverages((CoverageRow("acme", None, None),))
    accept = rig.accept(adt("M9", "P9"), taught={VISIT: told, ANOTHERS: told})
    with working_store(rig.site) as store:
        store.execute([accept])


def archived(rig: Rig) -> None:
    """An archive has all that the store has to tell."""
    with working_store(rig.site) as store:
        ledger: Any = store.execute([ReadLedger()])[0]
        store.execute([LetGo(str(ledger[-1][0]))])


def known(rig: Rig, key: CoverageKey) -> bool:
    with working_store(rig.site) as store:
        answer: Any = store.execute([Recall((coverage_name(rig.sealer, key),))])[0]
    return answer[0] is not None


def test_what_goes_what_stays_and_who_is_told(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    teach(site)
    archived(site)
    would = run(capsys, site, *P1, *BASIS, "--dry-run")
    assert would["erased"] == {"messages": 2, "coverage": 1}
    assert known(site, VISIT), "so far nothing went"
    said = run(capsys, site, *P1, *BASIS)
    assert said["erased"] == {"messages": 2, "contents": 2, "terms": 10, "coverage": 1}
    assert said["remaining"] == {"shared": 0, "unsure": 0, "set_aside": 0}
    assert (said["identifiers"], said["readable_in_backups_until"]) == (1, "2026-03-09")
    assert (said["overwritten"], said["store_rewritten"]) == (True, True)
    (recipient,) = said["recipients"]
    assert (recipient["channel"], recipient["disclosures"]) == ("acme", 2)
    assert recipient["address"] == "1 Acme Plaza, Springfield NY 12345"
    assert len(site.rows(schema.journal)) == len(site.rows(schema.messages)) == 1
    assert (known(site, VISIT), known(site, ANOTHERS)) == (False, True)
    proof = site.bodies()[-1]
    assert (proof["kind"], proof["class"], proof["rows"]) == ("erased", "patient", 2)
    assert (proof["basis"], proof["why"]) == (BASIS[1], WHY[1])
    assert (proof["coverage"], proof["recipients"]) == (1, ["acme"])
    assert '"P1"' not in json.dumps(proof)
    assert main(["ledger", "verify", "--site", str(site.root)]) == 0


def test_a_second_time_there_is_nothing_left(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, site, *P1, *BASIS)
    said = run(capsys, site, *P1, *BASIS)
    assert said["erased"] == {"messages": 0, "coverage": 0}
    assert [one["channel"] for one in said["recipients"]] == ["acme"], "they may be told later"
    assert sum(body["kind"] == "erased" for body in site.bodies()) == 1
    command = ["archive", "erase", *P1, *BASIS, *WHY, "--site", str(site.root)]
    assert main(command) == 0
    assert "nothing of the patient is left to erase" in capsys.readouterr().out


def test_what_two_share_goes_once_both_have_asked(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    site.take(two_patients("M4", "P8", "P9"))
    site.archive()
    p8, p9 = (("--patient", one, "--authority", "EAST") for one in ("P8", "P9"))
    assert run(capsys, site, *p8, *BASIS)["remaining"]["shared"] == 1
    assert run(capsys, site, *p9, *BASIS)["erased"]["messages"] == 1
    assert len(site.rows(schema.journal)) == 3, "those of P1 and P2"


def test_what_a_killed_run_left_is_overwritten_by_the_next(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = {row.receipt: row.sealed for row in site.rows(schema.journal)}
    erase(site, ERASED)  # and killed before the room of it is overwritten
    assert in_file(site, sealed) == set(sealed)
    said = run(capsys, site, *P1, *BASIS)
    assert (said["overwritten"], said["store_rewritten"]) == (True, True)
    assert in_file(site, sealed) == {row.receipt for row in site.rows(schema.journal)}


def test_under_other_keys_nothing_is_said_to_be_gone(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(capsys, site, *P1, *BASIS, "--dry-run")
    assert site.site.keys.file is not None
    site.site.keys.file.rename(tmp_path / "keys")
    site.site.keys.folder.rename(tmp_path / "content-keys")
    Sealer.of(site.site.keys, create=True)
    assert "keys-differ" in run(capsys, site, *P1, *BASIS, code=1)


def test_what_protects_the_patient_stays(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    add = ["consent", "add", "--patient", "P1", "--kind", "refusal", "--purposes", "all"]
    assert main([*add, "--channels", "all", "--site", str(site.root), "--json"]) == 0
    capsys.readouterr()
    archived(site)
    run(capsys, site, *P1, *BASIS)
    listed = payergate(capsys, site.root, "consent", "ls", "--patient", "P1")
    assert len(listed["entries"]) == 1


@pytest.mark.parametrize("verb", [Verb.JOINED, Verb.QUESTIONED, Verb.PARTED])
def test_records_that_were_joined_are_one_patients(
    site: Rig, capsys: pytest.CaptureFixture[str], verb: Verb
) -> None:
    sides = (Patient("P1", "EAST"),), (Patient("P2", "EAST"),)
    link = Link("m-1", Tie.MERGED, *sides, ((verb, Act("EPIC", site.clock.now(), "A40")),))
    with working_store(site.site) as store:
        for one in ("P1", "P2"):
            name = patient_name(site.sealer, one)
            sealed = seal_held(site.sealer, name, Held((), (link,)))
            store.execute([Enter(name, 0, sealed, b'{"kind":"registry"}')])
    archived(site)
    if verb is Verb.QUESTIONED:
        assert run(capsys, site, *P1, *BASIS, code=1).startswith("merge-undecided: ")
        return
    said = run(capsys, site, *P1, *BASIS)
    number = 2 if verb is Verb.JOINED else 1
    assert (said["identifiers"], said["erased"]["messages"]) == (number, number + 1)


def test_it_needs_a_law_that_lets_the_patient_ask(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, site, *P1, code=2).startswith("erase-basis: ")
    assert len(site.rows(schema.journal)) == 3


def test_under_the_pack_of_the_european_union_that_law_is_known(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    config = "engine: {name: east}\nprotections: [eu-gdpr]\nprotections_off: {us-federal: none}\n"
    config += "controller: {name: East, contact: dpo@east.example, country: DE}\n"
    (site.root / "config.yaml").write_text(config)
    rules = site.root / "rules" / "payment.yaml"
    article = "GDPR Art. 6(1)(c), 9(2)(h)"
    rules.write_text(rules.read_text().replace("45 CFR 164.506(c)(3)", article))
    assert run(capsys, site, *P1)["erased"]["messages"] == 2
    assert site.bodies()[-1]["basis"] == "GDPR Art. 17(1)"


def test_what_is_not_archived_yet_is_waited_for(
    site: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.erasing._ARCHIVED_S", 0.25)
    teach(site)
    assert run(capsys, site, *P1, *BASIS, code=1).startswith("erase-not-archived: ")
    assert len(site.rows(schema.journal)) == 3


def test_a_legal_hold_is_named(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    hold = ["archive", "hold", "--patient", "P1", "--reason", "case", "--site", str(site.root)]
    assert main(hold) == 0
    capsys.readouterr()
    said = run(capsys, site, *P1, *BASIS, code=1)
    assert said.startswith("patient-on-hold: ")
    assert "hold 1" in said


def test_nothing_of_it_is_readable_in_the_file(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = {row.receipt: row.sealed for row in site.rows(schema.journal)}
    run(capsys, site, *P1, *BASIS)
    left = {row.receipt for row in site.rows(schema.journal)}
    site.database.close()
    assert in_file(site, sealed) == left
    with sqlite3.connect(site.root / "var" / "archive.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
