"""A terminal on which the same lines are drawn again and again, each time in the place of the last.

Law: nothing is left of what stood there before, and the terminal is left as it was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

#: ANSI (ECMA-48): cursor home; erase to the end of the line, of the screen; hide, show the cursor.
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """Draws on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = False

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, and no others."""
        begin = _HOME if self._drawn else f"{_HIDE}{_HOME}{_ERASE_BELOW}"
        self._drawn = True
        text = "".join(f"{line}{_ERASE_LINE}\n" for line in lines)
        self._stream.write(f"{begin}{text}{_ERASE_BELOW}")
        self._stream.flush()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._drawn:
            self._stream.write(_SHOW)
            self._stream.flush()
            self._drawn = False
