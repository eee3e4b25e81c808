"""What a channel may receive of messages of one type, and on what conditions: a policy unrolled.

Law: this says of a policy what `compile`, `plan` and `decide` do with it, for all messages at once.
A grant adds where its conditions hold, a withholding takes where its own do, a block withholds or
holds the whole copy, and the ceiling bounds everything. Where a message-wide question cannot be
told from the policy (whose insurance, whose consent), it is a statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from engine.policy.canonical import condition_form, text_of
from engine.policy.cascade import WITHOUT_PID, needed_by
from engine.policy.compile import CANCELS, cancel_grants, grants_to
from engine.policy.evaluate import is_one_of
from engine.policy.formulas import FALSE, TRUE, Formula, all_of, any_of, leaf, no
from engine.policy.masks import EVERYTHING, NONE, WHOLE, Mask, Numbers
from engine.policy.masks import NOTHING as NO_NUMBERS
from engine.policy.model import (
    Channel,
    Condition,
    Consent,
    Coverage,
    Grant,
    Kind,
    MessageType,
    Rule,
    State,
    Withholding,
)
from engine.policy.plan import MSH_ALWAYS, MSH_NEVER, MSH_SECURITY, WITH_IN1
from engine.policy.statements import CONTESTED, NO_COVERAGE, OWN_COVERAGE, Said, formula_of


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant as it counts for one channel and type: of what, by whom, on what condition."""

    rule: Rule
    grant: Grant
    mask: Mask
    applies: Formula  # the rule does, whatever the occurrence
    when: Formula
    coverage: Coverage
    own: bool = False


@dataclass(frozen=True, slots=True)
class Withheld:
    """A withholding that applies to one channel and type."""

    rule: Rule
    withholding: Withholding
    mask: Mask
    when: Formula


@dataclass(frozen=True, slots=True)
class Reach:
    """All that one channel may receive of one type. Without grants, nothing is ever sent."""

    grants: Mapping[str, tuple[Granted, ...]] = field(default_factory=dict)
    withheld: Mapping[str, tuple[Withheld, ...]] = field(default_factory=dict)
    blocks: tuple[tuple[Formula, Rule | None], ...] = ()

    @property
    def blocked(self) -> Formula:
        """When nothing is sent, whatever is granted."""
        return any_of(formula for formula, _ in self.blocks)

    @property
    def anything(self) -> Formula:
        """When any rule grants."""
        return any_of(one.when for found in self.grants.values() for one in found)


NOTHING = Reach()


def reach(channel: Channel, kind: MessageType, rules: Iterable[Rule]) -> Reach:
    """What the rules that name a channel let it receive of one type."""
    if channel.state is not State.LIVE or not is_one_of(kind, channel.ceiling_messages):
        return NOTHING
    follows = kind.code == "ADT" and kind.trigger in CANCELS and channel.kind is Kind.PAYER
    reading = _Reading(channel, kind, follows)
    reading.read(rules)
    if not all(reading.grants.get(segment) for segment in needed_by(kind)):
        return NOTHING
    return reading.reach()


