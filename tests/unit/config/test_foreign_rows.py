"""CSV files of consents, restrictions and coverage, as other programs write them."""

from __future__ import annotations

import argparse
import pathlib

import pytest

from engine.cli import registering
from engine.config.rows import facts_in_rows
from engine.errors import UsageError
from engine.privacy.facts import Restriction
from engine.privacy.registry import Sort
from tests.support.cutting import channel, policy, rule

POLICY = policy([rule("r", "message: [ADT]", "PID: [3]")], [channel("acme")], to="[acme]").policy


def patients(text: str) -> list[str]:
    return [fact.patient.id for fact in facts_in_rows(Sort.RESTRICTION, text, "f", POLICY)]


def test_lines_end_as_they_may_and_cells_are_quoted_as_they_may_be() -> None:
    assert patients('patient,visit\r\nP1,V1\r\n"P""2","V\r\n2"\r\n=P3,V3') == ["P1", 'P"2', "=P3"]


def test_a_column_that_is_named_twice_is_refused() -> None:
    """Else the last one would silently stand for both, and a denial be narrower than was meant."""
    with pytest.raises(UsageError, match="each once"):
        patients("patient,visit,visit\nP1,V1,\n")


def test_a_file_that_is_too_large_is_read_not_at_all(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the lines behind the limit would be left out, and nobody told."""
    monkeypatch.setattr(registering, "MOST_BYTES", 32)
    file = tmp_path / "r.csv"
    file.write_text("patient,visit\n" + "P1,V1\n" * 4)
    site = pathlib.Path(__file__).parents[3]
    args = argparse.Namespace(site=site, file=file, why="", document="", dry_run=True, json=False)
    with pytest.raises(UsageError) as told:
        registering.import_all(args, Sort.RESTRICTION)
    assert told.value.code == "file-too-large"


def test_the_kinds_are_told() -> None:
    (fact,) = facts_in_rows(Sort.RESTRICTION, "patient,visit\nP1,V1\n", "f", POLICY)
    assert isinstance(fact, Restriction)
