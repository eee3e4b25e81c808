"""Whole fields that are kept, picked in one step; what is picked and joined again is what is left.

Law: each field that is kept stands where it stood: between two of them stand as many separators as
stood there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter


class Picking:
    """Some fields of a segment, and its name, with one item in place of each run between them.

    Of PV1-2 and PV1-19 are picked: `PV1`, nothing for PV1-1, PV1-2, fifteen separators for the
    sixteen fields between, PV1-19.
    """

    __slots__ = ("_behind", "_gaps", "_last", "_pick", "places")

    def __init__(self, kept: Iterable[int]) -> None:
        picked, gaps = [0], []
        #: Where each field stands among what is picked.
        self.places: dict[int, int] = {}
        before = 0
        for number in sorted(kept):
            if number > before + 1:
                gaps.append(number - before - 2)
                picked.append(-len(gaps))
            self.places[number] = len(picked)
            picked.append(number)
            before = number
        self._last = before
        #: How many separators stand for each run, the last run first.
        self._gaps = tuple(reversed(gaps))
        self._pick = itemgetter(*picked)
        self._behind: dict[bytes, list[bytes]] = {}

    def of(self, fields: list[bytes], separator: bytes) -> tuple[bytes, ...]:
        """What is picked of a segment's fields; one beyond their end reads as empty."""
        behind = self._behind.get(separator)
        if behind is None:
            gaps = [separator * count for count in self._gaps]
            behind = self._behind[separator] = [b""] * (self._last + 1) + gaps
        picked: tuple[bytes, ...] = self._pick(fields + behind)
        return picked

    def of_columns(
        self, columns: Sequence[tuple[bytes, ...]], separator: bytes
    ) -> Iterable[tuple[bytes, ...]]:
        """What is picked of each of several segments: `columns[n]` has field n of all of them."""
        count = len(columns[0])
        gaps = [(separator * gap,) * count for gap in self._gaps]
        return zip(*self._pick([*columns, *gaps]), strict=True)
