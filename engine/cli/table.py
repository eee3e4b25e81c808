"""Tables for people, in plain text."""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli.words import visible


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they must be; numbers to the right, `-` where there is nothing."""
    cells = [[*head], *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    numeric = [
        bool(rows) and all(isinstance(row[column], int | float | None) for row in rows)
        for column in range(len(head))
    ]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )


def _text(value: object) -> str:
    return "-" if value is None or value == "" else visible(str(value))
