"""What a grant sends, whenever it applies: as it is, masked, or of chosen repetitions.

Law: this says of a grant what `engine.policy.cutting.parts.granted` makes of it. To mask, or to
choose repetitions, is a condition of its own, so that a grant without it is more and one with
another is something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.policy.cutting.parts import MSH_SECURITY
from engine.policy.cutting.segment_plan import MSH_ALWAYS, MSH_NEVER
from engine.policy.meaning.canonical import condition_form, text_of
from engine.policy.meaning.formulas import Formula, leaf
from engine.policy.meaning.statements import Said
from engine.policy.model import Grant
from engine.policy.segment.masks import EVERYTHING, NONE, NOTHING, Mask, Numbers


def _granted_mask(grant: Grant) -> Mask:
    mask = Mask.of(grant.mask)
    if grant.segment != "MSH":
        return mask
    # What every copy carries no grant discloses; MSH-8 goes by name alone (§10.20).
    unnamed = MSH_SECURITY if 8 not in mask.fields else NONE
    return mask - unnamed - MSH_ALWAYS - MSH_NEVER


def sent(grant: Grant) -> Iterator[tuple[Mask, list[Formula]]]:
    """What it sends as it is, and what it masks or chooses from: each with its conditions."""
    plain = _granted_mask(grant)
    chosen = {
        number: leaf(Said(f"repetitions of {number}", text_of(condition_form(asked))))
        for number, asked in grant.repetitions.items()
    }
    for (number, component), masking in grant.maskings.items():
        parts = Numbers(frozenset({component})) if component else EVERYTHING
        piece = Mask(NOTHING, {number: parts})
        said = [leaf(Said(f"masked {number}.{component}", masking))]
        yield piece, [*said, chosen[number]] if number in chosen else said
        plain -= piece
    for number, said_of in chosen.items():
        yield Mask(NOTHING, {number: plain.of_field(number)}), [said_of]
        plain -= Mask(NOTHING, {number: EVERYTHING})
    if not plain.is_empty or not (grant.maskings or grant.repetitions):
        yield plain, []