class _Reading:
    """One channel and type being unrolled."""

    def __init__(self, channel: Channel, kind: MessageType, follows: bool) -> None:
        self._channel = channel
        self._kind = kind
        self._follows = follows
        self.grants: dict[str, list[Granted]] = {}
        self._withheld: dict[str, list[Withheld]] = {}
        self._labelled: list[Withheld] = []  # of every segment
        self._blocks: list[tuple[Formula, Rule | None]] = []
        self._own: list[Formula] = []
        self._own_lines: list[Formula] = []

    def read(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            when = at_type(rule.when, self._kind, "", permits=True)
            if rule.grants and when != FALSE and grants_to(rule, self._kind):
                self._read_grants(rule, all_of((when, *self._asked(rule))))
            if rule.withholdings:
                when = at_type(rule.when, self._kind, "", permits=False)
                if when != FALSE:
                    self._read_withholdings(rule, when)
        if self._follows:
            self._read_cancel()

    def _asked(self, rule: Rule) -> Iterator[Formula]:
        """What a rule asks besides its conditions. Packs and consents go by the purpose."""
        yield leaf(Said("purpose", rule.purpose))
        coverage = self._coverage(rule)
        if coverage is not Coverage.ANY:
            yield leaf(OWN_COVERAGE if coverage is Coverage.OWN else NO_COVERAGE)
        if rule.consent is Consent.REQUIRED:
            yield leaf(Said("consented", rule.purpose))
        elif rule.consent is Consent.UNLESS_REFUSED:
            yield leaf(Said("unrefused", rule.purpose))

    def _coverage(self, rule: Rule) -> Coverage:
        """What is asked of coverage: nothing of a cancel, which follows a disclosure."""
        if self._follows:
            return Coverage.ANY
        return coverage_asked(rule, self._channel.kind)

    def _read_grants(self, rule: Rule, when: Formula) -> None:
        own_insurance = any(g.which_own for g in rule.grants if g.segment == "IN1")
        for grant in rule.grants:
            segment = grant.segment
            own = grant.which_own or (own_insurance and segment in WITH_IN1)
            if own:
                (self._own_lines if segment == "FT1" else self._own).append(when)
            parts = [when, at_type(grant.where, self._kind, segment, permits=True)]
            if own:
                parts.append(leaf(Said("own segment", segment)))
            for mask, said in _pieces(grant):
                self._add(rule, grant, mask, (when, all_of((*parts, *said))), own=own)

    def _add(
        self,
        rule: Rule,
        grant: Grant,
        mask: Mask,
        asked: tuple[Formula, Formula],
        *,
        own: bool = False,
    ) -> None:
        applies, when = asked
        if grant.segment == "MSH":
            # What every copy carries, and what is rewritten, no grant discloses (§10.20).
            unnamed = MSH_SECURITY if 8 not in mask.fields else NONE
            rewritten = Mask(NO_NUMBERS, dict.fromkeys(self._channel.rewrite, EVERYTHING))
            mask = mask - unnamed - MSH_ALWAYS - MSH_NEVER - rewritten
        mask &= _ceiling(self._channel, grant.segment)
        granted = Granted(rule, grant, mask, applies, when, self._coverage(rule), own)
        self.grants.setdefault(grant.segment, []).append(granted)

    def _read_withholdings(self, rule: Rule, when: Formula) -> None:
        for one in rule.withholdings:
            if one.message:
                self._blocks.append((when, rule))
                continue
            if one.labels:
                bears = any_of(leaf(Said("labelled", label)) for label in sorted(one.labels))
                self._labelled.append(Withheld(rule, one, WHOLE, all_of((when, bears))))
                continue
            where = at_type(one.where, self._kind, one.segment, permits=False)
            taken = Withheld(rule, one, Mask.of(one.mask), all_of((when, where)))
            self._withheld.setdefault(one.segment, []).append(taken)
            if one.segment == "PID" and taken.mask.is_whole:
                # A withheld PID withholds the message (rules.md §10.26).
                there = leaf(Said("a PID for which", where))
                self._blocks.append((all_of((when, there)), rule))

    def _read_cancel(self) -> None:
        """What a cancel's shortest form holds, if it follows a disclosure (§10.26)."""
        rule = cancel_grants(self._channel)
        for grant in rule.grants:
            self._add(rule, grant, Mask.of(grant.mask), (TRUE, TRUE))

    def reach(self) -> Reach:
        blocks = list(self._blocks)
        if self._own and not self._follows:
            blocks.append((all_of((any_of(self._own), leaf(CONTESTED))), None))
        if self._own_lines:
            unmatched = leaf(Said("a charge that is certainly nobody's"))
            blocks.append((all_of((any_of(self._own_lines), unmatched)), None))
        patient = self.grants.get("PID", ())
        if self._kind.code in WITHOUT_PID and any(one.grant.where for one in patient):
            # A PID that is granted on a condition that fails takes the copy along (§10.18).
            asked = any_of(one.applies for one in patient)
            blocks.append((all_of((asked, no(any_of(one.when for one in patient)))), None))
        return Reach(
            {segment: tuple(found) for segment, found in self.grants.items()},
            {
                segment: (*self._withheld.get(segment, ()), *self._labelled)
                for segment in {*self.grants, *self._withheld}
            },
            tuple(blocks),
        )


def _pieces(grant: Grant) -> Iterator[tuple[Mask, list[Formula]]]:
    """What a grant sends as it is, and what it masks or chooses from: less than all of it.

    To mask, or to choose repetitions, is a condition of its own, so that a grant without it is more
    and one with another is something else.
    """
    plain = Mask.of(grant.mask)
    chosen = {
        number: leaf(Said(f"repetitions of {number}", text_of(condition_form(asked))))
        for number, asked in grant.repetitions.items()
    }
    for (number, component), masking in grant.maskings.items():
        parts = Numbers(frozenset({component})) if component else EVERYTHING
        piece = Mask(NO_NUMBERS, {number: parts})
        said = [leaf(Said(f"masked {number}.{component}", masking))]
        yield piece, [*said, chosen[number]] if number in chosen else said
        plain -= piece
    for number, said_of in chosen.items():
        yield Mask(NO_NUMBERS, {number: plain.of_field(number)}), [said_of]
        plain -= Mask(NO_NUMBERS, {number: EVERYTHING})
    if not plain.is_empty or not (grant.maskings or grant.repetitions):
        yield plain, []


def coverage_asked(rule: Rule, kind: Kind) -> Coverage:
    """What a rule asks of coverage once the default is applied (rules.md §10.1)."""
    return rule.coverage or (Coverage.OWN if kind is Kind.PAYER else Coverage.ANY)


def _ceiling(channel: Channel, segment: str) -> Mask:
    return Mask.of(channel.ceiling[segment]) if segment in channel.ceiling else NONE


@lru_cache(maxsize=65536)
def at_type(found: Condition | None, kind: MessageType, of: str, *, permits: bool) -> Formula:
    """A condition's formula, remembered: it is asked for every channel of a rule."""
    return formula_of(found, kind, of, permits=permits)
