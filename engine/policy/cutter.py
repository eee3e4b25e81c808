"""One segment cut to a mask, over the received bytes.

Law: a field or component that is kept is the very slice that was received; what is not kept
becomes empty, never `""` (which would tell the receiver to delete, HL7 2.9.1 §2.4.3.1); trailing
empty fields of a cut segment go, and where only components are kept, trailing empty components
and repetitions go too (rules.md §4, §10.21).
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.hl7.wire import Message
from engine.policy.masks import EVERYTHING, NOTHING, Mask, Numbers

#: Field 1 of these is a set id (rules.md §10.23, standards.md B-9.4).
SET_IDS = frozenset(
    "PID PV1 NK1 OBR OBX NTE DG1 PR1 AL1 GT1 IN1 IN3 FT1 SPM TXA".split()
)

#: More fields than any segment has; where `rest` is kept, the last run goes on to here.
_BEYOND = 1 << 30


class Cutter:
    """How one segment id is cut under one mask; made once, used for every message."""

    __slots__ = ("_components", "_least", "_runs", "mask", "whole")

    def __init__(self, segment_id: str, mask: Mask) -> None:
        self.mask = mask
        self.whole = mask.is_whole
        self._runs = _runs(mask)
        self._components = tuple(
            (number, numbers)
            for number, numbers in mask.fields.items()
            if numbers not in (NOTHING, EVERYTHING)
        )
        # With nothing behind the set id, or behind the segment's name, nothing is said.
        self._least = 3 if segment_id in SET_IDS else 2

    def cut(self, fields: Sequence[bytes], message: Message) -> list[bytes] | None:
        """The fields that are left, trailing empty ones dropped; None when nothing is left."""
        out: list[bytes] = []
        there = len(fields)
        for start, stop, blanks in self._runs:
            if start >= there:
                break
            out += fields[start:stop] if blanks is None else blanks
        for number, numbers in self._components:
            if number < there:
                value = fields[number]
                if value:
                    out[number] = cut_field(value, numbers, message)
        while out and not out[-1]:
            out.pop()
        return out if len(out) >= self._least else None


def cut_field(value: bytes, numbers: Numbers, message: Message) -> bytes:
    """A field with only these components of every repetition."""
    separator = message.delimiters.repetition
    repetitions = [
        _cut_repetition(repetition, numbers, message)
        for repetition in message.split(value, separator)
    ]
    while repetitions and not repetitions[-1]:
        repetitions.pop()
    return separator.join(repetitions)


def _cut_repetition(value: bytes, numbers: Numbers, message: Message) -> bytes:
    separator = message.delimiters.component
    kept = [
        part if number in numbers else b""
        for number, part in enumerate(message.split(value, separator), start=1)
    ]
    while kept and not kept[-1]:
        kept.pop()
    return separator.join(kept)


def _runs(mask: Mask) -> tuple[tuple[int, int, list[bytes] | None], ...]:
    """Slices of a segment's fields: (start, stop, None to keep, or the blanks in their place)."""
    runs: list[tuple[int, int, list[bytes] | None]] = []
    last = max(mask.fields, default=0)
    start, keeping = 0, True  # field 0 is the segment's name
    for number in range(1, last + 2):
        numbers = mask.of_field(number)
        keep = numbers is not NOTHING and numbers != NOTHING
        if keep is not keeping:
            runs.append(_run(start, number, keeping))
            start, keeping = number, keep
    if keeping:
        runs.append((start, _BEYOND if mask.rest != NOTHING else last + 1, None))
    return tuple(runs)


def _run(start: int, stop: int, keeping: bool) -> tuple[int, int, list[bytes] | None]:
    return (start, stop, None if keeping else [b""] * (stop - start))
