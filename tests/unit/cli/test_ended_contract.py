"""An insurer whose contract has ended is a draft: nothing goes there, and what went stays told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


def test_a_draft_that_has_received_something_is_in_the_report(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    site.take(adt("M1", "P1", "beta"))
    site.end("beta", Final.DELIVERED)
    site.archive()
    file = site.root / "channels" / "beta.yaml"
    file.write_text(file.read_text() + "state: draft\n")
    whose = ("patient", "P1", "--authority", "EAST")
    told = payergate(capsys, site.root, *whose, "--reason", "asked")["recipients"]
    assert told["beta"]["concerned"]
    assert len(told["beta"]["disclosed"]) == 1
    assert told["beta"]["messages"] == {"delivered": 1}
    assert told["beta"]["share"] is told["beta"]["change"] is None
    assert main([*whose, "--site", str(site.root), "--reason", "asked"]) == 0
    assert "beta plan" in capsys.readouterr().out
    found = payergate(capsys, site.root, "messages", "search", "--channel", "beta")
    assert len(found["messages"]) == 1


def test_a_draft_that_never_received_anything_is_not(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    file = site.root / "channels" / "beta.yaml"
    file.write_text(file.read_text() + "state: draft\n")
    site.archive()
    told = payergate(capsys, site.root, "patient", "P1", "--reason", "asked")["recipients"]
    assert set(told) == {"acme"}


def test_of_a_channel_whose_files_are_gone_it_says_that_there_was_one(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    site.take(adt("M1", "P1", "beta"))
    site.end("beta", Final.DELIVERED)
    site.archive()
    where = ("--site", str(site.root))
    assert main(["patient", "P1", "--authority", "EAST", *where]) == 0
    assert "no contract any more" not in " ".join(capsys.readouterr().out.split())
    (site.root / "channels" / "beta.yaml").unlink()
    rules = site.root / "rules" / "payment.yaml"
    rules.write_text(rules.read_text().replace("[acme, beta]", "[acme]"))
    assert main(["patient", "P1", "--authority", "EAST", *where]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Something also went to 1 recipient with whom we have no contract any more" in said
    assert (
        main(["ledger", "account", "--patient", "P1", "--authority", "EAST", *where, "--all"]) == 0
    )
    assert "beta plan" in capsys.readouterr().out
    assert "beta plan (removed)" in said
    told = payergate(capsys, site.root, "patient", "P1", "--authority", "EAST")
    assert "beta" not in told["recipients"]
    assert told["removed"]["beta"]["name"] == "beta plan"
    assert len(told["removed"]["beta"]["disclosed"]) == 1


def test_what_went_to_a_channel_whose_files_are_gone_is_found_and_exported(
    site: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    site.take(adt("M1", "P1", "beta"))
    site.end("beta", Final.DELIVERED)
    site.take(adt("M2", "P1", "beta"))
    site.end("beta", Final.PARKED, ack="AR", reason="ack-AR")
    site.archive()
    (site.root / "channels" / "beta.yaml").unlink()
    rules = site.root / "rules" / "payment.yaml"
    rules.write_text(rules.read_text().replace("[acme, beta]", "[acme]"))
    where = ("--site", str(site.root))

    found = payergate(capsys, site.root, "messages", "search", "--channel", "beta")
    assert [one["control_id"] for one in found["messages"]] == ["M2", "M1"]
    assert found["removed"] == ["beta"]
    parked = payergate(capsys, site.root, "messages", "search", "--outcome", "parked")
    assert [one["control_id"] for one in parked["messages"]] == ["M2"]
    assert main(["messages", "search", "--channel", "beta", *where]) == 0
    said = capsys.readouterr()
    assert "beta (removed) parked (ack-AR)" in said.out
    assert "beta was removed from the site" in said.err
    assert main(["messages", "show", found["messages"][0]["receipt"], *where]) == 0
    assert "removed from the site" in capsys.readouterr().out

    time = ("--from", "2026-01-01", "--to", "2026-12-31")
    export = payergate(capsys, site.root, "ledger", "export", "--channel", "beta", *time)
    assert (export["channel"], export["removed"], export["disclosures"]) == ("beta", True, 2)
    asked = ("ledger", "impermissible", "--channel", "beta", *time, "--reason", "sent too much")
    assert payergate(capsys, site.root, *asked)["named"] == 2
    assert payergate(capsys, site.root, "ledger", "candidates", "--channel", "beta") == {
        "candidates": []
    }
    for command in (("messages", "search"), ("ledger", "export", *time)):
        asked = (*command, "--channel", "nobody")
        assert "unknown-channel" in payergate(capsys, site.root, *asked, code=2)
