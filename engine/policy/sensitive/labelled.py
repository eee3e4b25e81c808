"""The labels that were found in a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Some labels together: each label has a bit for core and one for extended evidence.
Bits = int


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was found: labels of the message, and of segments by index, inherited ones included."""

    message: Bits
    segments: Mapping[int, Bits]

    @property
    def present(self) -> Bits:
        """Every label that occurs."""
        found = self.message
        for bits in self.segments.values():
            found |= bits
        return found


NOTHING_LABELLED = Labelled(0, {})
