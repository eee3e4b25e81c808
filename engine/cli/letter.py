"""A report of headings, paragraphs and lists, as text and as one page of HTML.

Law: both say the same, for they are made of the same parts. The page needs nothing but itself: no
script, no picture, nothing that it would fetch; it is read on a phone, on a screen and on paper.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from engine.cli.words import visible

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1b1b1b;
  background: #fff; max-width: 46rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; border-bottom: 2px solid #1a4f7a; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h4 { font-size: 1rem; font-weight: 600; margin: .9rem 0 0; }
p { margin: .5rem 0; }
ul { margin: .25rem 0 .75rem; padding-left: 1.25rem; }
li { margin: .2rem 0; break-inside: avoid; }
@media (max-width: 30rem) { body { padding: 1rem .9rem 2rem; } }
@media print {
  body { font-size: 10.5pt; max-width: none; padding: 0; }
  h2, h3, h4 { break-after: avoid; }
}
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, paragraphs, a list, and parts below."""

    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def part_as_text(whole: Part, width: int) -> str:
    """For a terminal, or a letter."""
    return "\n".join(_lines(whole, max(width, 60), 0)) + "\n"


def part_as_page(whole: Part) -> str:
    """One page, complete in itself."""
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(whole.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    return head + "\n".join(_elements(whole, 1)) + "\n</main>\n</body>\n</html>\n"


def _lines(part: Part, width: int, depth: int) -> Iterator[str]:
    if depth:
        yield ""
    yield part.title if depth else part.title.upper()
    if depth == 1:
        yield "-" * len(part.title)
    for paragraph in part.paragraphs:
        yield from textwrap.wrap(visible(paragraph), width)
    for item in part.items:
        yield from textwrap.wrap(
            visible(item), width, initial_indent="  - ", subsequent_indent="    "
        )
    for below in part.parts:
        yield from _lines(below, width, depth + 1)


def _elements(part: Part, level: int) -> Iterator[str]:
    yield f"<h{level}>{escape(part.title)}</h{level}>"
    yield from (f"<p>{escape(paragraph)}</p>" for paragraph in part.paragraphs)
    if part.items:
        yield "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in part.items) + "</ul>"
    for below in part.parts:
        yield from _elements(below, level + 1)
