"""The command line's frame: which command runs, and what each kind of failure turns into."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.cli.main import COMMANDS, build_parser, main


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: payergate" in capsys.readouterr().err


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == 2
    assert "invalid choice" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("payergate 0.")


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "COMMAND" in listed


def test_a_named_command_imports_no_other() -> None:
    """A quick command must not pay for Twisted, which `run` needs."""
    script = (
        "import sys; from engine.cli.main import build_parser; build_parser(['check']);"
        "sys.exit('twisted' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_listed_command_has_a_name_of_one_word() -> None:
    assert all(name.isidentifier() for name in COMMANDS)
    assert build_parser(["--help"]).prog == "payergate"
