"""Where the board is shown: redrawn on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

from engine.demo.board import Snapshot, brief, live

#: ANSI (ECMA-48): cursor home; erase to the end of the line, of the screen; hide, show the cursor.
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"

_LINE_EVERY_S = 2.0


class Screen:
    """Shows snapshots on `stream`; `redraw` says that it is a terminal."""

    def __init__(self, stream: TextIO, *, redraw: bool) -> None:
        self._stream = stream
        self._redraw = redraw
        self._drawn = False
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """A line of its own, before the board."""
        print(text, file=self._stream, flush=True)

    def show(self, snapshot: Snapshot) -> None:
        """Bring the board up to date."""
        if self._redraw:
            self._draw(live(snapshot))
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self.say(brief(snapshot))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._drawn:
            self._stream.write(_SHOW)
            self._stream.flush()
            self._drawn = False

    def _draw(self, lines: Sequence[str]) -> None:
        begin = _HOME if self._drawn else f"{_HIDE}{_HOME}{_ERASE_BELOW}"
        self._drawn = True
        text = "".join(f"{line}{_ERASE_LINE}\n" for line in lines)
        self._stream.write(f"{begin}{text}{_ERASE_BELOW}")
        self._stream.flush()
