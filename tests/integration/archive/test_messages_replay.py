"""`messages replay`: who gets what of messages that are done with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.cli.main import main
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate
from tests.support.cutting import channel

RULES = "rules/payment.yaml"
WHY = ("--reason", "ticket 7")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """One message delivered, one parked and given up, one that no channel was to have."""
    for rig in rigs(tmp_path / "site"):
        rig.take(adt("M1", "P1"))
        rig.end("acme")
        rig.take(adt("M2", "P2"))
        rig.end("acme", Final.PARKED, ack="AR", reason="ack-AR")
        rig.discard("acme")
        rig.take(adt("M3", "P3", "gamma"))
        rig.archive()
        add_gamma(rig)
        yield rig


def add_gamma(rig: Rig) -> None:
    """A channel that was not there when the messages came."""
    (rig.root / "channels" / "gamma.yaml").write_text(channel("gamma"))
    rules = rig.root / RULES
    rules.write_text(rules.read_text().replace("[acme, beta]", "[acme, beta, gamma]"))


def replay(
    capsys: pytest.CaptureFixture[str], rig: Rig, *words: str, code: int = 0
) -> list[tuple[str, str, str, str]]:
    said = payergate(capsys, rig.root, "messages", "replay", *words, *WHY, code=code)
    return [
        (one["control_id"], one["channel"], one["was"], one["outcome"]) for one in said["messages"]
    ]


def receipt_of(capsys: pytest.CaptureFixture[str], rig: Rig, control_id: str) -> str:
    found: Any = payergate(capsys, rig.root, "messages", "search", "--control", control_id)
    receipt: str = found["messages"][0]["receipt"]
    return receipt


NO_COVERAGE = "withheld (no-coverage)"


def test_a_channel_that_came_later_gets_it_only_if_it_is_named(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = receipt_of(capsys, site, "M3")
    assert replay(capsys, site, receipt) == [
        ("M3", "acme", NO_COVERAGE, "withheld"),
        ("M3", "beta", NO_COVERAGE, "withheld"),
    ]
    assert replay(capsys, site, receipt, "--channel", "gamma") == [
        ("M3", "gamma", "never", "queued")
    ]
    status = payergate(capsys, site.root, "status")["channels"]
    assert status["gamma"]["depth"] in {1, None}  # nobody can look into a store that is off
    assert replay(capsys, site, receipt, "--channel", "gamma", code=1) == [
        ("M3", "gamma", "waiting", "not-done-with")
    ]


def test_what_a_channel_has_or_may_have_it_gets_again_only_if_that_is_said(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--channel", "acme", "--from", "2026-01-01")
    for id_, was in (("M1", "delivered"), ("M2", "discarded (ack-AR)")):
        named = ("--control", id_, *asked)
        assert replay(capsys, site, *named, code=1) == [(id_, "acme", was, "already-there")]
        assert replay(capsys, site, *named, "--again", "--dry-run") == [
            (id_, "acme", was, "queued")
        ]
        assert replay(capsys, site, *named, "--again") == [(id_, "acme", was, "queued")]


def test_without_a_channel_nothing_but_what_was_withheld_is_meant(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    meant = replay(capsys, site, "--withheld-for", "no-coverage", "--from", "2026-01-01")
    assert {one[:2] for one in meant} == {
        ("M1", "beta"), ("M2", "beta"), ("M3", "acme"), ("M3", "beta"),
    }  # fmt: skip
    assert replay(capsys, site, "--withheld-for", "restricted", "--from", "2026-01-01") == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("RECEIPT",), "reason"),
        (WHY, "items"),
        (("--control", "M1", "--again", *WHY), "usage"),
        (("--control", "M1", "--channel", "nobody", *WHY), "unknown-channel"),
        (("01UNKNOWN", *WHY), "unknown-message"),
    ],
)
def test_a_wrong_question_is_said_to_be_one(
    site: Rig, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    try:
        found = main(["messages", "replay", *words, "--site", str(site.root)])
    except SystemExit as ended:
        found = int(ended.code or 0)
    assert found == 2
    assert code in capsys.readouterr().err


def test_what_is_erased_cannot_be_decided_again(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    with site.database.writing() as connection:
        connection.execute(schema.journal.delete())
    asked = ("--control", "M3", "--channel", "gamma")
    assert replay(capsys, site, *asked, code=1) == [("M3", "gamma", "never", "content-erased")]


def test_a_person_reads_it_in_lines(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = receipt_of(capsys, site, "M3")
    words = ["messages", "replay", receipt, "--channel", "acme", "--dry-run", *WHY]
    assert main([*words, "--site", str(site.root)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{receipt} M3 acme: withheld (no-coverage), was withheld (no-coverage)",
        "nothing was done: --dry-run",
    ]
