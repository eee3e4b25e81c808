"""`payergate confidential`: entered, listed and ended, and never an address on the way."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from tests.support.archive_rig import Rig, rigs
from tests.support.commanding import payergate

FILE = "address: {street: 9 Quiet Ln, city: Elsewhere}\nphone: {number: 702-555-0199}\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "to.yaml"
    found.write_text(FILE)
    return found


def run(site: Rig, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main(["confidential", *words, "--site", str(site.root), "--json"]) == code
    out = capsys.readouterr()
    assert "Quiet" not in out.out + out.err
    assert "0199" not in out.out + out.err
    return out.err if code else json.loads(out.out)


def test_it_is_entered_listed_and_ended(
    site: Rig, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--patient", "P1", "--authority", "GH", "--channels", "acme", "--from", str(file))
    said = run(site, capsys, "add", *words, "--why", "asked")
    assert said["new"]
    assert said["entry"].startswith("a-")
    again = run(site, capsys, "add", *words)
    assert (again["entry"], again["new"]) == (said["entry"], False)

    listed = run(site, capsys, "ls", "--patient", "P1")
    (entry,) = listed["entries"]
    assert (entry["state"], entry["channels"]) == ("in force", "acme")
    assert entry["what"] == "alternate address and phone"

    assert run(site, capsys, "end", said["entry"], "--patient", "P1", "--why", "moved")
    (entry,) = run(site, capsys, "ls", "--patient", "P1")["entries"]
    assert entry["state"] == "ended"
    assert [one["verb"] for one in entry["history"]] == ["added", "ended"]
    assert run(site, capsys, "ls") == {"patients": 1, "entries": {"ended": 1}}
    run(site, capsys, "add", *words)
    assert run(site, capsys, "ls") == {"patients": 1, "entries": {"in force": 1}}


def test_a_permit_needs_the_authority_and_that_is_said(
    site: Rig, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not main(
        ["confidential", "add", "--patient", "P1", "--from", str(file), "--site", str(site.root)]
    )
    assert "Without --authority nothing goes instead." in capsys.readouterr().err


def test_it_comes_from_standard_input_too(
    site: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FILE.encode())))
    said = run(site, capsys, "add", "--patient", "P1", "--authority", "GH", "--from", "-")
    assert said["new"]
    error = run(site, capsys, "add", "--patient", "-", "--from", "-", code=2)
    assert "registry-input" in error


@pytest.mark.parametrize(
    "text",
    [
        "address: {street: 9 Quiet Ln, town: X}\n",
        "address: 9 Quiet Ln\n",
        'address: {street: "9 Quiet Ln\\nX"}\n',
        "channels: [acme]\n",
        "[\n",
    ],
)
def test_what_is_wrong_is_refused_and_not_repeated(
    site: Rig, file: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file.write_text(text)
    error = run(site, capsys, "add", "--patient", "P1", "--from", str(file), code=2)
    assert "registry-input" in error
    assert run(site, capsys, "ls") == {"patients": 0, "entries": {}}


def test_lines_of_a_file_are_entered(
    site: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "many.csv"
    lines.write_text(
        "patient,authority,channels,street,city,phone_number\n"
        'P1,GH,acme,"9 Quiet Ln",Elsewhere,702-555-0199\n'
        "P2,GH,,,,\n"
    )
    said = run(site, capsys, "import", str(lines))
    assert (said["lines"], said["new"]) == (2, 2)
    (entry,) = run(site, capsys, "ls", "--patient", "P2")["entries"]
    assert entry["what"] == "no alternate"
    assert entry["channels"] == "all"


def test_another_sort_is_not_ended_by_it(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("restriction", "add", "--patient", "P1", "--everything")
    entry = payergate(capsys, site.root, *words)["entry"]
    error = run(site, capsys, "end", entry, "--patient", "P1", "--why", "x", code=2)
    assert error.startswith("wrong-entry")
