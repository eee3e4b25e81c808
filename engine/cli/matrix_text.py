"""The disclosure matrix as text that fits a terminal.

Law: everything of a sheet is there; long cells are folded, never cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from engine.policy.segment.masks import Mask
from engine.policy.telling.matrix import Section, Sheet
from engine.policy.telling.wording import fields

_NARROWEST = 72
_SEGMENT = 8


def matrix_text(sheets: Iterable[Sheet], width: int) -> str:
    """The sheets, one below the other."""
    lines = [line for sheet in sheets for line in [*_sheet(sheet, max(width, _NARROWEST)), ""]]
    return "\n".join(lines[:-1])


def _sheet(sheet: Sheet, width: int) -> Iterator[str]:
    yield f"{sheet.channel}: {sheet.name}"
    for name, text in sheet.contract:
        yield from _cells((f"  {name}", text), (40, width - 40))
    yield "  At most, of each segment"
    for segment, mask in sheet.ceiling:
        yield from _cells((f"    {segment}", fields(mask)), (_SEGMENT, width - _SEGMENT))
    for section in sheet.sections:
        yield from _section(section, width)
    if not sheet.sections:
        yield "  Nothing is ever sent: no rule grants anything."


def _section(section: Section, width: int) -> Iterator[str]:
    title = ", ".join(section.types)
    if section.is_cancel:
        title += " (only where the event was disclosed)"
    yield ""
    yield from textwrap.wrap(title, width, initial_indent="  ", subsequent_indent="    ")
    middle = (width - _SEGMENT) // 2
    widths = (_SEGMENT, middle, width - _SEGMENT - middle)
    for row in section.rows:
        where = f"; {row.where}" if row.where else ""
        yield from _cells((f"    {row.segment}", fields(row.mask), row.rule + where), widths)
    for row in {row.rule: row for row in section.rows}.values():
        when = f", when {row.when}" if row.when else ""
        yield from _folded(f"{row.rule}: {row.purpose}{when} ({row.basis})", width)
    for taken in section.taken:
        what = ", ".join(_part(*part) for part in taken.parts) or "the message"
        when = f", when {taken.when}" if taken.when else ""
        yield from _folded(f"withheld: {what}{when} ({taken.rule})", width)


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="      ")


def _part(segment: str, mask: Mask) -> str:
    return segment if mask.is_whole else f"{segment} {fields(mask)}"


def _cells(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """One row; each cell is folded within its column."""
    folded = [
        [cell] if number == 0 else textwrap.wrap(cell, wide - 1)
        for number, (cell, wide) in enumerate(zip(cells, widths, strict=True))
    ]
    for number in range(max(map(len, folded))):
        line = "".join(
            (column[number] if number < len(column) else "").ljust(wide)
            for column, wide in zip(folded, widths, strict=True)
        )
        yield line.rstrip()
