"""The first page says what is there: its tests exist, its commands are all of them."""

from __future__ import annotations

import re

from engine.cli.main import COMMANDS
from tests.docs.pages import ROOT, blocks

README = ROOT / "README.md"


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(tests/[\w./-]+)`", README.read_text("utf-8")))
    assert len(named) > 5
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_command_is_named_once() -> None:
    text = README.read_text("utf-8")
    table = text.split("## Commands")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in re.findall(r"`([a-z]+)`", row)]
    assert sorted(named) == sorted(COMMANDS)


def test_nothing_is_left_to_be_filled_in() -> None:
    assert not re.findall(r"\b[A-Z]{6,}\b", "".join(b.text for b in blocks(README, "sh")))


def test_no_heading_stands_twice() -> None:
    headings = re.findall(r"^## .*", README.read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(set(headings))


def test_the_first_screen_tells_what_for_whom_how_and_where_next() -> None:
    screen = "\n".join(README.read_text("utf-8").splitlines()[:24])
    said = ("insurers", "It is for", "make demo", "make test", "tutorial.md", "docs/README.md")
    assert [text for text in said if text not in screen] == []
