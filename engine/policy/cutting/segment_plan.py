"""The plan of the cut for one segment id: which cutter each occurrence gets.

Law: what is sent is (the grants that hold, added up) bounded by the ceiling, less the withholdings
that hold. Which of them hold may differ from occurrence to occurrence (`where`, `which: own`); the
cutter for each combination is made once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.policy.conditions.asked_fields import together
from engine.policy.conditions.evaluate import Test
from engine.policy.cutting.parts import Part
from engine.policy.message.view import View
from engine.policy.segment.cutter import Cutter, cutter_for
from engine.policy.segment.fine import fine_cutter_for
from engine.policy.segment.masks import EVERYTHING, NONE, NOTHING, Mask

#: Sent with every message, as received; 15 and 16 are the channel's own and 8 goes only by name
#: (rules.md §10.20).
MSH_ALWAYS = Mask(NOTHING, dict.fromkeys((*range(1, 8), *range(9, 13), 17, 18), EVERYTHING))
MSH_NEVER = Mask(NOTHING, {15: EVERYTHING, 16: EVERYTHING})

#: For each piece of a segment's grants the repetitions that it is of; None: of all.
Chosen = tuple["frozenset[int] | None", ...]

#: How many combinations of conditions and chosen repetitions are remembered for a segment id.
_CUTTERS_KEPT = 1024


class SegmentPlan:
    """The plan for one segment id."""

    def __init__(
        self,
        segment_id: str,
        ceiling: Mask,
        grants: Iterable[Part],
        withholdings: Iterable[Part],
    ) -> None:
        self.id = segment_id
        self.ceiling = ceiling
        self.grants = tuple(grants)
        self.withholdings = tuple(withholdings)
        #: Some grant says `alone: true`.
        self.alone = any(grant.alone for grant in self.grants)
        self.needs_own = any(grant.own for grant in self.grants)
        #: Nothing is granted of what is another payer's.
        self.only_own = all(grant.own for grant in self.grants)
        #: Repetitions are chosen by what they hold.
        self._chooses = any(test for grant in self.grants for _, test in grant.pieces)
        #: The one question that is asked of an occurrence, where it is the only one.
        self._only = None
        if len(self.grants) == 1 and not (self.withholdings or self.needs_own or self._chooses):
            self._only = self.grants[0].where
        parts = self.grants + self.withholdings
        #: Bits of the parts that always hold, of others' occurrences and of the payer's own.
        self._always, self._always_own = (_bits(parts, None, own) for own in (False, True))
        #: Each question that is asked of an occurrence, once, and the bits that hang on it.
        self._asked = tuple(
            (where, _bits(parts, where, False), _bits(parts, where, True))
            for where in dict.fromkeys(part.where for part in parts)
            if where is not None
        )
        asks = None if self._chooses else together([part.asks for part in parts])
        #: The fields that settle how an occurrence is cut; None: more than fields does.
        self._asks = None if asks is None else tuple(sorted(asks))
        self._cutters: dict[tuple[int, Chosen], Cutter | None] = {}
        self.is_conditional = any(part.is_conditional for part in self.grants + self.withholdings)
        #: The cutter for every occurrence, where nothing depends on the occurrence.
        self.fixed = None if self.is_conditional else self._cutter(-1, ())

    def cutter(self, view: View, index: int, own: bool) -> Cutter | None:
        """How this occurrence is cut, None if not at all; `own`: it is this payer's."""
        if self._only is not None:
            return self._of(1 if self._only(view, index) else 0, ())
        if not self.is_conditional:
            return self.fixed
        holding = self.holding(view, index, own)
        chosen = self._chosen(view, index, holding) if self._chooses else ()
        return self._of(holding, chosen)

    def cutters(self, view: View) -> list[Cutter | None]:
        """How each occurrence is cut, where it does not matter whose it is."""
        indexes = view.structure.by_id.get(self.id, ())
        if len(indexes) < 2 or not self._asks:
            return [self.cutter(view, index, own=False) for index in indexes]
        columns = view.columns(self.id, self._asks[-1])
        settling = list(zip(*[columns[field] for field in self._asks], strict=True))
        # Mostly they are much alike.
        first = dict(zip(reversed(settling), reversed(indexes), strict=True))
        found = {had: self.cutter(view, index, own=False) for had, index in first.items()}
        return [found[had] for had in settling]

    def _of(self, holding: int, chosen: Chosen) -> Cutter | None:
        key = (holding, chosen)
        if key not in self._cutters:
            if len(self._cutters) >= _CUTTERS_KEPT:
                self._cutters.clear()
            self._cutters[key] = self._cutter(holding, chosen)
        return self._cutters[key]

    def _chosen(self, view: View, index: int, holding: int) -> Chosen:
        """The repetitions that each piece is of, in the order of grants and their pieces."""
        segment = view.message.segments[max(index, 0)]
        separator = view.message.delimiters.repetition
        found = []
        for position, part in enumerate(self.grants):
            for piece, test in part.pieces:
                numbers: frozenset[int] | None = None
                if test is not None and holding >> position & 1:
                    count = len(view.message.split(segment.field(piece.field), separator))
                    numbers = frozenset(n for n in range(count) if test(view, segment, n))
                found.append(numbers)
        return tuple(found)

    def holding(self, view: View, index: int, own: bool) -> int:
        """Which parts hold for this occurrence: a bit for each grant, then each withholding."""
        bits = self._always_own if own else self._always
        for where, of_others, of_own in self._asked:
            hanging = of_own if own else of_others
            if hanging and where(view, index):
                bits |= hanging
        return bits

    def refuses(self, view: View, index: int) -> bool:
        """Whether this id is granted, but by no grant that holds for this occurrence."""
        return bool(self.grants) and not any(
            part.where is None or part.where(view, index) for part in self.grants
        )

    def stands_alone(self, view: View, index: int) -> bool:
        """Whether a grant that holds for this occurrence says `alone: true`."""
        return any(
            part.alone and (part.where is None or part.where(view, index)) for part in self.grants
        )

    def masks(self, holding: int) -> tuple[Mask, Mask]:
        """What is granted and what is withheld by the parts that hold."""
        granted = withheld = NONE
        for position, part in enumerate(self.grants):
            if holding >> position & 1:
                granted |= part.mask
        for position, part in enumerate(self.withholdings, start=len(self.grants)):
            if holding >> position & 1:
                withheld |= part.mask
        return granted, withheld

    def _cutter(self, holding: int, chosen: Chosen) -> Cutter | None:
        _, withheld = self.masks(holding)
        granted, pieces, number = NONE, [], 0
        for position, part in enumerate(self.grants):
            if holding >> position & 1:
                granted |= part.plain
                pieces += [
                    piece if test is None else replace(piece, repetitions=chosen[number + n])
                    for n, (piece, test) in enumerate(part.pieces)
                ]
            number += len(part.pieces)
        mask = (granted & self.ceiling) - withheld
        if self.id == "MSH":
            mask = (mask | MSH_ALWAYS) - MSH_NEVER
        allowed = self.ceiling - withheld
        left = [
            bounded
            for piece in pieces
            if mask.of_field(piece.field) != EVERYTHING
            and (bounded := piece.bounded(allowed.of_field(piece.field))) is not None
        ]
        if left:
            # In an order of their own, so that the order of rules makes no second cutter.
            return fine_cutter_for(self.id, mask, tuple(sorted(set(left), key=repr)))
        return None if mask.is_empty else cutter_for(self.id, mask)


def _bits(parts: Iterable[Part], where: Test | None, own: bool) -> int:
    """A bit for each part that hangs on this question, of the payer's own occurrences or not."""
    return sum(
        1 << position
        for position, part in enumerate(parts)
        if part.where is where and (own or not part.own)
    )
