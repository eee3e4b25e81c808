"""What a channel may receive of messages of one type, and on what conditions: a policy unrolled.

Law: this says of a policy what `compile`, `plan` and `decide` do with it, for all messages at once.
A grant adds where its conditions hold, a withholding takes where its own do, a block withholds or
holds the whole copy, and the ceiling bounds everything. Where a message-wide question cannot be
told from the policy (whose insurance, whose consent), it is a statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.policy.conditions.evaluate import is_one_of
from engine.policy.cutting.cascade import WITHOUT_PID, needed_by
from engine.policy.cutting.plan import WITH_IN1
from engine.policy.meaning.formulas import FALSE, TRUE, Formula, all_of, any_of, leaf, no
from engine.policy.meaning.sent import sent
from engine.policy.meaning.statements import CONTESTED, NO_COVERAGE, OWN_COVERAGE, Said, formula_of
from engine.policy.model import (
    Channel,
    Consent,
    Coverage,
    Grant,
    Kind,
    Rule,
    State,
    Withholding,
)
from engine.policy.runnable.events import cancel_grants, grants_to, is_cancel
from engine.policy.segment.masks import EVERYTHING, NONE, WHOLE, Mask
from engine.policy.segment.masks import NOTHING as NO_NUMBERS
from engine.policy.vocabulary.conditions import MessageType


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
    when: Formula  # with what its rule asks of the message
    where: Formula


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


class Unrolling:
    """A policy's rules being unrolled; what a rule is for a message type is found once for all."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._named: dict[str, list[_OneRule]] = {}
        for rule in rules:
            one = _OneRule(rule)
            for name in rule.channels:
                self._named.setdefault(name, []).append(one)

    def reach(self, channel: Channel, kind: MessageType) -> Reach:
        """What the channel may receive of messages of one type."""
        if channel.state is not State.LIVE or not is_one_of(kind, channel.ceiling_messages):
            return NOTHING
        cancels = is_cancel(kind)
        rules = [one.at(kind) for one in self._named.get(channel.id, ())]
        if not cancels and not any(one.grants_anything for one in rules):
            return NOTHING
        reading = _Reading(channel, kind, cancels)
        reading.read(rules)
        if not all(reading.grants.get(segment) for segment in needed_by(kind)):
            return NOTHING
        return reading.reach()


class _RuleAt:
    """A rule for one message type: its grants for each kind of coverage, and its withholdings."""

    def __init__(self, rule: Rule, kind: MessageType) -> None:
        self.rule = rule
        self._kind = kind
        self._permits = self.forbids = FALSE
        if rule.grants and grants_to(rule, kind):
            self._permits = formula_of(rule.when, kind, permits=True)
        if rule.withholdings:
            self.forbids = formula_of(rule.when, kind, permits=False)
        self.grants_anything = self._permits is not FALSE
        self._grants: dict[Coverage, tuple[Granted, ...]] = {}
        self._withholdings: tuple[Withheld, ...] | None = None

    def grants(self, coverage: Coverage) -> tuple[Granted, ...]:
        """The grants where this is asked of coverage, before any ceiling."""
        found = self._grants.get(coverage)
        if found is None:
            found = self._grants[coverage] = tuple(self._granted(coverage))
        return found

    def _granted(self, coverage: Coverage) -> Iterator[Granted]:
        rule = self.rule
        own_insurance = any(g.which_own for g in rule.grants if g.segment == "IN1")
        when = all_of((self._permits, *_asked(rule, coverage)))
        for grant in rule.grants:
            segment = grant.segment
            own = grant.which_own or (own_insurance and segment in WITH_IN1)
            parts = [when, formula_of(grant.where, self._kind, segment, permits=True)]
            if own:
                parts.append(leaf(Said("own segment", segment)))
            if grant.spares_documents:
                parts.append(no(leaf(Said("a document"))))
            for mask, said in sent(grant):
                yield Granted(rule, grant, mask, when, all_of((*parts, *said)), coverage, own)

    def withholdings(self) -> tuple[Withheld, ...]:
        """The withholdings, less those of the message."""
        if self._withholdings is None:
            self._withholdings = tuple(self._withheld()) if self.forbids is not FALSE else ()
        return self._withholdings

    def _withheld(self) -> Iterator[Withheld]:
        for one in self.rule.withholdings:
            if one.message:
                continue
            where = formula_of(one.where, self._kind, one.segment, permits=False)
            if one.labels:
                where = any_of(leaf(Said("labelled", label)) for label in one.labels)
            mask = WHOLE if one.labels else Mask.of(one.mask)
            yield Withheld(self.rule, one, mask, all_of((self.forbids, where)), where)

    def blocks(self) -> Iterator[Formula]:
        """When it withholds the message."""
        if self.forbids is FALSE:
            return
        if any(one.message for one in self.rule.withholdings):
            yield self.forbids
        for one in self.withholdings():
            if one.withholding.segment == "PID" and one.mask.is_whole:
                # A withheld PID withholds the message (rules.md §10.26).
                yield all_of((self.forbids, leaf(Said("a PID for which", one.where))))


