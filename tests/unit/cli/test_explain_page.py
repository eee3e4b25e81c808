"""`explain --html`: one page that says what the text says, with the names of fields."""

from __future__ import annotations

import pathlib
from html import unescape

import pytest

from engine.cli.main import main
from engine.errors import Exit
from tests.support.reference_site import ROOT

SAMPLES = ROOT / "rules" / "samples"


def page_of(folder: pathlib.Path, *samples: str, options: tuple[str, ...] = ()) -> str:
    file = folder / "why.html"
    files = [str(SAMPLES / sample) for sample in samples]
    assert main(["explain", *files, "--html", str(file), "--site", str(ROOT), *options]) == Exit.OK
    return unescape(file.read_text())


def test_the_page_names_fields_rules_and_reasons(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_of(tmp_path, "adt-a01.hl7")
    assert "<h3>ACME Health Insurance (acme)</h3>" in page
    assert "<h4>3. PID, Patient: cut</h4>" in page
    assert "Granted by registration: 1 Set ID; 3 Patient identifier list" in page
    assert "11.3 Patient address: city" in page
    assert "<h4>5. NK1, Next of kin: withheld</h4>\n<ul><li>Not-granted</li></ul>" in page
    assert "Withhold (no-coverage)" in page
    assert "PID cut" not in capsys.readouterr().out


def test_no_value_of_a_message_stands_on_it(tmp_path: pathlib.Path) -> None:
    page = page_of(tmp_path, "adt-a01.hl7", "oru-r01.hl7", options=("--channel", "acme"))
    assert page.count("<h2>") == 2
    raw = (SAMPLES / "adt-a01.hl7").read_text().replace("\n", "\r")
    (pid,) = (line for line in raw.split("\r") if line.startswith("PID"))
    values = {part for field in pid.split("|")[3:] for part in field.split("^") if len(part) > 4}
    assert values
    assert not [value for value in values if value in page]


def test_a_page_that_cannot_be_written_is_told(tmp_path: pathlib.Path) -> None:
    words = ["explain", str(SAMPLES / "adt-a01.hl7"), "--html", str(tmp_path), "--site", str(ROOT)]
    assert main(words) == Exit.USAGE
