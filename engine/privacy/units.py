"""The source units that are known, and which of them are 42 CFR Part 2 programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum


class Unit(Enum):
    """Whether a source unit is a 42 CFR Part 2 program."""

    PART2 = "part2"
    GENERAL = "general"


class Units(Mapping[str, Unit]):
    """What each unit is, by its name; settled once, and asked of every message.

    `programs` are the names of those that are programs, case-folded.
    """

    __slots__ = ("_known", "programs")

    def __init__(self, known: Mapping[str, Unit] | None = None) -> None:
        self._known = dict(known or {})
        self.programs = frozenset(
            name.casefold() for name, unit in self._known.items() if unit is Unit.PART2
        )

    def __getitem__(self, name: str) -> Unit:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Units({self._known!r})"
