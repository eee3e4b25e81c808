"""`payergate schema` prints and writes what `engine.config.schemas` makes."""

from __future__ import annotations

import json
import pathlib

import pytest

from engine.cli.main import main
from engine.cli.schema import KINDS
from engine.config.schemas import SCHEMAS, schema_of
from engine.errors import Exit


def test_it_knows_every_kind() -> None:
    assert set(KINDS) == set(SCHEMAS)


def test_one_kind_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "set"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == schema_of("set")


def test_all_kinds_are_printed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == Exit.OK
    assert list(json.loads(capsys.readouterr().out)) == list(KINDS)


def test_files_are_written(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "schemas"
    assert main(["schema", "--out", str(out)]) == Exit.OK
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{kind}.schema.json" for kind in KINDS
    )
    assert len(capsys.readouterr().out.splitlines()) == len(KINDS)
    assert main(["schema", "set", "--out", str(out), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {"files": [str(out / "set.schema.json")]}


def test_where_nothing_can_be_written(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["schema", "config", "--out", str(tmp_path / "file")]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("file-unwritable: ")


def test_what_is_no_kind() -> None:
    assert main(["schema", "rule"]) == Exit.USAGE