def _asked(rule: Rule, coverage: Coverage) -> Iterator[Formula]:
    """What a rule asks besides its conditions. Packs and consents go by the purpose."""
    yield leaf(Said("purpose", rule.purpose))
    if coverage is not Coverage.ANY:
        yield leaf(OWN_COVERAGE if coverage is Coverage.OWN else NO_COVERAGE)
    if rule.consent is Consent.REQUIRED:
        yield leaf(Said("consented", rule.purpose))
    elif rule.consent is Consent.UNLESS_REFUSED:
        yield leaf(Said("unrefused", rule.purpose))


class _OneRule:
    """A rule, unrolled for each message type when it is asked."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._at: dict[MessageType, _RuleAt] = {}

    def at(self, kind: MessageType) -> _RuleAt:
        found = self._at.get(kind)
        if found is None:
            found = self._at[kind] = _RuleAt(self._rule, kind)
        return found


class _Reading:
    """One channel and type being unrolled."""

    def __init__(self, channel: Channel, kind: MessageType, cancels: bool) -> None:
        self._channel = channel
        self._kind = kind
        self._cancels = cancels
        #: The message goes only where what it cancels went; to others than payers, by rules too.
        self._follows = cancels and channel.kind is Kind.PAYER
        self._ceiling = {name: Mask.of(mask) for name, mask in channel.ceiling.items()}
        self.grants: dict[str, list[Granted]] = {}
        self._withheld: dict[str, list[Withheld]] = {}
        self._labelled: list[Withheld] = []  # of every segment
        self._blocks: list[tuple[Formula, Rule | None]] = []

    def read(self, rules: list[_RuleAt]) -> None:
        for one in rules:
            if one.grants_anything:
                coverage = one.rule.coverage_for(self._channel.kind)
                # Nothing is asked of a cancel, which follows a disclosure.
                for granted in one.grants(Coverage.ANY if self._follows else coverage):
                    self._add(granted)
            for taken in one.withholdings():
                if taken.withholding.labels:
                    self._labelled.append(taken)
                else:
                    self._withheld.setdefault(taken.withholding.segment, []).append(taken)
            self._blocks += [(formula, one.rule) for formula in one.blocks()]
        if self._cancels:
            self._read_cancel()

    def _add(self, granted: Granted) -> None:
        """A grant, cut to the ceiling."""
        segment = granted.grant.segment
        limit = self._ceiling.get(segment, NONE)
        if segment == "MSH":
            limit -= Mask(NO_NUMBERS, dict.fromkeys(self._channel.rewrite, EVERYTHING))
        if not limit.is_whole:
            granted = replace(granted, mask=granted.mask & limit)
        self.grants.setdefault(segment, []).append(granted)

    def _read_cancel(self) -> None:
        """What a cancel's shortest form holds, if it follows a disclosure (§10.26)."""
        rule = cancel_grants(self._channel)
        when = TRUE if self._follows else leaf(Said("what it cancels was disclosed"))
        for grant in rule.grants:
            self._add(Granted(rule, grant, Mask.of(grant.mask), when, when, Coverage.ANY))

    def reach(self) -> Reach:
        blocks = list(self._blocks)
        own = [one.applies for ones in self.grants.values() for one in ones if one.own]
        if own and not self._follows:
            blocks.append((all_of((any_of(own), leaf(CONTESTED))), None))
        lines = [one.applies for one in self.grants.get("FT1", ()) if one.own]
        if lines:
            unmatched = leaf(Said("a charge that is certainly nobody's"))
            blocks.append((all_of((any_of(lines), unmatched)), None))
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
