"""The packs as counsel reads them, and that what is switched off stands in every report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.archive.accounting import account_of, introduction
from engine.cli.checkup import protections
from engine.cli.findings import Level
from engine.cli.main import main
from engine.cli.status import as_text
from engine.cli.status_report import status_report
from engine.config.load import load_site
from engine.config.operating import operating
from engine.config.packs import packs
from tests.support.cutting import channel, rule

OFF = {"us-federal": "no covered entity", "us-fl/hiv": "counsel, 2026-02-01"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.yaml").write_text(
        f"engine: {{name: east}}\nprotections: [us-fl]\nprotections_off: {json.dumps(OFF)}\n"
    )
    (tmp_path / "channels" / "acme.yaml").write_text(channel("acme"))
    (tmp_path / "rules" / "r.yaml").write_text(
        "channels: [acme]\npurpose: payment\nbasis: law\nrules:\n" + rule("r", "", "PID: [3]")
    )
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], site: Path, *args: str, code: int = 0) -> str:
    assert main([*args, "--site", str(site)]) == code
    return capsys.readouterr().out


def test_every_entry_is_printed_with_its_citation(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(run(capsys, site, "protections").split())
    for pack in packs().values():
        assert f"{pack.id}: {pack.name} (" in text
        cited = [one.citation for one in pack.protections] + [one.citation for one in pack.minors]
        assert not [citation for citation in cited if citation not in text]
    assert "us-federal: United States, federal (switched off here: no covered entity)" in text
    assert "SWITCHED OFF HERE: counsel, 2026-02-01" in text
    assert "us-ny: New York (does not hold here: config.yaml does not name it)" in text


def test_one_pack_as_json(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(run(capsys, site, "protections", "--pack", "us-fl", "--json"))
    assert said["off"] == OFF
    (name,) = said["packs"]
    pack = said["packs"][name]
    assert (name, pack["state"]) == ("us-fl", "on")
    reasons = {one["label"]: one["off"] for one in pack["protections"]}
    assert reasons["hiv"] == "counsel, 2026-02-01"
    assert reasons["sud"] is None
    assert {one["certainty"] for one in pack["protections"]} == {"V", "M"}
    assert main(["protections", "--pack", "us-xx", "--site", str(site)]) == 2
    assert capsys.readouterr().err.startswith("unknown-pack: ")


def test_what_is_off_stands_in_every_report(
    site: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = json.loads(run(capsys, site, "check", "--json"))["problems"]
    assert [one["code"] for one in said] == ["protection-off", "protection-off"]
    assert "counsel, 2026-02-01" in " ".join(run(capsys, site, "matrix").split())
    message = tmp_path / "m.hl7"
    message.write_text("MSH|^~\\&|A|B|C|D|20260301||ADT^A01|M1|P|2.5\rPID|1||7\r")
    assert "us-fl/hiv is switched off: counsel" in run(capsys, site, "explain", str(message))
    said = json.loads(run(capsys, site, "explain", str(message), "--json"))
    assert said["protections_off"] == OFF
    loaded = load_site(site)
    warnings = [one.what for one in protections(loaded) if one.level is Level.WARNING]
    assert warnings == [f"{name} is switched off: {why}" for name, why in sorted(OFF.items())]
    now: dict[str, Any] = status_report(operating(loaded), None)
    assert now["protections"] == {"on": ["us-fl"], "off": OFF}
    assert "us-federal is switched off: no covered entity" in as_text(now, "UTC")
    account = account_of([], patient="7", made=NOW, since=NOW, until=NOW, off=OFF)
    assert "us-fl/hiv is switched off here: counsel" in " ".join(introduction(account))
