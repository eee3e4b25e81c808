"""What a channel gets of some messages and not of others: told once, with where it is so. Pure.

Law: nothing is said to be received and not received; what is both says of how many messages of
which types each is true. In one message two segments of a kind may differ, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.policy.telling.patient import ALL, Lack, Share

#: How many messages of each type.
Types = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Mixed:
    """Fields of a segment that go in some messages; `lacking`: why not in others, by code."""

    segment: str
    fields: frozenset[str]
    sent: Types
    lacking: Mapping[str, Types]


@dataclass(frozen=True, slots=True)
class Sorted:
    """A share taken apart: what always goes where there is any, what never does, and the rest."""

    always: Mapping[str, set[str]]
    never: Mapping[Lack, set[str]]
    mixed: tuple[Mixed, ...]


def taken_apart(share: Share) -> Sorted:
    """By what is sent, and what is lacking."""
    always: dict[str, set[str]] = {}
    together: dict[tuple[str, str], tuple[set[str], Types, dict[str, Types]]] = {}
    for segment, names in share.sent.items():
        for name in names:
            sent = share.sent_in[segment, name]
            lacking = _lacking(share, segment, name)
            if not lacking:
                always.setdefault(segment, set()).add(name)
                continue
            alike = (segment, _spelt({"": sent, **lacking}))
            together.setdefault(alike, (set(), sent, lacking))[0].add(name)
    mixed = [
        Mixed(segment, frozenset(names), sent, lacking)
        for (segment, _), (names, sent, lacking) in sorted(together.items())
    ]
    never: dict[Lack, set[str]] = {}
    for lack, names in share.lacks.items():
        left = {name for name in names if not _overlaps(name, share.sent.get(lack.segment, ()))}
        if left:
            never[lack] = left
    return Sorted(always, never, tuple(mixed))


def _lacking(share: Share, segment: str, name: str) -> dict[str, Types]:
    found: dict[str, Counter[str]] = {}
    for (lack, lacks), types in share.lacks_in.items():
        if lack.segment == segment and _overlaps(lacks, (name,)):
            found.setdefault(lack.code, Counter()).update(types)
    return dict(sorted(found.items()))


def _spelt(where: Mapping[str, Types]) -> str:
    """The same text for the same counts."""
    return repr([(code, sorted(types.items())) for code, types in sorted(where.items())])


def _overlaps(name: str, others: Iterable[str]) -> bool:
    """Whether one of them is the same field, or one of the two is all of the segment."""
    return any(name == other or ALL in {name, other} for other in others)
