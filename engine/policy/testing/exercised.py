"""Which grants and withholdings a message exercises: what the coverage of tests is counted from.

Law: a grant is exercised where it holds for a segment that is sent; a withholding, where its
conditions hold for the message and for a segment that the message has. Each is told by its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.errors import Place
from engine.hl7.wire import Message
from engine.policy.case import Case
from engine.policy.compile import CompiledPolicy
from engine.policy.conditions.evaluate import Test, compile_condition
from engine.policy.conditions.matching import Terms
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.segment_plan import SegmentPlan
from engine.policy.decide import cases_of, decide_one
from engine.policy.model import Policy, Withholding
from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.vocabulary.conditions import Condition
from engine.privacy.facts import Facts


@dataclass(frozen=True, slots=True)
class Part:
    """A grant or withholding of a rule: its place, and what it is in words."""

    place: Place
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """One rule's parts, and those that no test exercised; all of them where it never applied."""

    name: str
    place: Place
    parts: tuple[Part, ...]
    missed: tuple[Part, ...]

    @property
    def applied(self) -> bool:
        """Any part of it was exercised."""
        return len(self.missed) < len(self.parts)


def coverage(policy: Policy, exercised: frozenset[Place]) -> tuple[RuleCoverage, ...]:
    """Every rule of a policy by its place, held against what was exercised."""
    rules: dict[tuple[str, Place], dict[Place, Part]] = {}
    for rule in policy.rules:
        parts = rules.setdefault((rule.name, rule.place), {})
        for grant in rule.grants:
            parts[grant.place] = Part(grant.place, rule.name, f"grant {grant.segment}")
        for withholding in rule.withholdings:
            text = f"withholding {_named(withholding)}"
            parts[withholding.place] = Part(withholding.place, rule.name, text)
    found = []
    for name, place in sorted(rules, key=lambda key: (key[1], key[0])):
        known = tuple(sorted(rules[name, place].values(), key=lambda part: part.place))
        missed = tuple(part for part in known if part.place not in exercised)
        found.append(RuleCoverage(name, place, known, missed))
    return tuple(found)


def exercised(message: Message, policy: CompiledPolicy, facts: Facts) -> frozenset[Place]:
    """The places of all grants and withholdings that this message exercises."""
    found: set[Place] = set()
    cases = cases_of(message, policy, facts)
    if not policy.agrees(cases[0].view):
        return frozenset()
    for channel in policy.for_type(cases[0].view.type).channels:
        for case in cases:
            decision = decide_one(case, channel, policy)
            if decision.discloses and decision.cut is not None:
                found.update(_granting(decision.cut))
            found.update(_withholding(case, channel, policy.terms.negated()))
    return frozenset(found)


def _granting(cut: Cut) -> Iterator[Place]:
    """The grants that hold for what the copy keeps."""
    yield from _holding(cut, cut.plan.msh, (0,))
    for segment_id, rules in cut.plan.segments.items():
        indexes = [one.index for one in cut.view.all(segment_id) if cut.pieces[one.index]]
        yield from _holding(cut, rules, indexes)


def _holding(cut: Cut, rules: SegmentPlan, indexes: Iterable[int]) -> Iterator[Place]:
    bits = 0
    for index in indexes:
        bits |= rules.holding(cut.view, index, cut.is_own(rules, index))
    for position, part in enumerate(rules.grants):
        if bits >> position & 1 and part.place is not None:
            yield part.place


def _withholding(case: Case, channel: ChannelRules, terms: Terms) -> Iterator[Place]:
    """The withholdings that hold, whether or not anything was granted that they could take."""
    if not channel.in_ceiling:
        return
    for rule in channel.withholding:
        if case.withholds(rule):
            for withholding in rule.rule.withholdings:
                if withholding.message or _holds(case, withholding, terms):
                    yield withholding.place


def _holds(case: Case, withholding: Withholding, terms: Terms) -> bool:
    segments = case.view.all(withholding.segment)
    if withholding.where is None:
        return bool(segments)
    test = _compiled(withholding.where, terms)
    return any(test(case.view, segment.index) for segment in segments)


@lru_cache(maxsize=1024)
def _compiled(condition: Condition, terms: Terms) -> Test:
    return compile_condition(condition, terms=terms)


def _named(withholding: Withholding) -> str:
    if withholding.message:
        return "of the message"
    if withholding.mask is None:
        return withholding.segment
    names = [
        f"{withholding.segment}-{number}" + (f".{min(parts)}" if parts else "")
        for number, parts in sorted(withholding.mask.items())
    ]
    return ", ".join(names)
