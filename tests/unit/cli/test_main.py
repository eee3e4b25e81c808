"""The command line's frame: which command runs, and what each kind of failure turns into."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.cli.main import COMMANDS, build_parser, main
from tests.support.reference_site import ROOT

SAMPLE = ROOT / "rules" / "samples" / "adt-a01.hl7"


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr().err
    assert "usage: payergate" in printed
    assert "see it work" in printed  # the first command of the list: what to try


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == 2
    assert capsys.readouterr().err == (
        "unknown-command: There is no command 'frobnicate'. `payergate --help` lists all.\n"
    )


@pytest.mark.parametrize(("typed", "meant"), [("chekc", "check"), ("statsu", "status")])
def test_of_a_mistyped_command_the_nearest_is_offered(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([typed, "--json"]) == 2
    said = capsys.readouterr()
    assert said.err.endswith(f"Did you mean `{meant}`?\n")
    assert not said.out


def test_a_command_that_is_to_come_is_told_from_one_that_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["users", "add", "--json"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("not-yet: This version has no `users`: ")
    assert not said.out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("payergate 0.")


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "COMMAND" in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_for_its_users(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    assert "Law:" not in capsys.readouterr().out


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


PAYERGATE = f"{sys.executable} -m engine.cli.main"
SITE = str(ROOT)


@pytest.mark.parametrize("command", [f"check --site {SITE}", f"explain {SAMPLE} --site {SITE}"])
def test_a_full_disk_is_said_in_one_line(command: str) -> None:
    done = shell(f"{PAYERGATE} {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("system: The operating system refused: No space left on device.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_keep_no_command_from_its_work(closed: str) -> None:
    done = shell(f"{PAYERGATE} check --site {SITE} {closed}")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_gets_the_number_of_a_closed_stream() -> None:
    program = (
        "from engine.cli.main import main; main(['--version']); import os;"
        " assert os.open('/dev/null', 0) > 2"
    )
    assert shell(f'{sys.executable} -c "{program}" <&- >&- 2>&-').returncode == 0


def test_a_reason_may_be_any_bytes() -> None:
    parsed = build_parser(["queue"]).parse_args(["queue", "kill", "acme", "--reason", "\udce9"])
    assert parsed.reason == r"\udce9"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
