"""What people still have to do about consents: listed without names, done for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.privacy.acts import Act
from engine.privacy.facts import Item, ItemKind, Restriction
from engine.privacy.held import Held
from engine.privacy.patients import Patient
from engine.privacy.persons import rights_of
from tests.support.archive_rig import Rig, rigs
from tests.support.commanding import payergate


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


def test_duties_open_and_close(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str, code: int = 0) -> Any:
        return payergate(capsys, site.root, *words, code=code)

    def duties(*words: str) -> list[tuple[str, str]]:
        found = run("duties", "ls", *words)["duties"]
        return [(one["duty"], one["entry"]) for one in found]

    add: tuple[str, ...] = ("consent", "add", "--channels", "acme", "--purposes", "payment")
    add += ("--kind", "authorization", "--patient", "P1")
    own = run(*add, "--signed-by", "self", "--event", "the end of the claim")["entry"]
    other = run(*add, "--signed-by", "guardian")["entry"]
    run("consent", "add", "--kind", "refusal", "--patient", "P2", "--signed-by", "parent")
    assert duties() == [("watch-event", own), ("tell-patient", other)]
    assert run("duties", "ls")["duties"][0].keys() == {"duty", "entry", "since", "signed_by"}

    assert run("duties", "ls", "--patients", code=2).startswith("reason: ")
    named = run("duties", "ls", "--patients", "--reason", "letters")["duties"]
    assert {one["patient"] for one in named} == {"P1"}
    assert [one["event"] for one in named] == ["the end of the claim", ""]
    assert site.bodies()[-1]["what"] == "patients of open duties"

    done = ("duties", "done", other, "--patient", "P1", "--why", "by letter, 2026-03-02")
    assert run(*done)["new"]
    assert not run(*done)["new"]
    run("consent", "revoke", own, "--patient", "P1", "--why", "the claim has ended")
    assert duties() == []
    entries = run("consent", "ls", "--patient", "P1")["entries"]
    assert [one["verb"] for one in entries[1]["history"]] == ["added", "told"]
    assert run("duties", "done", "c-x", "--patient", "P1", "--why", "x", code=1)


def test_a_restriction_that_was_told_is_lifted_all_the_same() -> None:
    act = Act("ann", datetime(2026, 3, 1, tzinfo=UTC))
    fact = Restriction(Patient("7"), frozenset({Item(ItemKind.EVERYTHING)}))
    held = Held().added("r", fact, act).ended("r", act).told("r", act)
    assert held.entries[0].is_over
    assert rights_of([held], act.at).restrictions == ()
    assert rights_of([held.added("r", fact, act)], act.at).restrictions == (fact,)


def test_a_counterpart_to_be_assessed_again_is_a_duty(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = [one for one in (site.root / "channels").iterdir() if "acme" in one.name]
    text = file.read_text()
    assert "agreement: {" in text
    due = "agreement: {assessed: 2020-01-01, reassess_after: 30d, "
    file.write_text(text.replace("agreement: {", due))
    (duty,) = payergate(capsys, site.root, "duties", "ls")["duties"]
    assert duty == {
        "duty": "reassess-counterpart", "entry": "acme", "since": "2020-01-31", "signed_by": "",
    }  # fmt: skip
    problems = payergate(capsys, site.root, "check")["problems"]
    assert "reassess" in {one["code"] for one in problems}
