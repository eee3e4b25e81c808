"""Other rules over archived traffic: what they would have disclosed, counted, without a value."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.cli.main import main
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate

WHEN = ("--since", "2026-03-01", "--until", "2026-03-02")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """Three messages: two to acme, one to acme and beta."""
    for rig in rigs(tmp_path / "site"):
        rig.take(adt("M1", "P1"))
        rig.take(adt("M2", "P2"))
        rig.take(adt("M3", "P3", "acme", "beta"))
        rig.archive()
        yield rig


def rules(rig: Rig, folder: Path, old: str, new: str) -> Path:
    """The site's rules with one change."""
    shutil.copytree(rig.root / "rules", folder)
    file = folder / "payment.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return folder


def run(
    capsys: pytest.CaptureFixture[str], rig: Rig, folder: Path, *more: str, code: int = 0
) -> Any:
    asked = ("backtest", "--rules", str(folder), *WHEN, *more)
    return payergate(capsys, rig.root, *asked, code=code)


def test_the_same_rules_change_nothing(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, site, site.root / "rules")
    assert (said["wider"], said["messages"], said["changed"]) == (False, 3, 0)
    assert said["changes"] == []


def test_wider_rules_are_told_by_channel_type_and_path(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wider = rules(site, tmp_path / "r", "EVN: all,", "EVN: all, DG1: [1, 3],")
    said = run(capsys, site, wider, "--receipts", "--reason", "ticket 9", code=8)
    assert said["channels"] == {
        "acme": {"newly_disclosed": 3, "newly_withheld": 0},
        "beta": {"newly_disclosed": 1, "newly_withheld": 0},
    }
    found = {(one["channel"], one["path"]): one for one in said["changes"]}
    assert found["acme", "DG1-3.1"]["type"] == "ADT^A01"
    assert found["acme", "DG1-3.1"]["newly_disclosed"] == 3
    assert found["beta", "DG1-3.1"]["newly_disclosed"] == 1
    assert len(said["receipts"]) == 3
    assert "E11.9" not in json.dumps(said)
    row = site.bodies()[-1]
    assert (row["kind"], row["why"], row["candidate"]) == (
        "backtest",
        "ticket 9",
        said["new"]["revision"],
    )


def test_narrower_rules_are_told_and_exit_0(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    narrower = rules(site, tmp_path / "r", "PID: [1, 3, 5, 7,", "PID: [1, 3, 7,")
    said = run(capsys, site, narrower)
    assert said["channels"]["acme"] == {"newly_disclosed": 0, "newly_withheld": 3}
    assert "ZQSURNAME" not in json.dumps(said)
    asked = ["backtest", "--rules", str(narrower), *WHEN, "--site", str(site.root)]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "acme: PID-5.1 of ADT^A01, 3 messages" in text
    assert "3 of 3 messages would have left otherwise" in text


def test_a_whole_site_may_be_the_candidate(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "candidate"
    shutil.copytree(site.root, folder, ignore=shutil.ignore_patterns("var"))
    (folder / "channels" / "beta.yaml").unlink()
    file = folder / "rules" / "payment.yaml"
    file.write_text(file.read_text().replace("[acme, beta]", "[acme]"))
    said = run(capsys, site, folder)
    assert said["channels"] == {"beta": {"newly_disclosed": 0, "newly_withheld": 1}}


def test_what_is_erased_is_counted_as_unread(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with site.database.writing() as connection:
        connection.execute(schema.journal.delete())
    said = run(capsys, site, site.root / "rules")
    assert (said["messages"], said["unread"]) == (0, 3)


def test_usage(site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no-folder" in run(capsys, site, tmp_path / "none", code=2)
    asked = ["backtest", "--rules", str(site.root), "--receipts", "--site", str(site.root)]
    assert main(asked) == 2
    assert "receipts" in capsys.readouterr().err
