"""A grant or a withholding made ready to run: of what of one segment id, and on what condition.

Law: what is sent as it is and what is masked or of chosen repetitions are kept apart; what asks a
condition asks it of one occurrence.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Place
from engine.policy.conditions.asked_fields import NO_FIELDS, fields_asked
from engine.policy.conditions.evaluate import (
    RepetitionTest,
    Test,
    compile_repetition_test,
    compiled,
)
from engine.policy.conditions.matching import Terms
from engine.policy.message.view import View
from engine.policy.model import Grant, Rule, Withholding
from engine.policy.outcome import Reason
from engine.policy.reasons import withheld_by_rule
from engine.policy.segment.fine import Piece
from engine.policy.segment.masks import EVERYTHING, NONE, NOTHING, Mask, Numbers
from engine.policy.vocabulary.conditions import Condition

#: MSH-8, which goes only by name (rules.md §10.20).
MSH_SECURITY = Mask(NOTHING, {8: EVERYTHING})


@dataclass(frozen=True, slots=True)
class Part:
    """A grant or withholding of one segment id: by which rule, of what, and on what condition.

    `mask` is all that it speaks of; `plain` is what of that is sent as it is, and `pieces` is the
    rest, which is masked or of chosen repetitions.
    """

    rule: str
    mask: Mask
    where: Test | None = None
    own: bool = False
    alone: bool = False
    documents: bool = False
    withheld: Reason | None = None  # of a withholding: what it says where it withholds all
    place: Place | None = None  # of a grant: where it is written
    plain: Mask = NONE
    pieces: tuple[tuple[Piece, RepetitionTest | None], ...] = ()
    asks: frozenset[int] | None = None  # the fields that settle `where`; None: more than fields

    @property
    def is_conditional(self) -> bool:
        """Whether it holds for some occurrences only."""
        return self.where is not None or self.own or any(test for _, test in self.pieces)


def granted(rule: Rule, grant: Grant, own: bool, terms: Terms, key: bytes) -> Part:
    """What a grant gives; `own`: of this payer only. `key` is that of the channel's hashes."""
    where = None if grant.where is None else compiled(grant.where, terms)
    mask = Mask.of(grant.mask)
    if grant.segment == "MSH" and 8 not in mask.fields:
        mask -= MSH_SECURITY  # never by `all`
    plain, pieces = mask, []
    for (number, component), masking in sorted(grant.maskings.items(), key=repr):
        numbers = Numbers(frozenset({component})) if component else EVERYTHING
        plain -= Mask(NOTHING, {number: numbers})
        pieces.append(Piece(number, numbers, masking, key, whole=not component))
    for number in sorted(grant.repetitions):
        pieces.append(Piece(number, plain.of_field(number)))
        plain -= Mask(NOTHING, {number: EVERYTHING})
    tests = {
        number: compile_repetition_test(condition, grant.segment, number, View.meant, terms)
        for number, condition in grant.repetitions.items()
    }
    return Part(
        rule.name,
        mask,
        where,
        own,
        grant.alone,
        grant.documents,
        place=grant.place,
        plain=plain,
        pieces=tuple(
            (piece, tests.get(piece.field)) for piece in pieces if piece.numbers != NOTHING
        ),
        asks=_fields_asked(grant.where, grant.segment),
    )


def withheld(rule: Rule, withholding: Withholding, terms: Terms) -> Part:
    """What a withholding takes; of its terms, the uncertain counts as matching."""
    condition = withholding.where
    where = None if condition is None else compiled(condition, terms)
    mask = Mask.of(withholding.mask)
    asks = _fields_asked(condition, withholding.segment)
    return Part(rule.name, mask, where, withheld=withheld_by_rule(rule.name), asks=asks)


def _fields_asked(where: Condition | None, segment_id: str) -> frozenset[int] | None:
    return NO_FIELDS if where is None else fields_asked(where, segment_id)
