"""What settles a doubted registry by itself, and what a person must settle."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store.doubt import Doubt, Found, may_be_archived


def found(newest: int = 0, gaps: int = 0, flaws: int = 0, carried_ms: int = 1) -> Found:
    return Found(newest, newest, gaps, flaws, carried_ms)


@pytest.mark.parametrize(
    ("doubt", "is_settled", "text"),
    [
        (Doubt(9, 3), False, "not known yet"),
        (Doubt(9, 3, found=found(3)), True, ""),
        (Doubt(9, 0, found=found(0)), True, ""),
        (Doubt(9, 3, found=found(4)), True, ""),
        (Doubt(9, 5, found=found(3)), False, "2 changes since 1970-01-01T00:00:00+00:00 are lost"),
        (Doubt(9, 3, found=found(3, gaps=1)), False, "1 changes never came"),
        (Doubt(9, 3, found=found(3, flaws=2)), False, "2 flaws"),
        (Doubt(9, -1, found=found(3)), False, "any changes since 1970-01-01T00:00:00"),
        (Doubt(9, -1, True, found(3)), False, "any changes"),
        (Doubt(9, -1, True, found(0, carried_ms=0)), True, ""),
        (Doubt(9, -1, False, found(0, carried_ms=0)), False, "any changes since ever"),
    ],
)
def test_only_where_nothing_can_be_missing_it_settles_itself(
    doubt: Doubt, is_settled: bool, text: str
) -> None:
    assert doubt.is_settled is is_settled
    assert text in doubt.text("UTC")
    assert Doubt.read(doubt.write()) == doubt


def test_who_cannot_tell_says_that_there_may_be_an_archive(tmp_path: Path) -> None:
    assert not may_be_archived("", tmp_path)
    assert may_be_archived("postgresql://db/archive", tmp_path)
    assert not may_be_archived("sqlite:archive.db", tmp_path)
    (tmp_path / "archive.db").touch()
    assert not may_be_archived("sqlite:archive.db", tmp_path)
    (tmp_path / "archive.db").write_text("some")
    assert may_be_archived("sqlite:archive.db", tmp_path)
