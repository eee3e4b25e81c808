"""`payergate restriction` takes an entry from its request to its end, and no other way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.archive_rig import Rig, rigs
from tests.support.commanding import payergate


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


class Desk:
    def __init__(self, site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
        self._site, self._capsys = site, capsys

    def run(self, *words: str, code: int = 0) -> Any:
        return payergate(self._capsys, self._site.root, *words, code=code)

    def add(self, *words: str, code: int = 0) -> Any:
        whose = ("--patient", "P1", "--visit", "V1")
        return self.run("restriction", "add", *whose, *words, code=code)

    def step(self, action: str, entry: str, code: int = 0) -> Any:
        words = (action, entry, "--patient", "P1", "--why", "because")
        return self.run("restriction", *words, code=code)

    def stands(self) -> tuple[str, str]:
        (entry,) = self.run("restriction", "ls", "--patient", "P1")["entries"]
        return entry["state"], entry["standing"]


@pytest.fixture
def desk(site: Rig, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(site, capsys)


def test_a_request_is_agreed_to_and_ended_by_the_hospital(desk: Desk) -> None:
    entry = desk.add("--state", "requested")["entry"]
    assert desk.stands() == ("requested", "requested")
    assert [one["duty"] for one in desk.run("duties", "ls")["duties"]] == ["answer-request"]
    assert desk.step("confirm", entry)["new"]
    assert not desk.step("confirm", entry)["new"]
    assert desk.stands() == ("in force", "agreed")
    assert "restriction-standing" in desk.step("decline", entry, code=1)
    desk.step("terminate", entry)
    assert desk.stands() == ("terminated by hospital", "terminated_by_hospital")
    (told,) = desk.run("restriction", "ls", "--patient", "P1")["entries"]
    verbs = [one["verb"] for one in told["history"]]
    assert verbs == ["added", "requested", "confirmed", "terminated_by_hospital"]
    assert {one["why"] for one in told["history"][2:]} == {"because"}


def test_what_was_paid_in_full_is_ended_by_the_patient_alone(desk: Desk) -> None:
    paid = ("--reason", "self-pay-in-full")
    entry = desk.add(*paid, "--state", "pending_payment")["entry"]
    assert desk.stands() == ("pending payment", "pending_payment")
    assert [one["duty"] for one in desk.run("duties", "ls")["duties"]] == ["confirm-payment"]
    desk.step("confirm", entry)
    assert desk.stands() == ("in force", "mandatory")
    for action in ("terminate", "decline"):
        assert "restriction-mandatory" in desk.step(action, entry, code=1)
    desk.step("void", entry)
    assert desk.stands() == ("void payment failed", "void_payment_failed")
    assert desk.add(*paid)["entry"] == entry
    desk.step("revoke", entry)
    assert desk.stands() == ("lifted", "terminated_by_patient")


def test_a_request_is_declined(desk: Desk) -> None:
    entry = desk.add("--state", "requested")["entry"]
    desk.step("decline", entry)
    assert desk.stands() == ("declined", "declined")
    assert desk.run("duties", "ls")["duties"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--state", "declined"),
        ("--state", "pending_payment"),
        ("--state", "mandatory"),
        ("--state", "agreed", "--reason", "self-pay-in-full"),
        ("--state", "void_payment_failed", "--reason", "self-pay-in-full"),
        ("--state", "perhaps"),
    ],
)
def test_nothing_is_entered_as_it_cannot_stand(desk: Desk, words: tuple[str, ...]) -> None:
    assert "registry-input" in desk.add(*words, code=2)


def test_states_are_imported(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("patient,visit,reason,state\nP1,V1,self-pay-in-full,pending_payment\n")
    assert desk.run("restriction", "import", str(file))["new"] == 1
    assert desk.stands() == ("pending payment", "pending_payment")
    file.write_text("patient,visit,state\nP1,V2,declined\n")
    assert "registry-input" in desk.run("restriction", "import", str(file), code=2)


def test_a_step_is_of_restrictions_alone(desk: Desk) -> None:
    refusal = desk.run("consent", "add", "--kind", "refusal", "--patient", "P1")["entry"]
    assert "wrong-entry" in desk.step("confirm", refusal, code=2)
    assert "unknown-entry" in desk.step("confirm", "r-x", code=1)
