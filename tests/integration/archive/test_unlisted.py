"""What archived traffic holds that nobody is sent: exact, of the asked time, without a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.cli.main import main
from tests.integration.archive.test_engine import is_archived, until
from tests.integration.archive.test_engine import payergate as ask
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate
from tests.support.estate import Estate
from tests.support.hospital import deliver, make_messages

WEEK = ("--since", "2026-03-01", "--until", "2026-03-07T12:00Z")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """A message each on six days; the last one brings a segment that was never seen."""
    for rig in rigs(tmp_path / "site"):
        for day in range(6):
            more = b"ZPV|1|ZQSECRET\r" if day == 5 else b""
            rig.take(adt(f"M{day}", f"P{day}") + more)
            rig.clock.pass_s(86_400)
        rig.archive()
        yield rig


def run(capsys: pytest.CaptureFixture[str], rig: Rig, *more: str) -> Any:
    return payergate(capsys, rig.root, "unlisted", *more)


def test_what_was_never_seen_before_the_last_day_is_new_and_stands_first(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, *WEEK, "--reason", "monday")
    first, *others = said["unlisted"]
    assert (first["path"], first["why"], first["new"]) == ("ZPV", "unlisted", True)
    assert first["first"] == first["last"] == "2026-03-06T12:00:00Z"
    assert not any(row["new"] for row in others)
    (diagnosis,) = [row for row in others if row["path"] == "DG1"]
    assert diagnosis["messages"] == said["messages"] == 6
    assert (diagnosis["first"], diagnosis["last"]) == (
        "2026-03-01T12:00:00Z",
        "2026-03-06T12:00:00Z",
    )
    (receipt,) = {first["example"], diagnosis["example"]}
    found = payergate(capsys, site.root, "messages", "show", receipt)
    assert found["message"]["control_id"] == "M5"
    assert "ZQ" not in json.dumps(said)
    row = site.bodies()[-1]
    assert (row["kind"], row["why"], row["codes"]) == ("unlisted", "monday", False)


def test_of_no_more_than_a_day_nothing_is_called_new(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, "--since", "2026-03-06", "--until", "2026-03-06")
    assert said["messages"] == 1
    assert not any(row["new"] for row in said["unlisted"])


def test_it_is_of_the_rules_as_they_are_now(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    file = site.root / "rules" / "payment.yaml"
    file.write_text(file.read_text().replace("EVN: all,", "EVN: all, DG1: all,"))
    paths = {row["path"] for row in run(capsys, site, *WEEK)["unlisted"]}
    assert "ZPV" in paths
    assert not any(path.startswith("DG1") for path in paths)


def test_times_are_told_in_the_sites_zone(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unlisted", *WEEK, "--site", str(site.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "new in the last day"
    assert lines[1].split() == ["WHAT", "MESSAGES", "FIRST", "LAST", "TYPES", "WHY"]
    assert lines[2].split()[:4] == [
        "ZPV",
        "1",
        "2026-03-06T12:00:00+00:00",
        "2026-03-06T12:00:00+00:00",
    ]


def test_what_is_erased_is_counted_as_unread(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with site.database.writing() as connection:
        connection.execute(schema.journal.delete())
    said = run(capsys, site, *WEEK)
    assert (said["messages"], said["unread"], said["unlisted"]) == (0, 6, [])


def test_a_new_segment_is_told_as_soon_as_its_message_is_archived(tmp_path: Path) -> None:
    with Estate(tmp_path) as estate:
        first, last = make_messages(0, 2, 1)
        last = replace(last, data=last.data + b"ZPV|1|x\r")
        deliver(estate.listener_port, [first], 100.0, [])
        assert "ZPV" not in seen(estate, 1)
        deliver(estate.listener_port, [last], 100.0, [])
        row = seen(estate, 2)["ZPV"]
    assert (row["messages"], row["why"]) == (1, "unlisted")
    assert datetime.now().astimezone() - datetime.fromisoformat(row["first"]) < timedelta(minutes=2)


def seen(estate: Estate, messages: int) -> dict[str, Any]:
    """What is told by segment and field, once so many messages are archived."""
    until(lambda: is_archived(estate, messages))
    said = ask(estate, "unlisted", "--top", "1000")
    assert said["messages"] == messages
    return {row["path"]: row for row in said["unlisted"]}
