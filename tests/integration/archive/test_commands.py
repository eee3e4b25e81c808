"""The commands on a site's archive: finding, telling, accounting, exporting; looks on record."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from engine.archive import schema
from engine.archive.waiting import TOLD_AFTER_S
from engine.cli.main import main
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt, rigs, write_site
from tests.support.commanding import payergate


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """Six messages: delivered, parked, withheld, waiting."""
    for rig in rigs(tmp_path / "site"):
        rig.take(adt("M1", "P1", visit="V1", account="A1"))
        rig.end("acme")
        rig.take(adt("M2", "P1", visit="V2", account="A2"))
        rig.end("acme", Final.PARKED, ack="AR", reason="refused")
        rig.clock.pass_s(60)
        rig.take(adt("M3", "P2", "gamma", visit="V3", account="A3"))
        rig.take(adt("M4", "P3", "acme", "beta", visit="V4", account="A4", state="NJ"))
        rig.end("beta")
        rig.archive()
        yield rig


def run(capsys: pytest.CaptureFixture[str], rig: Rig, *args: str, code: int = 0) -> Any:
    return payergate(capsys, rig.root, *args, code=code)


def ids(found: Any) -> list[str]:
    return [message["control_id"] for message in found["messages"]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ["M4", "M3", "M2", "M1"]),
        ("--control M2", ["M2"]),
        ("--patient P1", ["M2", "M1"]),
        ("--patient P1 --authority EAST", ["M2", "M1"]),
        ("--patient P1 --authority WEST", []),
        ("--patient P1 --visit V2", ["M2"]),
        ("--account A4", ["M4"]),
        ("--patient A4", []),
        ("--type ADT", ["M4", "M3", "M2", "M1"]),
        ("--type ADT^A08", []),
        ("--channel acme --outcome delivered", ["M1"]),
        ("--channel acme --outcome parked", ["M2"]),
        ("--outcome waiting", ["M4"]),
        ("--channel beta --outcome delivered", ["M4"]),
        ("--channel acme --outcome withheld", ["M3"]),
        ("--channel acme --patient P1 --outcome parked", ["M2"]),
        ("--to 2026-03-01T12:00:30+00:00", ["M2", "M1"]),
        ("--from 2026-03-01T12:00:30+00:00", ["M4", "M3"]),
        ("--limit 2", ["M4", "M3"]),
    ],
)
def test_messages_are_found(
    site: Rig, capsys: pytest.CaptureFixture[str], asked: str, expected: list[str]
) -> None:
    assert ids(run(capsys, site, "messages", "search", *asked.split())) == expected


def test_the_whole_story_of_a_message(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = run(capsys, site, "messages", "search", "--control", "M1")["messages"]
    story = run(capsys, site, "messages", "show", found["receipt"])
    assert [row["kind"] for row in story["history"]] == ["decision", "delivered"]
    assert story["content"] is None
    assert main(["messages", "show", found["receipt"], "--site", str(site.root)]) == 0
    text = capsys.readouterr().out
    assert "delivered to acme plan: AA, attempt 1; sent ADT^A01" in text
    assert "DG1 withheld (not-granted)" in text
    assert "ZQSURNAME" not in text


def test_content_is_shown_for_a_reason_that_is_recorded_first(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = run(capsys, site, "messages", "search", "--control", "M1")["messages"]
    receipt = found["receipt"]
    run(capsys, site, "messages", "show", receipt, "--content", code=2)
    assert site.bodies()[-1]["kind"] != "look"
    shown = run(capsys, site, "messages", "show", receipt, "--content", "--reason", "ticket 7")
    assert "ZQSURNAME" in shown["content"]
    look = site.bodies()[-1]
    assert (look["kind"], look["why"], look["receipt"]) == ("look", "ticket 7", receipt)
    assert look["by"]
    copy = run(capsys, site, "messages", "show", receipt, "--copy", "acme", "--reason", "check")
    assert "ZQSURNAME" in copy["content"]
    assert "ZQDIAGNOSIS" not in copy["content"]
    run(capsys, site, "messages", "show", receipt, "--copy", "beta", "--reason", "check", code=1)
    asked = ["messages", "show", receipt, "--content", "--reason", "x", "--site", str(site.root)]
    assert main(asked) == 0
    assert capsys.readouterr().out.startswith("MSH|")  # nothing but the message: it can be piped


def test_a_copy_with_hashed_values_is_made_again_with_the_engines_own_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "site"
    write_site(root)
    rules = root / "rules" / "payment.yaml"
    masked = "PID: {fields: [1, 3, 5], mask: {3.1: keyed-hash}}"
    rules.write_text(rules.read_text().replace("PID: [1, 3, 5, 7, 8, 11.4]", masked))
    for rig in rigs(root):
        receipt = rig.take(adt("M1", "P1"))
        rig.end("acme")
        rig.archive()
        shown = ("messages", "show", receipt, "--copy", "acme", "--reason", "check")
        assert "ZQSURNAME" in run(capsys, rig, *shown)["content"]


def test_what_is_erased_is_not_shown(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = run(capsys, site, "messages", "search", "--control", "M1")["messages"]
    with site.database.writing() as connection:
        connection.execute(schema.journal.delete())
    asked = ("messages", "show", found["receipt"], "--content", "--reason", "x")
    assert "content-erased" in run(capsys, site, *asked, code=1)


def test_the_accounting_of_a_patient(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    window = ("--from", "2026-01-01", "--to", "2026-03-02")
    exempt = run(capsys, site, "ledger", "account", "--patient", "P1", *window)
    assert exempt["number"] == 0
    page, pdf = tmp_path / "a.html", tmp_path / "a.pdf"
    files = ("--html", str(page), "--pdf", str(pdf))
    said = run(capsys, site, "ledger", "account", "--patient", "P1", "--all", *window, *files)
    assert said["number"] == 2
    assert said["disclosures"][0]["recipient"] == "acme plan"
    assert "1 Acme Plaza" in page.read_text()
    assert pdf.read_bytes().startswith(b"%PDF-")
    row = site.bodies()[-1]
    assert (row["kind"], row["disclosures"]) == ("accounting", 2)


def test_everything_that_went_to_a_channel(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "kit"
    asked = ("ledger", "export", "--channel", "acme", "--from", "2026-03-01", "--to", "2026-03-01")
    more = ("--out", str(out), "--discovered", "2026-11-24")
    said = run(capsys, site, *asked, *more)
    assert (said["disclosures"], said["patients"]) == (2, 1)
    assert said["patients_by_state"] == {"NY": 1}
    assert said["answers"] == {"AA": 1, "AR": 1}
    assert said["breach"]["individuals_by"] == "2027-01-23"
    assert said["breach"]["hhs_by"] == "2027-03-01"
    lines = (out / "disclosures.csv").read_text().splitlines()
    assert len(lines) == 3
    assert "P1" not in "".join(lines)
    assert not (out / "patients.csv").exists()
    run(capsys, site, *asked, "--patients", "--out", str(tmp_path / "no"), code=2)
    run(capsys, site, *asked, "--out", str(out), code=2)  # an export is not written over
    out = tmp_path / "whom"
    run(capsys, site, *asked, "--patients", "--out", str(out), "--reason", "breach 12")
    assert (out / "patients.csv").read_text().splitlines()[1].startswith("P1,EAST,NY,")
    assert site.bodies()[-1]["why"] == "breach 12"


def test_an_export_marks_what_was_named_impermissible(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (first,) = run(capsys, site, "messages", "search", "--control", "M1")["messages"]
    window = ("--channel", "acme", "--from", "2026-03-01", "--to", "2026-03-01")
    named = ("ledger", "impermissible", *window, first["receipt"], "--reason", "incident 4")
    run(capsys, site, *named)
    said = run(capsys, site, "ledger", "export", *window, "--out", str(tmp_path / "kit"))
    assert said["impermissible"] == 1
    with (tmp_path / "kit" / "disclosures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["receipt"]: row["impermissible"] for row in rows}[first["receipt"]] == "yes"
    assert [row["impermissible"] for row in rows].count("no") == len(rows) - 1
    assert {row["possible_duplicate"] for row in rows} <= {"yes", "no"}


def test_what_is_named_impermissible_is_accounted_for_from_then_on(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    (first,) = run(capsys, site, "messages", "search", "--control", "M1")["messages"]
    window = ("--from", "2026-01-01", "--to", "2026-03-02")
    asked = ("ledger", "impermissible", "--channel", "acme", *window)
    because = ("--reason", "incident 4", "--discovered", "2026-11-24")
    said = run(capsys, site, *asked, first["receipt"], *because)
    assert (said["named"], said["before"]) == (1, 0)
    row = site.bodies()[-1]
    assert (row["kind"], row["receipt"], row["why"]) == (
        "impermissible",
        first["receipt"],
        "incident 4",
    )
    assert row["by"]
    assert row["discovered"] == "2026-11-24"
    account = run(capsys, site, "ledger", "account", "--patient", "P1", *window)
    assert account["number"] == 1
    assert account["disclosures"][0]["impermissible"]
    asked_text = ["ledger", "account", "--patient", "P1", *window, "--site", str(site.root)]
    assert main(asked_text) == 0
    assert "This should not have been given" in capsys.readouterr().out
    said = run(capsys, site, *asked, "--reason", "all of it")
    assert (said["named"], said["before"]) == (1, 1)
    assert run(capsys, site, "ledger", "account", "--patient", "P1", *window)["number"] == 2
    assert run(capsys, site, "ledger", "verify")["ok"]
    story = ["messages", "show", first["receipt"], "--site", str(site.root)]
    assert main(story) == 0
    assert "to acme, was named impermissible" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [("--reason", " "), ("XXXXXXXXXXXXXXXXXXXX", "--reason", "incident")]
)
def test_what_is_unknown_or_without_a_reason_is_not_named_impermissible(
    site: Rig, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    asked = ("ledger", "impermissible", "--channel", "acme", "--from", "2026-03-01")
    run(capsys, site, *asked, *wrong, code=2)
    assert site.bodies()[-1]["kind"] != "impermissible"


def test_verify_says_whole_or_names_what_is_wrong(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, "ledger", "verify")
    assert (said["ok"], said["findings"], said["store_asked"]) == (True, [], False)
    head = said["head"]
    table = schema.ledger
    with site.database.writing() as connection:
        connection.execute(table.update().where(table.c.seq == 2).values(channel="beta"))
    said = run(capsys, site, "ledger", "verify", "--expect", head, code=1)
    (finding,) = said["findings"]
    assert (finding["flaw"], finding["first"]) == ("changed", 2)
    assert "head" in run(capsys, site, "ledger", "verify", "--expect", "x", code=2)


def test_holds_begin_and_end_on_record(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    reason = ("--reason", "litigation")
    number = run(capsys, site, "archive", "hold", "--patient", "P1", *reason)["hold"]
    (held,) = run(capsys, site, "archive", "holds")["holds"]
    assert (held["hold"], held["whose"], held["to"]) == (number, "one patient's", None)
    run(capsys, site, "archive", "release", str(number), *reason)
    assert run(capsys, site, "archive", "holds")["holds"] == []
    run(capsys, site, "archive", "release", str(number), *reason, code=2)
    assert [body["kind"] for body in site.bodies()[-2:]] == ["hold", "hold-released"]


def test_no_list_of_processes_need_show_a_patient(
    site: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = run(capsys, site, "messages", "search", "--patient", "P1")
    monkeypatch.setattr("sys.stdin", io.StringIO("P1\n"))
    assert run(capsys, site, "messages", "search", "--patient", "-") == named != {"messages": []}
    monkeypatch.setattr("sys.stdin", io.StringIO("P1\n"))
    for typed in ("P1", "-"):
        run(capsys, site, "archive", "hold", "--patient", typed, "--reason", "litigation")
    one, other = site.bodies()[-2:]
    assert one["patients"] == other["patients"] != []


def test_status_and_pruning(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, site, "archive", "status")
    assert (said["messages"], said["contents"], said["waiting"]) == (4, 4, None)
    erased = run(capsys, site, "archive", "prune")["erased"]
    assert erased > 0, "these messages are of March 2026"


def test_without_an_archive_commands_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = next(rigs(tmp_path / "site"))
    rig.close()
    (rig.root / "config.yaml").write_text("engine: {name: t}\narchive: {url: none}\n")
    assert "archive-none" in run(capsys, rig, "messages", "search", code=5)
    (rig.root / "config.yaml").write_text("engine: {name: t}\narchive: {url: 'sqlite:x.db'}\n")
    assert "archive-missing" in run(capsys, rig, "messages", "search", code=5)
    assert not (rig.root / "x.db").exists(), "to look makes no archive, which a start would ask"


def test_a_command_that_waits_for_the_archive_says_so_after_two_seconds(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it waits for is another writer, such as a backup that is not of the right sort."""
    if site.database.dialect != "sqlite":
        pytest.skip("PostgreSQL's lock is the head's row")
    command = ("archive", "hold", "--patient", "P1", "--reason", "a claim")
    other = sqlite3.connect(site.root / "var" / "archive.db", check_same_thread=False)
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    release = Timer(TOLD_AFTER_S + 1.0, other.rollback)
    release.start()
    assert main([*command, "--site", str(site.root)]) == 0
    release.join()
    other.close()
    waited = "The archive is locked by another process; waiting for at most 30 s.\n"
    assert capsys.readouterr().err == waited
