"""What reaches a terminal: text that does nothing there, and lines that are drawn again and again.

Law: whatever comes from a site, a message or a counterpart is shown, never done: only what this
module itself writes acts on a terminal. Of what is drawn nothing is left of what stood there
before, and the terminal is left as it was found.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

#: ANSI (ECMA-48): cursor home; erase to the end of the line, of the screen; hide, show the cursor.
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"

#: Controls of ECMA-48 (C0 but for tab and line feed, delete, C1), what turns the direction of text
#: (Unicode, UAX #9), and other ends of lines.
_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def harmless(text: str) -> str:
    """`text` with what would act on a terminal spelt out, as Python spells it."""
    return _ACTS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class Shown:
    """A stream whose text is `harmless`; its `buffer` takes bytes as they are."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        """As the stream beneath, but for what would act on a terminal."""
        self.beneath.write(harmless(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


@contextmanager
def only_shown() -> Iterator[None]:
    """For the while nothing that is printed acts on a terminal."""
    former = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Shown(stream)) for stream in former)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = former


class Terminal:
    """Draws on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream.beneath if isinstance(stream, Shown) else stream
        self._drawn = False

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, and no others."""
        begin = _HOME if self._drawn else f"{_HIDE}{_HOME}{_ERASE_BELOW}"
        self._drawn = True
        text = "".join(f"{harmless(line)}{_ERASE_LINE}\n" for line in lines)
        self._stream.write(f"{begin}{text}{_ERASE_BELOW}")
        self._stream.flush()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._drawn:
            self._stream.write(_SHOW)
            self._stream.flush()
            self._drawn = False
