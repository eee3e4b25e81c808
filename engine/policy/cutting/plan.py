"""What the rules that apply add up to, for one channel: a plan of the cut.

Law: grants add up and a withholding wins, segment id by segment id
(`engine.policy.cutting.segment_plan`). PID is planned wherever it is withheld, since without it
the message does not go (rules.md §10.26); MSH always goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.policy.conditions.evaluate import Test
from engine.policy.conditions.matching import TERMS, Terms
from engine.policy.cutting.flags import FLAGS
from engine.policy.cutting.parts import Part, granted, withheld
from engine.policy.cutting.segment_plan import SegmentPlan
from engine.policy.message.corrections import CORRECTING, is_around_correction, is_correction
from engine.policy.message.cuts import left_of_header
from engine.policy.message.documents import is_document, is_no_document
from engine.policy.message.view import MESSAGE, View
from engine.policy.model import DOCUMENT, Rule
from engine.policy.reasons import withheld_by_rule
from engine.policy.segment.masks import EVERYTHING, NONE, NOTHING, WHOLE, Mask

#: `which: own` on IN1 takes these along.
WITH_IN1 = frozenset({"IN2", "IN3"})

#: The built-in rule by which a correction goes only where the original went (rules.md §10.9).
CORRECTIONS_FOLLOW = "corrections-follow"
_BARRED = Part(
    CORRECTIONS_FOLLOW, WHOLE, is_correction, withheld=withheld_by_rule(CORRECTIONS_FOLLOW)
)


class Plan:
    """The plan for one channel and the rules that apply to a message.

    Rules that are `following` grant to what goes with a correction and to nothing else. Where
    `bars_corrections`, what corrects something earlier is withheld
    (`engine.policy.message.corrections`). Unless it `keeps_flags`, they are withheld
    (`engine.policy.cutting.flags`). Unless it `has_documents`, there must be none in the
    message (`engine.policy.message.documents`). `key` is that of the channel's keyed hashes.
    """

    def __init__(
        self,
        ceiling: Mapping[str, Mask],
        grants: Iterable[Rule],
        withholds: Iterable[Rule],
        following: Iterable[Rule] = (),
        bars_corrections: bool = False,
        *,
        keeps_flags: bool = True,
        has_documents: bool = True,
        terms: Terms = TERMS,
        key: bytes = b"",
    ) -> None:
        everywhere, around = tuple(grants), tuple(following)
        self.withholds = tuple(withholds)
        self.bars_corrections = bars_corrections
        #: Names of the rules that disclose.
        self.rules = tuple(sorted(rule.name for rule in everywhere + around))
        given = _granted(everywhere, around, terms, key)
        taken = _withheld(self.withholds, bars_corrections, terms)
        if has_documents:
            _spare_documents(given, ceiling)
            _keep_documents_whole(taken)
        for segment_id, flag in FLAGS.items() if not keeps_flags else ():
            if segment_id in given:
                taken.setdefault(segment_id, []).append(flag)
        #: What is withheld of each segment id, granted or not.
        self.withheld: Mapping[str, tuple[Part, ...]] = {
            name: tuple(parts) for name, parts in taken.items()
        }
        self.segments = {
            segment_id: SegmentPlan(
                segment_id, ceiling.get(segment_id, NONE), parts, taken.get(segment_id, ())
            )
            for segment_id, parts in given.items()
            if segment_id != "MSH"
        }
        if "PID" in taken and "PID" not in self.segments:
            # A withheld PID withholds the message even where no rule grants it (§10.26).
            self.segments["PID"] = SegmentPlan("PID", NONE, (), taken["PID"])
        self.msh = SegmentPlan(
            "MSH", ceiling.get("MSH", NONE), given.get("MSH", ()), taken.get("MSH", ())
        )
        lines = self.segments.get("FT1")
        pid = self.segments.get("PID")
        #: What withholds a whole PID, and with it the message (§10.26).
        self.pid_withholdings = tuple(
            part for part in (pid.withholdings if pid else ()) if part.mask.is_whole
        )
        #: The segments of which a grant asks `which: own`; are there any; are charges among them?
        self.of_owners = tuple(rules for rules in self.segments.values() if rules.needs_own)
        self.needs_own = bool(self.of_owners)
        self.needs_own_lines = lines is not None and lines.needs_own

    def msh_fields(self, view: View) -> list[bytes]:
        """The fields of MSH that are sent, before anything is rewritten."""
        cutter = self.msh.fixed or self.msh.cutter(view, MESSAGE, own=False)
        if cutter is None:
            raise AssertionError("MSH is always sent")
        return left_of_header(view, cutter)


def _granted(
    everywhere: tuple[Rule, ...], around: tuple[Rule, ...], terms: Terms, key: bytes
) -> dict[str, list[Part]]:
    """The grants by segment id; those of rules `around` are of what goes with a correction."""
    found: dict[str, list[Part]] = {}
    for rule in everywhere + around:
        own_insurance = any(g.which_own for g in rule.grants if g.segment == "IN1")
        for grant in rule.grants:
            own = grant.which_own or (own_insurance and grant.segment in WITH_IN1)
            part = granted(rule, grant, own, terms, key)
            if rule in around:
                part = replace(part, where=_both(is_around_correction, part.where), asks=None)
            found.setdefault(grant.segment, []).append(part)
    return found


def _spare_documents(given: dict[str, list[Part]], ceiling: Mapping[str, Mask]) -> None:
    """Take documents from grants that list no type of them; from all, if the ceiling cuts them."""
    is_whole = ceiling.get("OBX", NONE).of_field(DOCUMENT) == EVERYTHING
    for position, part in enumerate(given.get("OBX", ())):
        if part.mask.of_field(DOCUMENT).is_empty or (part.documents and is_whole):
            continue
        where = _both(is_no_document, part.where)
        given["OBX"][position] = replace(part, where=where, asks=None)


def _keep_documents_whole(taken: dict[str, list[Part]]) -> None:
    """What is withheld of a document's value withholds all of it."""
    for part in tuple(taken.get("OBX", ())):
        if part.mask.of_field(DOCUMENT) not in (NOTHING, EVERYTHING):
            where, whole = _both(is_document, part.where), Mask(NOTHING, {DOCUMENT: EVERYTHING})
            taken["OBX"].append(replace(part, mask=whole, where=where, asks=None))


def _withheld(
    rules: tuple[Rule, ...], bars_corrections: bool, terms: Terms
) -> dict[str, list[Part]]:
    """The withholdings by segment id; those of whole messages and of labels stand elsewhere."""
    found: dict[str, list[Part]] = {}
    for segment_id in CORRECTING if bars_corrections else ():
        found[segment_id] = [_BARRED]
    for rule in rules:
        for withholding in rule.withholdings:
            if withholding.segment:
                parts = found.setdefault(withholding.segment, [])
                parts.append(withheld(rule, withholding, terms.negated()))
    return found


def _both(some: Test, other: Test | None) -> Test:
    if other is None:
        return some
    return lambda view, at: some(view, at) and other(view, at)
