"""What a patient's insurers receive and why: told, recorded, and never more than was asked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.cli.reach import working_store
from engine.intake.recorded import patient_name, seal_held
from engine.privacy.acts import Act, Verb
from engine.privacy.held import Held
from engine.privacy.links import Link, Tie
from engine.privacy.patients import Patient
from engine.store.port import Enter, Final
from tests.support.archive_rig import Rig, adt, rigs, write_site
from tests.support.commanding import payergate

REASON = ("--reason", "the patient asks")
VALUES = ("ZQSURNAME", "ZQSTREET", "ZQTOWN", "E11.9", "F32.9", "19800101")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """Three messages of P1, one of them about mental health, and one of another patient."""
    root = tmp_path / "site"
    write_site(root)
    config = "engine: {name: east}\nprotections: [us-fl]\nprotections_off: {us-federal: on trial}\n"
    (root / "config.yaml").write_text(config)
    rules = root / "rules" / "payment.yaml"
    rules.write_text(rules.read_text().replace("IN1:", "DG1: [3], IN1:"))
    for rig in rigs(root):
        rig.take(adt("M1", "P1"))
        rig.end("acme")
        rig.take(adt("M2", "P1").replace(b"E11.9", b"F32.9"))
        rig.end("acme", Final.PARKED, ack="AR", reason="refused")
        rig.take(adt("M3", "P2", "beta"))
        rig.archive()
        yield rig


def run(capsys: pytest.CaptureFixture[str], rig: Rig, *args: str, code: int = 0) -> Any:
    return payergate(capsys, rig.root, "patient", *args, code=code)


def looks(rig: Rig) -> list[dict[str, Any]]:
    return [row for row in rig.bodies() if row["kind"] == "look"]


def test_without_a_reason_classes_alone_are_told(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, "P1")
    assert said["messages"] == {"found": 2, "opened": 0, "erased": 0}
    assert said["packs"]["off"] == {"us-federal": "on trial"}
    acme, beta = said["recipients"]["acme"], said["recipients"]["beta"]
    assert acme["concerned"]
    assert (beta["concerned"], beta["disclosed"]) == (False, [])
    assert acme["messages"] == {"delivered": 1, "parked": 1}
    assert sum(line["number"] for line in acme["disclosed"]) == 2
    assert "identity and demographics" in acme["disclosed"][0]["description"]
    assert acme["share"] is None
    (row,) = looks(site)
    assert row["what"] == "patient report, without messages"
    assert "P1" not in json.dumps(row)


def test_with_a_reason_each_message_is_opened_and_each_look_recorded(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, "P1", *REASON)
    share = said["recipients"]["acme"]["share"]
    assert share["messages"] == 2
    assert share["receives"]["PID"] == ["1", "3", "5", "7", "8", "11.4"]
    assert share["receives"]["PV1"] == ["all"]  # all that was received
    protected = [one for one in share["withheld"] if one["code"] == "labelled-mental-health"]
    assert [one["segment"] for one in protected] == ["DG1"]
    assert "Fla. Stat. 394.4615, not checked against the text" in protected[0]["why"]
    (refused,) = said["recipients"]["beta"]["share"]["not_sent"]
    assert (refused["code"], refused["messages"]) == ("no-coverage", 2)
    rows = looks(site)
    assert [row["receipt"] != "" for row in rows] == [False, True, True]
    assert {row["why"] for row in rows} == {"the patient asks"}
    assert not any(value in json.dumps(said) for value in VALUES)


def test_what_a_consent_would_open(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    consent = ("--kind", "authorization", "--purposes", "payment", "--channels", "acme")
    labels = ("--labels", "mental-health", "--given", "2020-01-01", "--authority", "EAST")
    said = run(capsys, site, "P1", *REASON, *consent, *labels)
    assert said["recipients"]["acme"]["change"] == {
        "messages": 1, "opened": 0, "closed": 0, "gains": {"DG1": ["3"]}, "loses": {},
    }  # fmt: skip
    assert said["recipients"]["beta"]["change"]["messages"] == 0
    assert said["supposed"][0].startswith("If added: An authorization for payment for care")
    assert run(capsys, site, "P1")["entries"] == []  # nothing was entered


def test_what_a_file_would_close_and_a_revocation_open_again(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("restrictions:\n  - {patient: {id: P1}, items: {everything: true}}\n")
    change = run(capsys, site, "P1", *REASON, "--if-added", str(facts))["recipients"]["acme"]
    assert change["change"]["closed"] == 2
    restrict = ["restriction", "add", "--patient", "P1", "--everything", "--site", str(site.root)]
    assert main(restrict) == 0
    capsys.readouterr()
    said = run(capsys, site, "P1", *REASON)
    (entry,) = said["entries"]
    assert entry["says"] == "Not to be told to any insurer: all care; you asked for it."
    share = said["recipients"]["acme"]["share"]
    assert [(one["code"], one["messages"]) for one in share["not_sent"]] == [("restricted", 2)]
    said = run(capsys, site, "P1", *REASON, "--if-revoked", entry["entry"])
    assert said["recipients"]["acme"]["change"]["opened"] == 2


@pytest.mark.parametrize(
    ("args", "code", "exit_code"),
    [
        (("--if-revoked", "r-x"), "reason", 2),
        (("--kind", "refusal"), "reason", 2),
        ((*REASON, "--if-revoked", "r-x"), "unknown-entry", 1),
        ((*REASON, "--kind", "authorization"), "registry-input", 2),
    ],
)
def test_what_cannot_be_supposed(
    site: Rig,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    code: str,
    exit_code: int,
) -> None:
    assert run(capsys, site, "P1", *args, code=exit_code).startswith(f"{code}: ")


def test_the_end_of_a_coverage_is_not_supposed_to_change_nothing(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    add = ("coverage", "add", "--patient", "P1", "--authority", "MY", "--channel", "acme")
    entry = payergate(capsys, site.root, *add)["entry"]
    said = run(capsys, site, "P1", *REASON, "--if-revoked", entry, code=2)
    assert said.startswith("wrong-entry: ")


def test_a_file_about_another_patient_is_refused(
    site: Rig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("restrictions:\n  - {patient: {id: P2}, items: {everything: true}}\n")
    words = (*REASON, "--if-added", str(facts))
    assert run(capsys, site, "P1", *words, code=2).startswith("registry-input: ")


class Page(HTMLParser):
    """Counts what a page would fetch, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.headings += tag in ("h1", "h2", "h3")
        if tag in ("script", "link", "img") or {"src", "href"} & {name for name, _ in attrs}:
            self.fetched.append(tag)


