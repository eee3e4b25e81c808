"""What the rules that apply add up to, for one channel: a plan of the cut.

Law: for each segment id, what is sent is (the grants that hold, added up) bounded by the ceiling,
less the withholdings that hold. Which of them hold may differ from occurrence to occurrence
(`where`, `which: own`); the cutter for each combination is made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.errors import Place
from engine.policy.conditions.evaluate import (
    RepetitionTest,
    Test,
    compile_condition,
    compile_repetition_test,
)
from engine.policy.conditions.matching import TERMS, Terms
from engine.policy.message.corrections import CORRECTING, is_around_correction, is_correction
from engine.policy.message.view import MESSAGE, View
from engine.policy.model import Grant, Rule, Withholding
from engine.policy.outcome import Reason
from engine.policy.reasons import withheld_by_rule
from engine.policy.segment.cutter import Cutter, cutter_for
from engine.policy.segment.fine import Piece, fine_cutter_for
from engine.policy.segment.masks import EVERYTHING, NONE, NOTHING, WHOLE, Mask, Numbers

#: Totals of a visit that would betray a line that is not sent (rules.md §10.10).
TOTALS = (46, 47, 48, 49)

#: Sent with every message, as received; 15 and 16 are the channel's own and 8 goes only by name
#: (rules.md §10.20).
MSH_ALWAYS = Mask(NOTHING, dict.fromkeys((*range(1, 8), *range(9, 13), 17, 18), EVERYTHING))
MSH_NEVER = Mask(NOTHING, {15: EVERYTHING, 16: EVERYTHING})
MSH_SECURITY = Mask(NOTHING, {8: EVERYTHING})

#: For each piece of a segment's grants the repetitions that it is of; None: of all.
Chosen = tuple["frozenset[int] | None", ...]

#: How many combinations of conditions and chosen repetitions are remembered for a segment id.
_CUTTERS_KEPT = 1024

#: `which: own` on IN1 takes these along.
WITH_IN1 = frozenset({"IN2", "IN3"})


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
    withheld: Reason | None = None  # of a withholding: what it says where it withholds all
    place: Place | None = None  # of a grant: where it is written
    plain: Mask = NONE
    pieces: tuple[tuple[Piece, RepetitionTest | None], ...] = ()

    @property
    def is_conditional(self) -> bool:
        """Whether it holds for some occurrences only."""
        return self.where is not None or self.own or any(test for _, test in self.pieces)


#: The built-in rule by which a correction goes only where the original went (rules.md §10.9).
CORRECTIONS_FOLLOW = "corrections-follow"
_BARRED = Part(
    CORRECTIONS_FOLLOW, WHOLE, is_correction, withheld=withheld_by_rule(CORRECTIONS_FOLLOW)
)


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
        #: Repetitions are chosen by what they hold.
        self._chooses = any(test for grant in self.grants for _, test in grant.pieces)
        #: The one question that is asked of an occurrence, where it is the only one.
        self._only = None
        if len(self.grants) == 1 and not (self.withholdings or self.needs_own or self._chooses):
            self._only = self.grants[0].where
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
        bits, bit = 0, 1
        for part in self.grants:
            if (own or not part.own) and (part.where is None or part.where(view, index)):
                bits |= bit
            bit <<= 1
        for part in self.withholdings:
            if part.where is None or part.where(view, index):
                bits |= bit
            bit <<= 1
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


class Plan:
    """The plan for one channel and the rules that apply to a message.

    Rules that are `following` grant to what goes with a correction and to nothing else. Where
    `bars_corrections`, what corrects something earlier is withheld
    (`engine.policy.message.corrections`). `key` is that of the channel's keyed hashes.
    """

    def __init__(
        self,
        ceiling: Mapping[str, Mask],
        grants: Iterable[Rule],
        withholds: Iterable[Rule],
        following: Iterable[Rule] = (),
        bars_corrections: bool = False,
        *,
        terms: Terms = TERMS,
        key: bytes = b"",
    ) -> None:
        everywhere, around = tuple(grants), tuple(following)
        self.withholds = tuple(withholds)
        self.bars_corrections = bars_corrections
        #: Names of the rules that disclose.
        self.rules = tuple(sorted(rule.name for rule in everywhere + around))
        granted: dict[str, list[Part]] = {}
        for rule in everywhere + around:
            own_insurance = any(g.which_own for g in rule.grants if g.segment == "IN1")
            for grant in rule.grants:
                own = grant.which_own or (own_insurance and grant.segment in WITH_IN1)
                part = _granted(rule, grant, own, terms, key)
                if rule in around:
                    part = replace(part, where=_both(is_around_correction, part.where))
                granted.setdefault(grant.segment, []).append(part)
        withheld: dict[str, list[Part]] = {}
        for segment_id in CORRECTING if bars_corrections else ():
            withheld[segment_id] = [_BARRED]
        for rule in self.withholds:
            for withholding in rule.withholdings:
                if withholding.segment:
                    parts = withheld.setdefault(withholding.segment, [])
                    parts.append(_withheld(rule, withholding, terms.negated()))
        #: What is withheld of each segment id, granted or not.
        self.withheld: Mapping[str, tuple[Part, ...]] = {
            name: tuple(parts) for name, parts in withheld.items()
        }
        self.segments = {
            segment_id: SegmentPlan(
                segment_id, ceiling.get(segment_id, NONE), parts, withheld.get(segment_id, ())
            )
            for segment_id, parts in granted.items()
            if segment_id != "MSH"
        }
        if "PID" in withheld and "PID" not in self.segments:
            # A withheld PID withholds the message even where no rule grants it (§10.26).
            self.segments["PID"] = SegmentPlan("PID", NONE, (), withheld["PID"])
        self.msh = SegmentPlan(
            "MSH", ceiling.get("MSH", NONE), granted.get("MSH", ()), withheld.get("MSH", ())
        )
        lines = self.segments.get("FT1")
        pid = self.segments.get("PID")
        #: What withholds a whole PID, and with it the message (§10.26).
        self.pid_withholdings = tuple(
            part for part in (pid.withholdings if pid else ()) if part.mask.is_whole
        )
        #: Does a grant ask `which: own`; does one ask it of charges?
        self.needs_own = any(rules.needs_own for rules in self.segments.values())
        self.needs_own_lines = lines is not None and lines.needs_own

    def msh_fields(self, view: View) -> list[bytes]:
        """The fields of MSH that are sent, before anything is rewritten."""
        cutter = self.msh.cutter(view, MESSAGE, own=False)
        if cutter is None:
            raise AssertionError("MSH is always sent")
        return view.header(cutter)

    def without_totals(self, cutter: Cutter) -> Cutter | None:
        """A PV1's cutter with PV1-46 to PV1-49 emptied."""
        return cutter.without(TOTALS)


def _both(some: Test, other: Test | None) -> Test:
    if other is None:
        return some
    return lambda view, at: some(view, at) and other(view, at)


def _granted(rule: Rule, grant: Grant, own: bool, terms: Terms, key: bytes) -> Part:
    where = None if grant.where is None else compile_condition(grant.where, terms=terms)
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
        place=grant.place,
        plain=plain,
        pieces=tuple(
            (piece, tests.get(piece.field)) for piece in pieces if piece.numbers != NOTHING
        ),
    )


def _withheld(rule: Rule, withholding: Withholding, terms: Terms) -> Part:
    condition = withholding.where
    where = None if condition is None else compile_condition(condition, terms=terms)
    mask = Mask.of(withholding.mask)
    return Part(rule.name, mask, where, withheld=withheld_by_rule(rule.name))
