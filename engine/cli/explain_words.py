"""What `payergate explain` found, in the pieces that its text and its page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from engine.policy.outcome import Code, Outcome
from engine.policy.telling.explain import SegmentStory
from engine.policy.telling.fieldwise import Because


def verdict_in_words(outcome: Outcome) -> str:
    """The verdict with its codes, then the sentences of its reasons."""
    said = " ".join(
        reason.text + (f" Rule: {reason.rule}." if reason.rule else "")
        for reason in outcome.reasons
    )
    codes = ", ".join(dict.fromkeys(reason.code.value for reason in outcome.reasons))
    return f"{outcome.verdict.value} ({codes}). {said}"


def because_in_words(found: Iterable[Because]) -> str:
    """The codes, each with its rule."""
    return " and ".join(map(_one, found))


def alike(segments: Iterable[SegmentStory]) -> Iterator[tuple[str, SegmentStory]]:
    """Each segment with its number; neighbours that fared alike are one, with a range."""
    for _, group in groupby(segments, key=lambda s: (s.id, s.verdict, s.fields, s.because, s.why)):
        first, *others = group
        yield f"{first.index}-{others[-1].index}" if others else str(first.index), first


def by_reason(segment: SegmentStory) -> dict[tuple[Because, ...], list[str]]:
    """The fields of a segment, together where the same decided them."""
    found: dict[tuple[Because, ...], list[str]] = {}
    for field in segment.why:
        found.setdefault(field.because, []).append(field.name)
    return found


def _one(because: Because) -> str:
    if not because.rule:
        return because.code
    if because.code == Code.NOT_GRANTED.value:
        return f"{because.code} (the conditions of {because.rule} do not hold)"
    return f"{because.code} by {because.rule}"
