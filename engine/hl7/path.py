"""Paths: `PID-3.1.2`, `PID-3[2].1`, `OBX[3]-5`; everything counts from 1 (rules.md §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>[1-9]\d*)\])?"
    r"(?:-(?P<field>[1-9]\d*)(?:\[(?P<repetition>[1-9]\d*)\])?"
    r"(?:\.(?P<component>[1-9]\d*)(?:\.(?P<subcomponent>[1-9]\d*))?)?)?"
)


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """A place in a message; 0 means that this part was not named."""

    segment: str
    field: int = 0
    component: int = 0
    subcomponent: int = 0
    occurrence: int = 0
    repetition: int = 0

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path; raises `ValueError` when it is none."""
        match = _PATH.fullmatch(text)
        if match is None:
            raise ValueError(text)
        numbers = {
            name: int(value or 0) for name, value in match.groupdict().items() if name != "segment"
        }
        return cls(segment=match["segment"], **numbers)

    def __str__(self) -> str:
        text = self.segment + (f"[{self.occurrence}]" if self.occurrence else "")
        if self.field:
            text += f"-{self.field}" + (f"[{self.repetition}]" if self.repetition else "")
        if self.component:
            text += f".{self.component}" + (f".{self.subcomponent}" if self.subcomponent else "")
        return text
