"""`disclose --each`: the folder says what every channel would receive, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.main import main

SITE = Path(__file__).parents[3]
SAMPLES = SITE / "rules" / "samples"


def each(sample: str, folder: Path) -> int:
    return main(["disclose", str(SAMPLES / sample), "--each", str(folder), "--site", str(SITE)])


def test_no_copy_of_an_earlier_run_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a channel would seem to receive what it does not."""
    other = tmp_path / "each" / "notes.txt"
    assert each("adt-a01.hl7", other.parent) == 0
    other.write_text("mine")
    assert {file.name for file in other.parent.iterdir()} >= {"acme.hl7", "review-partners.hl7"}
    assert each("adt-a04.hl7", other.parent) == 0
    assert {file.name for file in other.parent.iterdir()} == {"state-medicaid.hl7", "notes.txt"}
    assert "acme" in capsys.readouterr().err


def test_copies_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "each"
    assert each("adt-a01.hl7", folder) == 0
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    folder = tmp_path / "each"
    folder.mkdir()
    (folder / "acme.hl7").symlink_to(elsewhere)
    assert each("adt-a01.hl7", folder) == 0
    assert elsewhere.read_text() == "mine"
    assert (folder / "acme.hl7").read_bytes().startswith(b"MSH|")
