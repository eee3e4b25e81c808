"""Where the federal pack is off, its law of who is a health plan asks nothing of a site."""

from __future__ import annotations

import pathlib

from engine.config.load import load_site
from tests.support.cutting import channel, rule

OFF = 'protections_off: {us-federal: "another country"}\n'


def site(folder: pathlib.Path, config: str) -> pathlib.Path:
    for name in ("channels", "rules"):
        (folder / name).mkdir()
    (folder / "config.yaml").write_text(f"engine: {{name: east}}\n{config}")
    (folder / "channels" / "life.yaml").write_text(channel("life", more="") + "payer_type: life\n")
    (folder / "rules" / "r.yaml").write_text(
        "channels: [life]\npurpose: payment\nbasis: contract\nrules:\n"
        + rule("r", "message: ADT", "PID: [3]")
    )
    return folder


def warned(folder: pathlib.Path, config: str) -> list[str]:
    return [problem.code for problem in load_site(site(folder, config)).warnings]


def test_a_life_insurer_needs_a_ground_under_federal_law(tmp_path: pathlib.Path) -> None:
    assert "no-health-plan" in warned(tmp_path, "")


def test_it_needs_none_where_that_law_does_not_hold(tmp_path: pathlib.Path) -> None:
    assert "no-health-plan" not in warned(tmp_path, OFF)
