"""What a sender wrote is shown on a terminal, and never does anything there."""

from __future__ import annotations

import pytest

from engine.cli.letter import Part, part_as_page, part_as_text
from engine.cli.table import table
from engine.cli.words import visible

#: Clears the screen, forges a line, turns the direction of writing.
HOSTILE = "\x1b[2J\r\nm-1 confirmed\u202e\x9b"


@pytest.mark.parametrize("text", ["", "MR1^GOOD HEALTH", "Müller, 病院", "a b"])
def test_what_can_be_read_stays(text: str) -> None:
    assert visible(text) == text


def test_a_hostile_identifier_acts_on_no_terminal() -> None:
    assert visible(HOSTILE) == r"\x1b[2J\r\nm-1 confirmed\u202e\x9b"
    assert table(("GOES ON",), [(HOSTILE,)]).count("\n") == 1
    printed = part_as_text(Part("T", (HOSTILE,), (HOSTILE,)), 80)
    assert all(line.isprintable() for line in printed.splitlines())


def test_a_hostile_name_acts_on_no_page() -> None:
    name = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    page = part_as_page(Part(name, (name,), (name,)))
    assert "<script" not in page
    assert "<img" not in page
