"""I6, with real processes: a restriction or a revocation stops all that is still queued.

Nothing for the patient leaves after the command has returned, but for the attempts that it listed;
whoever is killed meanwhile.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from engine.intake.recorded import patient_name
from engine.privacy.facts import Item, ItemKind
from engine.store import keys
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.sealing import Sealer
from tests.support.estate import Estate
from tests.support.restricting import restrict_at_once

#: What the rules of the estate become, so that alpha receives under a consent alone.
CONSENTED = ("purpose: payment\n", "purpose: payment\nconsent: required\n")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """An engine whose insurers all work."""
    with Estate(tmp_path_factory.mktemp("estate")) as running:
        yield running


def admission(patient: str, control_id: str) -> bytes:
    lines = (
        f"MSH|^~\\&|HIS|GH|PG|PG|20260301||ADT^A01^ADT_A01|{control_id}|P|2.5.1",
        "EVN|A01|20260301",
        f"PID|1||{patient}^^^GH^MR||DOE^JANE||19700101|F",
        f"PV1|1|I|W||||||||||||||||V{control_id}^^^GH",
        "IN1|1|P1|ALPHA|ALPHA PLAN",
    )
    return "\r".join(lines).encode() + b"\r"


def send(port: int, *messages: bytes) -> None:
    """Send, and see each acknowledged."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.settimeout(20)
        for message in messages:
            connection.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                got = connection.recv(4096)
                assert got, "the engine hung up"
                answer += got
            assert b"MSA|AA|" in answer


def of(patient: str, messages: list[bytes]) -> list[bytes]:
    return [message for message in messages if b"|" + patient.encode() + b"^" in message]


def wait_for(estate: Estate, patient: str) -> None:
    deadline = time.monotonic() + 40
    while not of(patient, estate.received("alpha")):
        assert time.monotonic() < deadline, estate.status()
        time.sleep(0.1)


def restrict(estate: Estate, patient: str) -> list[dict[str, Any]]:
    """The open attempts that the command listed."""
    words = ("restriction", "add", "--everything", "--channels", "alpha", "--patient", patient)
    said = estate.command(*words)
    assert said["new"]
    attempts: list[dict[str, Any]] = said["open_attempts"]
    return attempts


@pytest.mark.parametrize("killed", ["", "worker", "store", "supervisor"])
def test_a_restriction_stops_all_copies_that_wait(estate: Estate, killed: str) -> None:
    patient, other = f"P{killed}1", f"Q{killed}1"
    estate.stop_sink("alpha")
    try:
        send(estate.listener_port, *(admission(patient, f"{killed}{n}") for n in range(5)))
        restrict(estate, patient)
        if killed:
            estate.kill(killed)
    finally:
        estate.start_sink("alpha")
    send(estate.listener_port, admission(patient, f"{killed}9"), admission(other, f"{killed}10"))
    wait_for(estate, other)
    assert of(patient, estate.received("alpha")) == []
    rows = [row for row in estate.ledger("withheld") if row["reason"] == "restricted"]
    assert len(rows) % 5 == 0
    assert rows


def test_what_was_on_its_way_is_listed_and_nothing_else_leaves(estate: Estate) -> None:
    patient, other = "PLATE", "QLATE"
    estate.restart_sink("alpha", "- {every: 1, count: 1, do: late, delay: 2s}\n")
    send(estate.listener_port, *(admission(patient, f"late{n}") for n in range(5)))
    wait_for(estate, patient)
    ((channel, _, receipt, _),) = restrict_at_once(estate, patient).open_attempts
    assert channel == "alpha"
    send(estate.listener_port, admission(other, "late9"))
    wait_for(estate, other)
    (sent,) = of(patient, estate.received("alpha"))
    assert b"|late0|" in sent
    (row,) = [row for row in estate.ledger("delivered") if row["receipt"] == receipt]
    assert row["control_id"] == "late0"


