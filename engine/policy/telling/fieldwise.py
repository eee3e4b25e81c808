"""Why each field of one received segment is sent, or is not.

Law: nothing is decided here: every answer is read off the plan that made the copy. A field is told
by its components where a grant, a withholding or the ceiling tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.hl7.wire import Message, Segment
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.segment_plan import SegmentPlan
from engine.policy.outcome import Code
from engine.policy.segment.masks import EVERYTHING, NOTHING
from engine.policy.segment.pieces import WHOLE, Piece


@dataclass(frozen=True, slots=True, order=True)
class Because:
    """A reason code, and the rule that spoke, or `""`."""

    code: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class FieldStory:
    """A field or component that was received, by name (`13`, `11.1`), and what decided it."""

    name: str
    because: tuple[Because, ...]


def field_stories(cut: Cut, segment: Segment) -> tuple[FieldStory, ...]:
    """The story of each field that holds something.

    None of a segment that went as a whole, or that no rule grants: its own reason says all.
    """
    rules = cut.plan.segments.get(segment.id)
    if rules is None or segment.index in cut.causes:
        return ()
    return tuple(_Telling(cut, segment, rules).stories())


class _Telling:
    """One segment of one copy, being told."""

    def __init__(self, cut: Cut, segment: Segment, rules: SegmentPlan) -> None:
        self._message = cut.view.message
        self._segment = segment
        self._ceiling = rules.ceiling
        bits = rules.holding(cut.view, segment.index, cut.is_own(rules, segment.index))
        parts = rules.grants + rules.withholdings
        holding = [part for at, part in enumerate(parts) if bits >> at & 1]
        self._grants = [part for part in holding if part in rules.grants]
        self._others = [part for part in rules.grants if part not in self._grants]
        self._withheld = [part for part in holding if part in rules.withholdings]
        self._masks = [part.mask for part in parts] + [rules.ceiling]
        piece = cut.pieces[segment.index]
        left = [] if piece is None else self._message.split(piece, segment.separator)
        self._left = dict(enumerate(left))
        self._concealed = cut.concealed.get(segment.index, frozenset())

    def stories(self) -> Iterator[FieldStory]:
        for number, value in enumerate(self._segment.fields):
            if number and value:
                for piece in self._pieces(number, value):
                    name = str(number)
                    if piece.component != WHOLE:
                        name += f".{piece.component}"
                    yield FieldStory(name, tuple(sorted(self._because(piece))))

    def _pieces(self, number: int, value: bytes) -> Iterator[Piece]:
        """The field as a whole, or its components where something tells them apart."""
        if all(mask.of_field(number) in (NOTHING, EVERYTHING) for mask in self._masks):
            yield Piece(number)
            return
        for component in _components(self._message, value):
            yield Piece(number, component)

    def _because(self, piece: Piece) -> set[Because]:
        granting = [part for part in self._grants if piece.is_in(part.mask)]
        if not granting:
            # A rule that would grant it, were its `where` or `which` true of this segment.
            almost = {part.rule for part in self._others if piece.is_in(part.mask)}
            return {Because(Code.NOT_GRANTED.value, rule) for rule in almost or {""}}
        withheld = [part for part in self._withheld if piece.is_in(part.mask)]
        if withheld:
            return {Because(Code.WITHHELD_BY_RULE.value, part.rule) for part in withheld}
        if not piece.is_in(self._ceiling):
            return {Because(Code.ABOVE_CEILING.value, part.rule) for part in granting}
        if piece.number in self._concealed:
            return {Because(Code.CONFIDENTIAL_COMMUNICATION.value)}
        if not self._left.get(piece.number):
            return {Because(Code.PARENT_CUT.value)}  # what it tells of is not sent
        return {Because(Code.GRANTED.value, part.rule) for part in granting}


def _components(message: Message, value: bytes) -> list[int]:
    """The numbers of the components that any repetition of a field has a value for."""
    marks = message.delimiters
    found: set[int] = set()
    for repetition in message.split(value, marks.repetition):
        parts = message.split(repetition, marks.component)
        found |= {number for number, part in enumerate(parts, start=1) if part}
    return sorted(found)
