"""Who has a report written into a file is told that it is there, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.support.archive_rig import Rig, rigs


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        ("matrix", "--html"),
        ("patient", "P1", "--html"),
        ("ledger", "account", "--patient", "P1", "--html"),
        ("ledger", "account", "--patient", "P1", "--pdf"),
    ],
)
def test_a_file_that_was_written_is_named(
    words: tuple[str, ...], site: Rig, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    site.archive()
    file = site.root / "report"
    told = ("--json",) if as_json else ()
    assert main([*words, str(file), "--site", str(site.root), *told]) == 0
    said = capsys.readouterr()
    assert file.stat().st_size
    assert said.err == f"written: {file}\n"
    assert bool(said.out) is as_json
    if as_json:
        json.loads(said.out)


def test_a_file_that_was_not_is_not(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    file = site.root / "nowhere" / "report"
    assert main(["matrix", "--html", str(file), "--site", str(site.root)]) == 2
    said = capsys.readouterr()
    assert "file-unwritable" in said.err
    assert "Give --html a file" in said.err
    assert "written:" not in said.err