def test_an_entry_that_is_gone_holds_its_patient_alone_until_it_is_back(estate: Estate) -> None:
    patient, other = "PGONE", "QGONE"
    restrict_at_once(estate, patient, Item(ItemKind.VISIT, "ELSEWHERE"))
    name = patient_name(Sealer.from_file(estate.site / "var" / "keys"), patient)
    with closing(connect(EmbeddedServer(estate.site / "var").url)) as client:
        kept = cast("bytes", client.hget(keys.PRIVACY, name))
        client.hdel(keys.PRIVACY, name)
        send(estate.listener_port, admission(patient, "gone1"), admission(other, "gone2"))
        wait_for(estate, other)
        assert of(patient, estate.received("alpha")) == []
        (held,) = estate.command("parked", "ls", "--channel", "alpha")["items"]
        assert held["reason"] == "facts-unavailable"
        client.hset(keys.PRIVACY, name, kept)
    estate.kill("worker")  # a new one asks at once, this one in half a minute
    wait_for(estate, patient)


def test_a_lifted_restriction_lets_what_comes_through(estate: Estate) -> None:
    patient = "PLIFT"
    restrict(estate, patient)
    (entry,) = estate.command("restriction", "ls", "--patient", patient)["entries"]
    words = ("restriction", "revoke", entry["entry"], "--why", "asked for", "--patient", patient)
    assert estate.command(*words)["new"]
    send(estate.listener_port, admission(patient, "lift1"))
    wait_for(estate, patient)


def merge(survivor: str, prior: str, control_id: str) -> bytes:
    lines = (
        f"MSH|^~\\&|HIS|GH|PG|PG|20260301||ADT^A40^ADT_A39|{control_id}|P|2.5.1",
        "EVN|A40|20260301",
        f"PID|1||{survivor}^^^GH^MR",
        f"MRG|{prior}^^^GH^MR",
    )
    return "\r".join(lines).encode() + b"\r"


def result(patient: str, control_id: str) -> bytes:
    lines = (
        f"MSH|^~\\&|LAB|GH|PG|PG|20260301||ORU^R01^ORU_R01|{control_id}|P|2.5.1",
        f"PID|1||{patient}^^^GH^MR",
        f"PV1|1|I|W||||||||||||||||V{control_id}^^^GH",
        "OBR|1|||24331-1^Lipid^LN|||20260301",
        "OBX|1|NM|2093-3^Chol^LN||180||||||F",
    )
    return "\r".join(lines).encode() + b"\r"


def test_a_merge_stops_what_waits_for_the_survivor_until_it_is_parted(estate: Estate) -> None:
    survivor, prior, other = "PMRGS", "PMRGP", "PMRGO"
    restrict(estate, prior)
    estate.stop_sink("alpha")
    try:
        send(estate.listener_port, *(admission(survivor, f"mrg{n}") for n in range(4)))
        send(estate.listener_port, merge(survivor, prior, "mrg8"))
        estate.kill("worker")
    finally:
        estate.start_sink("alpha")
    send(estate.listener_port, admission(survivor, "mrg9"), admission(other, "mrg10"))
    wait_for(estate, other)
    assert of(survivor, estate.received("alpha")) == []
    (link,) = estate.command("merge", "ls", "--patient", survivor)["links"]
    assert (link["kind"], link["state"]) == ("merged", "joined")
    assert link["history"][0]["by"].startswith("message:")
    part = ("merge", "part", link["link"], "--why", "two persons", "--patient", prior)
    assert estate.command(*part)["new"]
    assert not estate.command(*part)["new"]
    send(estate.listener_port, admission(survivor, "mrg11"))
    wait_for(estate, survivor)
    verbs = [verb for row in estate.ledger("registry") for _, verb in row["entries"]]
    assert verbs.count("joined") == verbs.count("parted") == 2


def charge(patient: str, control_id: str) -> bytes:
    lines = (
        f"MSH|^~\\&|HIS|GH|PG|PG|20260301||DFT^P03^DFT_P03|{control_id}|P|2.5.1",
        "EVN|P03|20260301",
        f"PID|1||{patient}^^^GH^MR",
        f"PV1|1|I|W||||||||||||||||V{control_id}^^^GH",
        "FT1|1|T1||20260301||CG|99213|||||||P1",
        "IN1|1|P1|ALPHA|ALPHA PLAN",
    )
    return "\r".join(lines).encode() + b"\r"


