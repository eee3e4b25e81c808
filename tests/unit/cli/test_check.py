"""`payergate check`: problems on standard error, the summary on standard output, honest exits."""

from __future__ import annotations

import argparse
import json
import pathlib

import pytest

from engine.cli import check
from engine.errors import Exit

REFERENCE = pathlib.Path(__file__).parents[3]


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    check.register(parser.add_subparsers())
    args = parser.parse_args(["check", *arguments])
    code = args.run(args)
    assert isinstance(code, int)
    return code


def test_a_site_that_loads(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--site", str(REFERENCE)) == Exit.OK
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("The site loads: 3 channels, 8 rules, 0 warnings; revision ")


def test_a_site_that_does_not(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--site", str(tmp_path)) == Exit.SITE
    printed = capsys.readouterr()
    assert printed.err == (
        f"config.yaml:1:1: missing-file: There is no config.yaml in {tmp_path}. Name the site's"
        " folder with --site DIR, or make a site: payergate init DIR.\n"
    )
    assert printed.out == "The site does not load: 1 error.\n"


def test_a_folder_that_is_no_site_is_told_how_to_become_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run() == Exit.SITE
    printed = capsys.readouterr().err
    assert "no config.yaml in this folder" in printed
    assert "payergate init DIR" in printed


def test_as_json(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("engine: {name: x}\nlistners: []\n")
    assert run("--site", str(tmp_path), "--json") == Exit.SITE
    printed = capsys.readouterr()
    assert printed.err == ""
    warning, error = json.loads(printed.out)["problems"]
    assert warning["severity"] == "warning"
    assert error == {
        "file": "config.yaml",
        "line": 2,
        "column": 1,
        "code": "unknown-key",
        "severity": "error",
        "text": "config.yaml has no key `listners`.",
        "mend": "Did you mean `listeners`?",
    }


def test_as_json_without_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--site", str(REFERENCE), "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out) == {
        "problems": [],
        "insecure": ["channel acme", "channel review-partners", "channel state-medicaid"],
    }
