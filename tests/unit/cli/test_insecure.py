"""What goes in the clear, as a site says itself, stands in every report."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from engine.cli.checkup import settings
from engine.cli.main import main
from engine.cli.status import as_text
from engine.cli.status_report import status_report
from engine.config.load import load_site
from engine.config.operating import load_operating_site
from tests.support.reference_site import ROOT, copy_of_reference_site

SAMPLE = str(ROOT / "rules" / "samples" / "adt-a01.hl7")
INSECURE = ["listener adt", "channel acme"]
REPORTS = (("check",), ("explain", SAMPLE), ("matrix",))


def copy(folder: pathlib.Path, *insecure: str) -> pathlib.Path:
    """The reference site with `insecure: true` in these channels alone."""
    copy_of_reference_site(folder)
    for file in (folder / "channels").iterdir():
        if file.stem not in insecure:
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if "insecure:" not in line))
    return folder


@pytest.fixture
def plain(tmp_path: pathlib.Path) -> pathlib.Path:
    """A site that does not say it."""
    folder = tmp_path / "plain"
    folder.mkdir()
    return copy(folder)


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    """A site with a listener in the clear over a network, and a channel on loopback."""
    folder = tmp_path / "site"
    folder.mkdir()
    copy(folder, "acme")
    config = folder / "config.yaml"
    listen, anywhere = '"tcp:127.0.0.1:2575"', '"tcp:0.0.0.0:2575"\n    insecure: true'
    config.write_text(config.read_text().replace(listen, anywhere))
    return folder


def said(capsys: pytest.CaptureFixture[str], site: pathlib.Path, *words: str) -> str:
    assert main([*words, "--site", str(site)]) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], site: pathlib.Path, *words: str) -> Any:
    return json.loads(said(capsys, site, *words, "--json"))


@pytest.mark.parametrize("words", REPORTS)
def test_a_report_says_it_in_words_and_not_without_need(
    site: pathlib.Path,
    plain: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    assert "nsecure" in said(capsys, site, *words)
    assert "nsecure" not in said(capsys, plain, *words)


def test_in_json(
    site: pathlib.Path, plain: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_json(capsys, site, "check")["insecure"] == INSECURE
    assert as_json(capsys, site, "explain", SAMPLE)["insecure"] == INSECURE
    assert as_json(capsys, plain, "explain", SAMPLE)["insecure"] == []
    contracts = {
        name: one["contract"].get("Reached")
        for name, one in as_json(capsys, site, "matrix")["channels"].items()
    }
    assert contracts == {
        "acme": "in the clear (`insecure: true`)",
        "review-partners": None,
        "state-medicaid": None,
    }
    now = status_report(load_operating_site(site), None)
    assert now["insecure"] == INSECURE
    assert "in the clear (`insecure: true`): listener adt, channel acme" in as_text(now, "UTC")
    assert "in the clear" not in as_text(status_report(load_operating_site(plain), None), "UTC")
    assert as_json(capsys, site, "top", "--times", "1")["insecure"] == INSECURE


def test_it_is_a_problem_where_it_is_about_a_network(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (problem,) = as_json(capsys, site, "check")["problems"]
    assert (problem["code"], problem["severity"]) == ("insecure", "warning")
    assert (problem["file"], problem["line"]) == ("config.yaml", 7)
    loaded = load_site(site)
    found = [one.what for one in settings(loaded)]
    assert found.count("The listener adt takes messages in clear.") == 1
    assert not any("insecure" in text for text in found)


def test_with_tls_nothing_is_in_the_clear(site: pathlib.Path) -> None:
    for file in (site / "config.yaml", site / "channels" / "acme.yaml"):
        file.write_text(file.read_text().replace('"tcp:', '"tls:'))
    loaded = load_site(site)
    assert loaded.insecure == ()
    assert loaded.warnings == ()
