"""The documentation speaks of the product, in the glossary's words, and of nobody's machine."""

import pathlib
import re

import pytest

from tests.docs.pages import ROOT, name, pages

#: Word → what to say instead.
INSTEAD = {
    r"\bsessions?\b": "connection, or visit, or run",
    r"\bhelpers?\b": "what it does",
    r"\btasks?\b": "step, or command",
    r"\bTODO\b|\bFIXME\b|\bTBD\b": "what is true today",
    r"/(?:work|home|root|Users|tmp/wt)/": "a path of nobody's machine",
    r"(?<![\w&])#\d+\b": "the reason itself, not a number in a tracker",
    r"\b(?:black|white)list": "allow-list, deny-list",
    r"\bsimply\b|\bjust\b(?! now)|\bobviously\b": "nothing: it is never simple for the reader",
}
CODE = [ROOT / folder for folder in ("engine", "benchmarks", "channels", "rules", "tests")]
PATHS = re.compile(r"/(?:work|home|root|Users)/")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_pages_use_the_words_of_the_glossary(page: pathlib.Path) -> None:
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        for pattern, instead in INSTEAD.items():
            match = re.search(pattern, line, re.IGNORECASE)
            assert match is None, f"{name(page)}:{number}: {match[0]!r}: say {instead}"


def test_no_file_knows_where_it_was_written() -> None:
    files = [
        f for folder in CODE for f in folder.rglob("*") if f.suffix in {".py", ".yaml", ".lua"}
    ]
    assert len(files) > 20
    for file in files:
        if file != pathlib.Path(__file__):
            found = PATHS.search(file.read_text("utf-8"))
            assert found is None, f"{name(file)}: {found[0] if found else ''}"