def test_e_8_charges_queued_under_the_old_number_meet_the_restriction_of_the_new(
    estate: Estate,
) -> None:
    """One A39 of two groups comes while the channel is paused; the copies name the old number."""
    old, new, others = "P111", "P222", ("P333", "P444")
    estate.command("queue", "pause", "alpha", "--reason", "a test")
    try:
        send(estate.listener_port, *(charge(old, f"e8{n}") for n in range(3)))
        send(estate.listener_port, charge(others[0], "e8o"))
        restrict(estate, new)
        groups = (f"PID|1||{others[1]}^^^GH^MR", f"MRG|{others[0]}^^^GH^MR",
                  f"PID|2||{new}^^^GH^MR", f"MRG|{old}^^^GH^MR")  # fmt: skip
        head = "MSH|^~\\&|HIS|GH|PG|PG|20260301||ADT^A39^ADT_A39|e8m|P|2.5.1"
        lines = (head, "EVN|A39|20260301", *groups)
        send(estate.listener_port, "\r".join(lines).encode() + b"\r")
    finally:
        estate.command("queue", "resume", "alpha")
    wait_for(estate, others[0])
    assert of(old, estate.received("alpha")) == []
    rows = [row for row in estate.ledger("withheld") if row["control_id"].startswith("e8")]
    assert [row["reason"] for row in rows] == ["restricted"] * 3


def test_coverage_that_is_entered_releases_what_waited_for_it(
    estate: Estate, tmp_path: Path
) -> None:
    send(estate.listener_port, result("PCOV", "cov0"))
    who = ("--patient", "PCOV", "--authority", "GH")
    said = estate.command("coverage", "add", *who, "--visit", "Vcov0", "--channel", "alpha")
    assert said["new"]
    wait_for(estate, "PCOV")
    (entry,) = estate.command("coverage", "ls", "--patient", "PCOV")["entries"]
    assert (entry["what"], entry["channels"], entry["state"]) == (
        "visit Vcov0", "alpha", "in force",
    )  # fmt: skip
    ending = ("coverage", "revoke", entry["entry"], "--why", "wrong", "--patient", "PCOV")
    assert estate.command(*ending)["new"]
    rows = tmp_path / "coverage.csv"
    rows.write_text(
        "patient,authority,channel,account,from,to,settles\n"
        "PCOV,GH,alpha,,2026-01-01,2026-12-31,true\nPCOV,GH,beta,A1,,,\n"
    )
    dry = estate.command("coverage", "import", str(rows), "--dry-run")
    assert (dry["lines"], dry["new"], dry["dry_run"]) == (2, 2, True)
    assert estate.command("coverage", "import", str(rows))["new"] == 2
    assert estate.command("coverage", "ls")["entries"] == {"in force": 2, "revoked": 1}
    rows.write_text("patient,channel\nPCOV,nobody\n")
    assert estate.command("coverage", "import", str(rows), code=2) is not None


def test_a_consent_opens_and_its_revocation_stops_what_waits(tmp_path: Path) -> None:
    class Consented(Estate):
        def lay_out(self) -> None:
            super().lay_out()
            rules = self.site / "rules" / "all.yaml"
            rules.write_text(rules.read_text().replace(*CONSENTED))

    grant: tuple[str, ...] = (
        "consent",
        "add",
        "--authority",
        "GH",
        "--kind",
        "authorization",
        "--purposes",
    )
    grant += ("payment", "--channels", "alpha", "--given", "2020-01-01", "--patient")
    with Consented(tmp_path) as estate:
        send(estate.listener_port, admission("NONE", "c0"))
        said = estate.command(*grant, "P1")
        assert estate.command(*grant, "P1")["new"] is False
        estate.command(*grant, "P2")
        send(estate.listener_port, admission("P1", "c1"))
        wait_for(estate, "P1")
        estate.stop_sink("alpha")
        send(estate.listener_port, *(admission("P1", f"c2{n}") for n in range(4)))
        words = ("consent", "revoke", said["entry"], "--why", "by letter", "--patient", "P1")
        assert estate.command(*words)["new"]
        estate.kill("worker")
        estate.start_sink("alpha")
        send(estate.listener_port, admission("P1", "c3"), admission("P2", "c4"))
        wait_for(estate, "P2")
        received = estate.received("alpha")
        reasons = {row["reason"] for row in estate.ledger("withheld")}
        changes = [verb for row in estate.ledger("registry") for _, verb in row["entries"]]
        grounds = [row["consents"] for row in estate.ledger("delivered")]
    assert [said["entry"]] in grounds
    assert len(of("P1", received)) == 1
    assert of("NONE", received) == []
    assert reasons == {"consent-revoked"}
    assert changes == ["added", "added", "revoked"]
