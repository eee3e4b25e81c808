"""One channel and message type under two policies: what is sent newly, and what no longer.

Law: every piece of every segment is asked both ways: do the new conditions imply the old, and the
old the new? A piece is named with the rules that make the difference, in the files of either site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.policy.compare.changes import Cause, Change, Effect, Side
from engine.policy.meaning.formulas import FALSE, Formula, all_of, any_of, no, proven
from engine.policy.meaning.reach import Granted, Reach, Withheld
from engine.policy.meaning.statements import FACTS
from engine.policy.segment.masks import Mask
from engine.policy.segment.pieces import Piece, names, pieces
from engine.policy.telling.wording import grant_asks, message_type, rule_asks
from engine.policy.vocabulary.conditions import MessageType

#: The one thing besides fields that an OBR may be granted (rules.md §10.18).
_ALONE = "alone"


def compared(channel: str, kind: MessageType, old: Reach, new: Reach) -> Iterator[Change]:
    """The changes for one channel and type."""
    if _alike(old, new):
        return
    for segment in sorted({*old.grants, *new.grants}):
        before, after = _Segment(old, segment), _Segment(new, segment)
        for effect, fields, causes in _differences(before, after):
            yield Change(
                effect,
                _TEXTS[effect],
                channels=(channel,),
                types=(message_type(kind) or "other types",),
                segment=segment,
                fields=fields,
                causes=causes,
            )


def _alike(old: Reach, new: Reach) -> bool:
    """Whether both are made of the same parts, to be seen without proving anything."""
    return _parts(old) == _parts(new)


def _parts(reach: Reach) -> tuple[object, ...]:
    return (
        [(s, [(g.mask, g.when, g.grant.alone) for g in ones]) for s, ones in reach.grants.items()],
        {s: [(one.mask, one.when) for one in ones] for s, ones in reach.withheld.items()},
        [formula for formula, _ in reach.blocks],
    )


_TEXTS = {
    Effect.DISCLOSED: "",
    Effect.WITHHELD: "",
    Effect.MAY_DISCLOSE: "under other conditions than before",
    Effect.DISCLOSES_LESS: "under fewer conditions than before",
}

_Found = tuple[Effect, tuple[str, ...], tuple[Cause, ...]]


class _Segment:
    """One segment id of one side."""

    def __init__(self, reach: Reach, segment: str) -> None:
        self.grants = reach.grants.get(segment, ())
        self.withheld = reach.withheld.get(segment, ())
        self.blocks = reach.blocks
        self._blocked = reach.blocked

    def masks(self) -> Iterator[Mask]:
        yield from (one.mask for one in self.grants)
        yield from (one.mask for one in self.withheld)

    def holders(self, piece: Piece) -> tuple[tuple[Granted, ...], tuple[Withheld, ...]]:
        """What grants a piece and what withholds it."""
        return (
            tuple(one for one in self.grants if piece.is_in(one.mask)),
            tuple(one for one in self.withheld if piece.is_in(one.mask)),
        )

    def less(self, granted: Formula, withheld: Iterable[Withheld]) -> Formula:
        """When something is sent that is granted so and withheld so."""
        return all_of((granted, no(any_of(one.when for one in withheld)), no(self._blocked)))


def _differences(old: _Segment, new: _Segment) -> Iterator[_Found]:
    known = pieces([*old.masks(), *new.masks()])
    alike: dict[tuple[object, ...], list[Piece]] = {}
    held: dict[tuple[object, ...], _Held] = {}
    for piece in known:
        pair = _Held(old, new, old.holders(piece), new.holders(piece))
        alike.setdefault(pair.key, []).append(piece)
        held.setdefault(pair.key, pair)
    for key, members in alike.items():
        for effect, causes in held[key].effects():
            yield effect, names(members, known), causes
    yield from _sent_alone(old, new)


@dataclass(frozen=True, slots=True)
class _Held:
    """How pieces are held on both sides: by which grants, less which withholdings."""

    old: _Segment
    new: _Segment
    before: tuple[tuple[Granted, ...], tuple[Withheld, ...]]
    after: tuple[tuple[Granted, ...], tuple[Withheld, ...]]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for pieces that are held by the same."""
        return tuple(tuple(map(id, ones)) for side in (self.before, self.after) for ones in side)

    def effects(self) -> Iterator[tuple[Effect, tuple[Cause, ...]]]:
        """What changes, each way."""
        was = self.old.less(any_of(one.when for one in self.before[0]), self.before[1])
        now = self.new.less(any_of(one.when for one in self.after[0]), self.after[1])
        more, less = not proven(now, was, FACTS), not proven(was, now, FACTS)
        if more:
            effect = Effect.DISCLOSED if was == FALSE else Effect.MAY_DISCLOSE
            yield effect, tuple(sorted({*self._granting(was), *self._lifted()}))
        elif less:
            effect = Effect.WITHHELD if now == FALSE else Effect.DISCLOSES_LESS
            yield effect, tuple(sorted(set(self._gone(now))))

    def _granting(self, was: Formula) -> Iterator[Cause]:
        """The new grants that send it where nothing did before."""
        for one in self.after[0]:
            if not proven(self.new.less(one.when, self.after[1]), was, FACTS):
                yield _granted(Side.NEW, one)

    def _lifted(self) -> Iterator[Cause]:
        """Old withholdings that nothing replaces."""
        still = any_of(
            [one.when for one in self.after[1]] + [formula for formula, _ in self.new.blocks]
        )
        if not self.before[0]:
            return
        for one in self.before[1]:
            if not proven(one.when, still, FACTS):
                place = one.withholding.place
                yield Cause(Side.OLD.value, place, one.rule.name, "it was withheld here")
        for formula, rule in self.old.blocks:
            if rule is not None and not proven(formula, still, FACTS):
                yield Cause(Side.OLD.value, rule.place, rule.name, "the message was withheld here")

    def _gone(self, now: Formula) -> Iterator[Cause]:
        """The old grants that nothing replaces, and what newly withholds."""
        for one in self.before[0]:
            if not proven(self.old.less(one.when, self.before[1]), now, FACTS):
                yield _granted(Side.OLD, one)


def _granted(side: Side, one: Granted) -> Cause:
    asked = rule_asks(one.rule, one.coverage), grant_asks(one.grant, one.mask, own=one.own)
    text = "; ".join(filter(None, asked))
    return Cause(side.value, one.grant.place, one.rule.name, text)


def _sent_alone(old: _Segment, new: _Segment) -> Iterator[_Found]:
    """Whether an order is newly sent without its results."""
    before = [one for one in old.grants if one.grant.alone]
    after = [one for one in new.grants if one.grant.alone]
    if not before and not after:
        return
    was = old.less(any_of(one.when for one in before), ())
    now = new.less(any_of(one.when for one in after), ())
    if not proven(now, was, FACTS):
        yield Effect.MAY_DISCLOSE, (_ALONE,), tuple(_granted(Side.NEW, one) for one in after)
    elif not proven(was, now, FACTS):
        yield Effect.DISCLOSES_LESS, (_ALONE,), tuple(_granted(Side.OLD, one) for one in before)
