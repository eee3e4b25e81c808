"""Messages that were withheld since a rule was wrong, replayed once it is mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.test_operations import control_ids, registrations, wait_for
from tests.support.estate import Estate
from tests.support.hospital import deliver

WHY = ("--reason", "the rule was wrong")

RIGHT, WRONG = "IN1-3.1: ALPHA", "IN1-3.1: ALPHAS"


def replay(estate: Estate, *words: str, code: int = 0) -> list[dict[str, Any]]:
    said = estate.command("messages", "replay", *words, *WHY, code=code)
    found: list[dict[str, Any]] = said.get("messages", [])
    return found


def test_what_was_withheld_goes_once_the_rule_is_mended(tmp_path: Path) -> None:
    first, second, third = registrations("alpha", 3)
    estate = Estate(tmp_path)
    estate.lay_out()
    contract = estate.site / "channels" / "alpha.yaml"
    right = contract.read_text()
    contract.write_text(right.replace(RIGHT, WRONG))
    for channel in estate.sink_ports:
        estate.start_sink(channel)
    estate.start_engine()
    try:
        deliver(estate.listener_port, [first, second, third], 100, [])
        estate.ledger()
        asked = ("--withheld-for", "no-coverage", "--channel", "alpha", "--from", "1d")
        same = replay(estate, "--control", first.control_id, "--channel", "alpha")
        assert [(one["outcome"], one["reasons"]) for one in same] == [("withheld", ["no-coverage"])]

        contract.write_text(right)
        assert replay(estate, *asked, code=2) == []  # the engine has another policy
        estate.stop_engine()
        estate.start_engine()

        would = replay(estate, *asked, "--dry-run")
        assert [one["outcome"] for one in would] == ["queued"] * 3
        assert control_ids(estate, "alpha") == []
        done = replay(estate, *asked)
        ids = [one.control_id for one in (first, second, third)]
        assert [(one["control_id"], one["outcome"]) for one in done] == [
            (one, "queued") for one in ids
        ]
        for sent in (first, second, third):
            wait_for(estate, "alpha", sent)
        assert control_ids(estate, "alpha") == ids  # in the order in which they came

        assert replay(estate, *asked) == []  # nothing is withheld any more
        receipt = done[0]["receipt"]
        assert "alpha" not in {one["channel"] for one in replay(estate, receipt)}
        (there,) = replay(estate, receipt, "--channel", "alpha", code=1)
        assert there["outcome"] == "already-there"
        (twice,) = replay(estate, receipt, "--channel", "alpha", "--again")
        assert (twice["outcome"], twice["was"]) == ("queued", "delivered")
        estate.wait_until_empty(30)
        assert control_ids(estate, "alpha") == [*ids, ids[0]]
        _is_on_record(estate, receipt)
        alpha = estate.status()["channels"]["alpha"]
        assert (alpha["depth"], alpha["delivered"]) == (0, 3)
        assert estate.command("ledger", "verify")["ok"]
    finally:
        estate.__exit__()


def _is_on_record(estate: Estate, receipt: str) -> None:
    story = [
        row
        for row in estate.ledger()
        if row.get("receipt") == receipt and row.get("channel") == "alpha"
    ]
    assert [row["kind"] for row in story] == [
        "redecided", "redecided", "delivered", "redecided", "delivered",
    ]  # fmt: skip
    assert [row["was"] for row in story if "was" in row] == ["withheld", "withheld", "delivered"]
    assert {row["why"] for row in story if "why" in row} == {"the rule was wrong"}
    assert story[0]["by"]
    assert [row["possible_duplicate"] for row in story if row["kind"] == "delivered"] == [
        False,
        True,
    ]
    shown = estate.command("messages", "show", receipt)["message"]
    assert shown["outcomes"]["alpha"] == "delivered"
