"""`payergate unlisted --over`: samples, without an archive or a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from tests.support.archive_rig import adt, write_site
from tests.support.commanding import payergate


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site, and three samples beside it, one of which has a segment of the hospital's own."""
    write_site(tmp_path / "site")
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "a.hl7").write_bytes(adt("M1", "P1"))
    (folder / "b.hl7").write_bytes(adt("M2", "P2") + b"ZPV|1|ZQSECRET\rZQ|ZQSECRET\r")
    (folder / "notes.txt").write_text("ZQSECRET is no message")
    return tmp_path / "site"


def run(capsys: pytest.CaptureFixture[str], site: Path, *more: str, code: int = 0) -> Any:
    over = ("--over", str(site.parent / "samples"))
    return payergate(capsys, site, "unlisted", *over, *more, code=code)


def test_segments_and_fields_are_told_with_their_reasons_and_no_value(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site)
    assert (said["messages"], said["unread"], said["total"]) == (2, 1, len(said["unlisted"]))
    assert (said["from"], said["to"]) == (None, None)
    rows = {row["path"]: row for row in said["unlisted"]}
    assert rows["ZPV"] == {
        "path": "ZPV",
        "code": None,
        "system": None,
        "why": "unlisted",
        "because": [],
        "types": ["ADT^A01"],
        "messages": 1,
        "first": None,
        "last": None,
        "new": False,
        "example": f"{site.parent / 'samples' / 'b.hl7'}, message 1",
    }
    assert rows["DG1"]["messages"] == 2
    assert rows[None]["messages"] == 1, "a line that is no segment"
    assert "PID-5" not in rows
    assert "ZQ" not in str(said).replace(str(site.parent), "")


def test_the_most_frequent_come_first_and_top_says_how_many(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = [row["messages"] for row in run(capsys, site)["unlisted"]]
    assert every == sorted(every, reverse=True)
    said = run(capsys, site, "--top", "1")
    assert [row["messages"] for row in said["unlisted"]] == [2]
    assert said["total"] == len(every)


def test_in_words(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["unlisted", "--over", str(site.parent / "samples"), "--site", str(site)]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sent to nobody"
    assert lines[1].split() == ["WHAT", "MESSAGES", "TYPES", "WHY"]
    assert any(line.split()[:3] == ["ZPV", "1", "ADT^A01"] for line in lines)
    assert any(line.startswith("(no segment)") for line in lines)
    assert lines[-1] == "1 not read: no content, or no HL7"


def test_facts_are_what_would_be_known(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = site.parent / "facts.yaml"
    facts.write_text(
        "restrictions: [{patient: {id: P1, authority: EAST}, items: {everything: true}}]\n"
    )
    (site.parent / "samples" / "b.hl7").unlink()
    assert "PID" not in {row["path"] for row in run(capsys, site)["unlisted"]}
    rows = {row["path"]: row for row in run(capsys, site, "--facts", str(facts))["unlisted"]}
    assert rows["PID"]["why"] == "never-sent"
    (because,) = [one for one in rows["PID"]["because"] if one["code"] == "restricted"]
    assert because == {"code": "restricted", "rule": None, "messages": 1}


def test_codes_are_told_only_if_they_are_asked_for(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = site / "rules" / "payment.yaml"
    rules.write_text(
        rules.read_text().replace(
            "EVN: all,", "EVN: all, DG1: {fields: all, where: {DG1-3.1: I10}},"
        )
    )
    sent = adt("M3", "P3").replace(b"E11.9", b"I10")
    (site.parent / "samples" / "c.hl7").write_bytes(sent)
    assert not any(row["code"] for row in run(capsys, site)["unlisted"])
    (row,) = [row for row in run(capsys, site, "--codes")["unlisted"] if row["code"]]
    assert (row["path"], row["code"], row["system"]) == ("DG1-3", "E119", "I10C")
    assert (row["why"], row["messages"], row["example"]) == ("never-sent", 2, None)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--over", "samples", "--since", "7d"], "over"),
        (["--over", "samples", "--until", "1d"], "over"),
        (["--facts", "facts.yaml"], "over"),
        (["--over", "nowhere"], "folder-empty"),
    ],
)
def test_usage(
    site: Path, capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    assert payergate(capsys, site, "unlisted", *words, code=2).startswith(f"{error}:")


def test_no_number_is_no_number(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in ("0", "many"):
        assert main(["unlisted", "--top", number, "--site", str(site)]) == 2