def test_text_and_page_say_the_same(
    site: Rig,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("P1\n"))
    file = tmp_path / "p.html"
    where = ("--site", str(site.root))
    assert main(["patient", "P1", *REASON, *where]) == 0
    text = capsys.readouterr().out
    assert main(["patient", "-", *REASON, "--html", str(file), *where]) == 0
    assert capsys.readouterr().out == ""
    page = file.read_text()
    found = Page()
    found.feed(page)
    assert found.fetched == []
    assert found.headings > 6
    for part in ("acme plan", "us-federal is switched off here: on trial", "diagnosis code"):
        assert part in text
        assert part in page
    assert not any(value in text + page for value in VALUES)


def test_what_goes_in_one_message_and_not_in_another_is_not_told_as_a_contradiction(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    share = run(capsys, site, "P1", *REASON)["recipients"]["acme"]["share"]
    (mixed,) = share["mixed"]
    assert (mixed["segment"], mixed["fields"], mixed["sent"]) == ("DG1", ["3"], {"ADT^A01": 1})
    assert mixed["withheld"] == {"labelled-mental-health": {"ADT^A01": 1}}
    assert main(["patient", "P1", *REASON, "--site", str(site.root)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    _, mixed_part = text.split("Receives in some messages, and not in others")
    mixed_part, never = mixed_part.split("Does not receive of these", 1)
    assert (
        "Received in 1 message (ADT^A01). Not, or not all of it, in 1 message (ADT^A01): The law"
        in (mixed_part)
    )
    assert "mental health" not in never.split("Laws that stand above")[0]


def test_what_was_entered_under_an_identifier_that_was_merged_is_told(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = (Patient("P1", "EAST"),), (Patient("P2", "EAST"),)
    joined = (Verb.JOINED, Act("EPIC", site.clock.now(), "A40"))
    link = Link("m-1", Tie.MERGED, *sides, (joined,))
    with working_store(site.site) as store:
        for one in ("P1", "P2"):
            name = patient_name(site.sealer, one)
            sealed = seal_held(site.sealer, name, Held((), (link,)))
            store.execute([Enter(name, 0, sealed, b'{"kind":"registry"}')])
    given = ("--patient", "P2", "--authority", "EAST", "--everything", "--site", str(site.root))
    assert main(["restriction", "add", *given]) == 0
    capsys.readouterr()
    (entry,) = run(capsys, site, "P1")["entries"]
    assert entry["patient"] == "P2"
    assert main(["patient", "P1", "--site", str(site.root)]) == 0
    assert "entered under P2)" in " ".join(capsys.readouterr().out.split())
