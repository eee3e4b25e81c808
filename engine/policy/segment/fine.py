"""A cut finer than components: chosen repetitions, and values that are masked.

Law: what any grant gives plainly is sent plainly; of two masks, the one that stands first in
`MaskKind` (rules.md §10.25). A repetition that no grant chooses goes as a whole (§10.22). What a
ceiling or a withholding takes, no mask shows anything of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.hl7.wire import Message, Segment
from engine.policy.model import Masking, MaskKind
from engine.policy.segment.cutter import Cutter
from engine.policy.segment.masking import masked
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask, Numbers

_RANK = {kind: rank for rank, kind in enumerate(MaskKind)}
_PLAINLY = -1


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent of one field beyond the plain mask.

    `numbers` are components, of the repetitions in `repetitions` (from 0; None: of all), masked or
    as they are. `whole`: the repetition is masked as one value, which takes its first component's
    place.
    """

    field: int
    numbers: Numbers
    masking: Masking | None = None
    key: bytes = b""
    whole: bool = False
    repetitions: frozenset[int] | None = None

    def chooses(self, repetition: int) -> bool:
        """Whether it is of this repetition."""
        return self.repetitions is None or repetition in self.repetitions

    def bounded(self, allowed: Numbers) -> Piece | None:
        """What a ceiling and withholdings leave of it; a value masked as one is left whole."""
        if self.whole:
            return self if allowed == EVERYTHING else None
        left = self.numbers & allowed
        if left == NOTHING:
            return None
        return Piece(self.field, left, self.masking, self.key, False, self.repetitions)

    @property
    def rank(self) -> tuple[int, str, bytes]:
        """Which of several is sent: the least."""
        if self.masking is None:
            return (_PLAINLY, "", b"")
        return (_RANK[self.masking.kind], self.masking.text, self.key)


class FineCutter(Cutter):
    """How one segment id is cut under a mask and the pieces that add to it."""

    __slots__ = ("_pieces", "pieces")

    def __init__(self, segment_id: str, mask: Mask, pieces: tuple[Piece, ...]) -> None:
        super().__init__(segment_id, mask)
        self.pieces = pieces
        self.reach = 0
        self._pieces: dict[int, list[Piece]] = {}
        for piece in sorted(pieces, key=lambda piece: piece.rank):
            self._pieces.setdefault(piece.field, []).append(piece)

    def cut(self, segment: Segment, message: Message) -> bytes | None:
        """The segment that is left; None when that is nothing, or nothing but its set id."""
        return self.worth(segment.separator.join(self.fields(segment.fields, message)))

    def fields(self, fields: Sequence[bytes], message: Message) -> list[bytes]:
        """The fields that are left, trailing empty ones dropped; the segment's name is first."""
        out = super().fields(fields, message)
        for number, pieces in self._pieces.items():
            if number < len(fields) and fields[number]:
                left = _field(fields[number], self.mask.of_field(number), pieces, message)
                out.extend([b""] * (number + 1 - len(out)))
                out[number] = left
        while not out[-1]:
            out.pop()
        return out

    def without(self, fields: Iterable[int]) -> Cutter | None:
        """The same with these fields emptied."""
        gone = frozenset(fields)
        kept = tuple(piece for piece in self.pieces if piece.field not in gone)
        mask = self.mask - Mask(NOTHING, dict.fromkeys(sorted(gone), EVERYTHING))
        if not kept and mask.is_empty:
            return None
        return fine_cutter_for(self.segment_id, mask, kept)


@lru_cache(maxsize=4096)
def fine_cutter_for(segment_id: str, mask: Mask, pieces: tuple[Piece, ...]) -> FineCutter:
    """The cutter of a mask and pieces: one for all channels that cut alike."""
    return FineCutter(segment_id, mask, pieces)


def _field(value: bytes, plain: Numbers, pieces: list[Piece], message: Message) -> bytes:
    separator = message.delimiters.repetition
    kept = []
    for number, repetition in enumerate(message.split(value, separator)):
        chosen = [piece for piece in pieces if piece.chooses(number)]
        if plain != NOTHING or chosen:
            kept.append(_repetition(repetition, plain, chosen, message))
    while kept and not kept[-1]:
        kept.pop()
    return separator.join(kept)


def _repetition(value: bytes, plain: Numbers, pieces: list[Piece], message: Message) -> bytes:
    for piece in pieces:
        if piece.masking is None:
            plain = plain | piece.numbers
    if plain == EVERYTHING:
        return value
    hiding = [piece for piece in pieces if piece.masking is not None]
    separator = message.delimiters.component
    if not separator and not any(piece.whole for piece in hiding):
        return b""  # nothing can be told apart, so nothing is kept
    parts = message.split(value, separator)
    kept = [
        part if separator and number in plain else _hidden(number, part, value, hiding, message)
        for number, part in enumerate(parts, start=1)
    ]
    while kept and not kept[-1]:
        kept.pop()
    return separator.join(kept)


def _hidden(
    number: int, part: bytes, repetition: bytes, pieces: list[Piece], message: Message
) -> bytes:
    """What the masks leave of a component that no grant gives plainly."""
    for piece in pieces:
        if piece.masking is None:
            continue
        if piece.whole and number == 1:
            return masked(repetition, piece.masking, piece.key, message)
        if not piece.whole and number in piece.numbers:
            return masked(part, piece.masking, piece.key, message)
    return b""
