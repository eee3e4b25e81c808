"""Nothing that is printed acts on a terminal, but what the terminal's own module writes."""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.main import main
from engine.terminal import Shown, Terminal, harmless, only_shown
from tests.support.reference_site import copy_of_reference_site

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(st.text())
def test_no_control_and_nothing_that_turns_text_is_left(text: str) -> None:
    shown = harmless(text)
    assert not set(shown) & set(BIDI)
    assert {one for one in shown if unicodedata.category(one) == "Cc"} <= {"\n", "\t"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n", "a\tb\n"),
        ("Krankenkasse für Ärzte €", "Krankenkasse für Ärzte €"),
        ("\x1b[2J", "\\x1b[2J"),
        ("gone\rhere\x08", "gone\\rhere\\x08"),
        ("\x9b31m", "\\x9b31m"),
        ("acme\u202eemca", "acme\\u202eemca"),
    ],
)
def test_what_would_act_is_spelt_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_lines_that_are_drawn_cannot_act_either() -> None:
    stream = io.StringIO()
    terminal = Terminal(Shown(stream))  # type: ignore[arg-type]
    terminal.draw(["acme\x1b[2J"])
    terminal.close()
    assert "acme\\x1b[2J\x1b[K\n" in stream.getvalue()
    assert stream.getvalue().startswith("\x1b[?25l")


def test_both_streams_are_themselves_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with only_shown():
        print("\x07a", "b")
        print("\x07c", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == before
    said = capsys.readouterr()
    assert (said.out, said.err) == ("\\x07a b\n", "\\x07c\n")


@pytest.mark.parametrize(
    "words",
    [
        ("matrix",),
        ("status",),
        ("explain", "tests/vectors/none.hl7"),
        ("duties",),
        ("protections",),
        ("test",),
        ("check",),
        ("\x1b[31mcheck",),
    ],
)
def test_texts_of_a_site_do_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    folder = copy_of_reference_site(tmp_path / "site")
    for file in (folder / "channels").glob("*.yaml"):
        text = file.read_text()
        name = next(line for line in text.splitlines() if line.startswith("name:"))
        file.write_text(text.replace(name, 'name: "\\e[2J\\x9b31mwho"'))
    for file in (folder / "rules").glob("*.yaml"):
        lines = [
            line.split("why:")[0] + 'why: "\\e[2J because"' if "why: " in line else line
            for line in file.read_text().splitlines()
        ]
        file.write_text("\n".join(lines) + "\n")
    main([*words, "--site", str(folder)])
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\x9b" not in said.out + said.err
    if words == ("matrix",):
        assert "\\x1b[2J" in said.out  # it is there, and shown
