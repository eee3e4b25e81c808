"""Pages to follow are true: their files are written, their commands run and print what is shown."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.docs.pages import DOCS, ROOT, Block, blocks

WALKTHROUGHS = ("tutorial.md", "analysts-day.md")
FILES = ("yaml", "text")
PORTS = ("2575", "6661", "6662")
#: Between the outputs of commands; no command prints it.
MARK = "=-=-= next =-=-="


def file_of(block: Block) -> str:
    """The file that a block shows: the last path that the text before it names."""
    before = block.page.read_text("utf-8").splitlines()[: block.line - 1]
    paragraph = "\n".join(before).rstrip().rsplit("\n\n", maxsplit=1)[-1]
    named = re.findall(r"`([\w./-]+\.(?:yaml|hl7))`", paragraph)
    assert named, f"line {block.line}: which file is this?"
    return str(named[-1])


def commands(page: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
    """Every command with the lines that it is said to print."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, *expected = part.splitlines()
            yield command, expected


def matches(expected: list[str], printed: list[str]) -> bool:
    """`…` within a line is any text, on a line of its own any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
        for line in expected
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKTHROUGHS)
def test_a_page_to_follow_is_true(tmp_path: pathlib.Path, free_ports: list[int], name: str) -> None:
    page = DOCS / name
    used = dict(zip(PORTS, map(str, free_ports), strict=True))

    def real(text: str) -> str:
        return re.sub("|".join(PORTS), lambda match: used[match[0]], text)

    site, path = tmp_path / "site", tmp_path / "bin"
    for block in blocks(page, *FILES):
        file = site / file_of(block)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(real(block.text))
    path.mkdir()
    program = path / "payergate"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m engine.cli.main "$@"\n')
    program.chmod(0o755)
    shown = list(commands(page))
    script = "set -m\n" + "".join(f"{real(command)}\necho '{MARK}'\n" for command, _ in shown)
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=site,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    printed = done.stdout.split(MARK + "\n")[:-1]
    assert len(printed) == len(shown), done.stderr
    for (command, expected), output in zip(shown, printed, strict=True):
        lines = output.splitlines()
        assert matches([real(line) for line in expected], lines), (command, lines, done.stderr)


@pytest.fixture
def free_ports() -> list[int]:
    from engine.demo.ports import free_ports

    return free_ports(len(PORTS))
