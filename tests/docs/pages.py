"""The documentation as the tests see it: pages, headings, links, code blocks, entries."""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
REFERENCE = DOCS / "reference"

_FENCE = re.compile(r"^ {0,3}(```+)\s*(\S*)\s*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^ {0,3}(```+).*?^ {0,3}\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its fence, counted from 1."""

    page: pathlib.Path
    line: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level, its text as written, and the text of its section, sub-sections in."""

    level: int
    text: str
    section: str


def pages() -> list[pathlib.Path]:
    """Every page that a reader is meant to read."""
    own = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    return own + sorted(DOCS.rglob("*.md"))


def name(page: pathlib.Path) -> str:
    """A page's path from the root of the project, for test ids and messages."""
    return str(page.relative_to(ROOT))


def _split(page: pathlib.Path) -> tuple[list[tuple[int, str]], list[Block]]:
    """The lines outside fenced blocks, numbered from 1, and the blocks."""
    prose: list[tuple[int, str]] = []
    blocks: list[Block] = []
    fence, language, start, inside = "", "", 0, [""]
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, language, start, inside = match[1], match[2], number, []
        elif fence and match and match[1] == fence and not match[2]:
            blocks.append(Block(page, start, language, "\n".join(inside) + "\n"))
            fence = ""
        elif fence:
            inside.append(line)
        else:
            prose.append((number, line))
    assert not fence, f"{name(page)}:{start}: a block that does not end"
    return prose, blocks


def blocks(page: pathlib.Path, *languages: str) -> list[Block]:
    """The page's fenced blocks in one of the languages, in order."""
    return [block for block in _split(page)[1] if block.language in languages]


def prose(page: pathlib.Path) -> list[tuple[int, str]]:
    """The page's lines outside fenced blocks, numbered from 1."""
    return _split(page)[0]


def links(page: pathlib.Path) -> list[tuple[int, str]]:
    """Where the page points: line and target, code spans excepted."""
    return [
        (number, target)
        for number, line in prose(page)
        for target in _LINK.findall(_CODE.sub("", line))
    ]


def headings(page: pathlib.Path) -> list[Heading]:
    """The page's headings with their sections."""
    lines = page.read_text("utf-8").splitlines()
    marks = [(number, m) for number, line in prose(page) if (m := _HEADING.match(line))]
    found = []
    for at, (number, match) in enumerate(marks):
        level = len(match[1])
        later = (n for n, m in marks[at + 1 :] if len(m[1]) <= level)
        stop = next(later, len(lines) + 1)
        found.append(Heading(level, match[2], "\n".join(lines[number : stop - 1])))
    return found


def anchors(page: pathlib.Path) -> set[str]:
    """The fragments that a link to the page may have (as GitHub makes them)."""
    found: set[str] = set()
    for heading in headings(page):
        text = re.sub(r"[^\w\- ]", "", heading.text.replace("`", "").lower()).replace(" ", "-")
        anchor, count = text, 0
        while anchor in found:
            count += 1
            anchor = f"{text}-{count}"
        found.add(anchor)
    return found


def entries(page: pathlib.Path) -> set[str]:
    """What the page has an entry for: code spans in a heading or in a row's first cell."""
    found: set[str] = set()
    for heading in headings(page):
        found.update(_CODE.findall(heading.text))
    for _, line in prose(page):
        if line.lstrip().startswith("|"):
            cell = re.split(r"(?<!\\)\|", line.strip().strip("|"))[0]
            found.update(_CODE.findall(cell))
    return found


def mentions(text: str) -> set[str]:
    """All code spans of a text, outside its fenced blocks."""
    return set(_CODE.findall(_BLOCK.sub("", text)))
