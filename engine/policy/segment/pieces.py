"""The parts of a segment that several masks tell apart: fields, components, and all the others.

Law: within a piece every mask holds all or nothing, so that what is true of a piece is true of
every field and component of it, those included that no standard lists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.policy.segment.masks import EVERYTHING, Mask

#: Instead of a number: every other field, every other component, all of the field.
OTHERS = 0
WHOLE = -1


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A field or a component; `OTHERS` and `WHOLE` stand for what has no number of its own."""

    number: int
    component: int = WHOLE

    def is_in(self, mask: Mask) -> bool:
        """Whether a mask holds it."""
        parts = mask.of_field(self.number) if self.number else mask.rest
        if self.component == WHOLE:
            return parts == EVERYTHING
        return parts.inverted if self.component == OTHERS else self.component in parts


def pieces(masks: Iterable[Mask]) -> tuple[Piece, ...]:
    """The pieces that these masks tell apart."""
    found = tuple(masks)
    numbers = sorted({number for mask in found for number in mask.fields})
    parts: list[Piece] = []
    for number in numbers:
        components = sorted({one for mask in found for one in mask.of_field(number).members})
        if components:
            parts += [Piece(number, component) for component in (*components, OTHERS)]
        else:
            parts.append(Piece(number))
    return (*parts, Piece(OTHERS))


def names(chosen: Collection[Piece], known: Collection[Piece]) -> tuple[str, ...]:
    """Chosen pieces by name, `19`, `11.3`; a field of which all pieces are chosen, as a whole."""
    found: list[str] = []
    for number in dict.fromkeys(piece.number for piece in known if piece.number):
        mine = [piece for piece in chosen if piece.number == number]
        if len(mine) == sum(piece.number == number for piece in known):
            found.append(str(number))
        else:
            found += [_component(piece) for piece in mine]
    if any(not piece.number for piece in chosen):
        found.append("all other fields" if len(known) > 1 else "all")
    return tuple(found)


def _component(piece: Piece) -> str:
    if piece.component == OTHERS:
        return f"{piece.number} (other components)"
    return f"{piece.number}.{piece.component}"
