"""Where the board is shown: redrawn on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

from engine.demo.board import Snapshot, brief, live
from engine.terminal import Terminal

_LINE_EVERY_S = 2.0


class Screen:
    """Shows snapshots on `stream`; `redraw` says that it is a terminal."""

    def __init__(self, stream: TextIO, *, redraw: bool) -> None:
        self._stream = stream
        self._terminal = Terminal(stream) if redraw else None
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """A line of its own, before the board."""
        print(text, file=self._stream, flush=True)

    def show(self, snapshot: Snapshot) -> None:
        """Bring the board up to date."""
        if self._terminal is not None:
            self._terminal.draw(live(snapshot))
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self.say(brief(snapshot))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._terminal is not None:
            self._terminal.close()
