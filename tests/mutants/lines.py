"""Which lines of some source folders are run, noted as they are."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

#: How many calls of one function are watched line by line; another test may run what is left.
LOOKS = 100


class Lines:
    """The lines run between `start` and `stop`, by file name."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self.found: dict[str, set[int]] = {}
        self._folders = folders
        self._looks: dict[CodeType, int] = {}

    def start(self) -> None:
        """Watch every function that is called from here on."""
        sys.settrace(self._entered)

    def stop(self) -> None:
        """Watch no longer."""
        sys.settrace(None)

    def _entered(self, frame: FrameType, _event: str, _: object) -> Any:
        code = frame.f_code
        looks = self._looks.get(code)
        if looks is None:
            looks = LOOKS if code.co_filename.startswith(self._folders) else 0
            if looks:
                self.found.setdefault(code.co_filename, set()).add(frame.f_lineno)
        self._looks[code] = max(looks - 1, 0)
        return self._inside if looks else None

    def _inside(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            self.found[frame.f_code.co_filename].add(frame.f_lineno)
        return self._inside
