"""What each channel receives of a message, or why it receives nothing.

Law: pure; an outcome for every channel; the first reason that applies decides, in the order of
rules.md ("Exits and reasons"): message, whose, why, after the cut. What is said of the message as a
whole is said before any rule is asked, so that it reads the same on every channel; whose it is and
what was consented to, before the conditions of the rules for its type. Whatever is not understood
is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy import charges
from engine.policy.cascade import Named, is_worth_sending
from engine.policy.compile import ChannelRules, CompiledPolicy, RunnableRule
from engine.policy.cut import Bar, Cut, Own
from engine.policy.law import WHY_NOT, Law
from engine.policy.leaks import Numbers, foreign_numbers, insurance_numbers, leak
from engine.policy.model import Coverage
from engine.policy.notices import attach
from engine.policy.outcome import HOLDING, Code, Outcome, Reason, Verdict, verdict_of
from engine.policy.plan import Plan
from engine.policy.project import carry_out, payload
from engine.policy.reasons import of_rule, plain
from engine.policy.strict import keeps_structure
from engine.policy.view import MESSAGE, View, type_of
from engine.policy.whose import Answer, Whose
from engine.privacy.facts import Disclosed, Facts

_VISIT = Path("PV1", 19, 1)
_CONTROL_ID = Path("MSH", 10)

#: Patients times segments of one message, above which taking it apart would keep others waiting.
MOST_TAKEN_APART = 10_000_000

#: Why a rule that asks coverage does not apply; None: the answer is its own to judge.
_REFUSALS = {
    Answer.UNAVAILABLE: Code.FACTS_UNAVAILABLE,
    Answer.UNKNOWN: Code.UNKNOWN_PAYER,
    Answer.AMBIGUOUS: Code.AMBIGUOUS_COVERAGE,
    Answer.OTHER: Code.NO_COVERAGE,
}

#: The order in which reasons why no rule applies are weighed (rules.md, "deciding order").
_ORDER = (
    Code.FACTS_UNAVAILABLE,
    Code.UNKNOWN_PAYER,
    Code.AMBIGUOUS_COVERAGE,
    Code.NO_COVERAGE,
    *WHY_NOT,
    Code.WITHHELD_BY_RULE,
    Code.NO_RULE,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision for one channel and one patient: a cut, or the reason why there is none.

    `cut` is also there where the cut itself was the reason, so that it can be explained.
    """

    reasons: tuple[Reason, ...]
    cut: Cut | None = None
    discloses: bool = False


class Case:
    """One patient's part of a message, with what is known: shared by all channels."""

    __slots__ = (
        "_cuts",
        "_lines",
        "_named",
        "_numbers",
        "_whens",
        "_withholds",
        "facts",
        "is_for_one",
        "law",
        "view",
        "whose",
    )

    def __init__(self, view: View, facts: Facts, policy: CompiledPolicy, is_for_one: bool) -> None:
        self.view = view
        self.facts = facts
        self.law = Law(view, facts, policy.statutes)
        self.whose = Whose(view, facts, policy.identifier)
        self.is_for_one = is_for_one
        self._whens: dict[int, bool] = {}
        self._withholds: dict[int, bool] = {}
        self._cuts: dict[tuple[Plan, Own, bool], tuple[Cut, bool]] = {}
        self._named: Named | None = None
        self._numbers: Numbers | None = None
        self._lines: dict[int, int | None] | None = None

    @property
    def named(self) -> Named:
        """Which orders each order names as its parents."""
        if self._named is None:
            self._named = Named(self.view)
        return self._named

    @property
    def lines(self) -> dict[int, int | None]:
        """Which insurance each charge is for."""
        if self._lines is None:
            self._lines = charges.insurance_of_lines(self.view, self.whose.claims)
        return self._lines

    @property
    def numbers(self) -> Numbers:
        """The member and policy numbers of each insurance."""
        if self._numbers is None:
            self._numbers = insurance_numbers(self.view)
        return self._numbers

    def applies(self, rule: RunnableRule) -> bool:
        """Do the rule's conditions hold, coverage aside? Asked once for all channels."""
        if rule.when is None:
            return True
        found = self._whens.get(rule.number)
        if found is None:
            found = self._whens[rule.number] = rule.when(self.view, MESSAGE)
        return found

    def withholds(self, rule: RunnableRule) -> bool:
        """Whether the conditions hold under which the rule withholds."""
        test = rule.when_withholding
        if test is rule.when:
            return self.applies(rule)
        if test is None:
            return True
        found = self._withholds.get(rule.number)
        if found is None:
            found = self._withholds[rule.number] = test(self.view, MESSAGE)
        return found

    def cut(
        self, plan: Plan, own: Own, renumbers: bool, bars: Mapping[int, Bar]
    ) -> tuple[Cut, bool]:
        """What the plan leaves, and whether that is worth sending.

        Made once for channels alike where the law has nothing to say; else each has its own.
        """
        key = (plan, own, renumbers)
        found = self._cuts.get(key) if self.law.is_silent else None
        if found is None:
            cut = Cut(self.view, plan, own, bars)
            carry_out(cut, self.named, renumbers)
            found = self._cuts[key] = (cut, is_worth_sending(cut))
        return found


def decide(message: Message, policy: CompiledPolicy, facts: Facts) -> dict[str, Outcome]:
    """An outcome for every channel of the site."""
    cases = cases_of(message, policy, facts)
    rules = policy.for_type(cases[0].view.type)
    agrees = policy.agrees(cases[0].view)
    outcomes: dict[str, Outcome] = {}
    for channel in rules.channels:
        if not agrees:
            outcomes[channel.id] = channel.outcomes[Code.ENVIRONMENT]
            continue
        decisions = [decide_one(case, channel, policy) for case in cases]
        outcomes[channel.id] = _outcome(channel, decisions)
    return outcomes


def cases_of(message: Message, policy: CompiledPolicy, facts: Facts) -> list[Case]:
    """The patients of a message, each to be decided alone; an ORU may have several (§10.27)."""
    form, now = policy.forms.of(message), facts.now
    is_certain = message.charset.divides(message.raw)
    if not form.patients:
        return [Case(policy.view(message).at(now), facts, policy, is_for_one=is_certain)]
    is_too_long = len(form.patients) * len(message.ids) > MOST_TAKEN_APART
    if message.once(type_of).code != "ORU" or not is_certain or is_too_long:
        return [Case(policy.view(message).at(now), facts, policy, is_for_one=False)]
    return [
        Case(View(message, form.of_patient(message, n), True, now), facts, policy, True)
        for n in range(len(form.patients))
    ]


def decide_one(case: Case, channel: ChannelRules, policy: CompiledPolicy) -> Decision:
    """The decision for one channel and one patient, the environment agreed."""
    code = _gate(case, channel)
    if code is not None:
        return _refused(code)
    found = _granting(case, channel)
    earlier = _correcting_after(case, channel, found)
    if earlier is not None:
        found.following.clear()
    withholding = tuple(rule for rule in channel.withholding if case.withholds(rule))
    refusal = _refusal(case, found, withholding, channel)
    if refusal is not None:
        return Decision((refusal,))
    if not channel.in_ceiling:
        return _refused(Code.ABOVE_CEILING)
    chosen = _Chosen(tuple(found.granting), withholding, tuple(found.following), earlier)
    decision = _cut(case, channel, policy, chosen)
    if decision.reasons[0].code is Code.NOTHING_LEFT:
        return Decision((_why_nothing(found, earlier),), decision.cut)
    return decision


def _refusal(
    case: Case, found: _Granting, withholding: Iterable[RunnableRule], channel: ChannelRules
) -> Reason | None:
    """Why nothing is disclosed, whatever the cut might leave."""
    applies = found.granting or found.following or channel.follows
    withheld = next(
        (
            rule.withheld
            for rule in withholding
            if rule.withholds_message or case.law.withholds_message(rule)
        ),
        None,
    )
    if applies:
        return withheld
    if withheld is not None:
        found.refusals[Code.WITHHELD_BY_RULE] = withheld
    return _deciding_refusal(found.refusals)


def _why_nothing(found: _Granting, earlier: Code | None) -> Reason:
    """Why the cut left nothing: there was nothing to follow, nobody to follow it, or no grant."""
    if earlier is not None:
        return plain(earlier)
    if found.following and not found.granting:
        return _deciding_refusal(found.refusals)
    return plain(Code.NOTHING_LEFT)


def _gate(case: Case, channel: ChannelRules) -> Code | None:
    """What is said of the whole message before any rule is asked, the environment apart."""
    if channel.expires_at is not None and case.facts.now >= channel.expires_at:
        return Code.AGREEMENT_EXPIRED
    if not case.facts.available:
        return Code.FACTS_UNAVAILABLE
    code = None if case.law.is_silent else case.law.gate(channel)
    if code is None and channel.follows:
        code = _follows(case, channel)
    return code


def _deciding_refusal(refusals: Mapping[Code, Reason]) -> Reason:
    """The reason that speaks where no rule applies."""
    first = next((code for code in _ORDER if code in refusals), Code.NO_RULE)
    return refusals.get(first) or plain(first)


def _correcting_after(case: Case, channel: ChannelRules, found: _Granting) -> Code | None:
    """Why corrections in this message do not go to a payer; None if they do, or there are none."""
    if not channel.is_payer or channel.follows or not case.view.corrections.marked:
        return None
    return _follows(case, channel) if found.granting or found.following else None


def _follows(case: Case, channel: ChannelRules) -> Code | None:
    """Why a cancel does not follow what it cancels, if it does not (§10.9)."""
    visit, control_id = case.view.first(_VISIT), case.view.first(_CONTROL_ID)
    for earlier in case.facts.disclosed:
        if earlier.channel == channel.id and _is_same(earlier, visit, control_id):
            return None
    return Code.NOT_DISCLOSED_BEFORE


def _is_same(earlier: Disclosed, visit: str, control_id: str) -> bool:
    return (visit != "" and earlier.visit == visit) or (
        control_id != "" and earlier.control_id == control_id
    )


class _Granting(NamedTuple):
    """The disclosing rules that apply; those that coverage alone refuses; why others do not."""

    granting: list[RunnableRule]
    following: list[RunnableRule]
    refusals: dict[Code, Reason]


def _granting(case: Case, channel: ChannelRules) -> _Granting:
    """Ask each disclosing rule of the channel."""
    granting: list[RunnableRule] = []
    following: list[RunnableRule] = []
    refusals: dict[Code, Reason] = {}
    for rule in channel.disclosing:
        code = None if channel.follows else _coverage_refuses(case, channel, rule)
        against = case.law.refuses(channel, rule)
        if code is not None:
            refusals[code] = plain(code)
        if against is not None:
            refusals.setdefault(against, of_rule(against, rule.rule.name))
        elif code is None and case.applies(rule):
            granting.append(rule)
        elif _may_follow(case, rule, code):
            following.append(rule)
    return _Granting(granting, following, refusals)


def _may_follow(case: Case, rule: RunnableRule, code: Code | None) -> bool:
    """Whether coverage alone refuses a rule, and there are corrections that need none (§10.9)."""
    return (
        code is not None
        and rule.coverage is Coverage.OWN
        and bool(case.view.corrections.marked)
        and case.applies(rule)
    )


class _Chosen(NamedTuple):
    """The rules that apply to one channel, and why its corrections do not go, if they do not."""

    granting: tuple[RunnableRule, ...]
    withholding: tuple[RunnableRule, ...]
    following: tuple[RunnableRule, ...]
    earlier: Code | None

    @property
    def disclosing(self) -> tuple[RunnableRule, ...]:
        return self.granting + self.following

    def plan(self, channel: ChannelRules, free: tuple[RunnableRule, ...] | None = None) -> Plan:
        """What they add up to; of those that disclose, only the `free` ones."""
        granting, following = self.granting, self.following
        if free is not None:
            granting = tuple(rule for rule in granting if rule in free)
            following = tuple(rule for rule in following if rule in free)
        return channel.plan(granting, self.withholding, following, self.earlier is not None)


def _coverage_refuses(case: Case, channel: ChannelRules, rule: RunnableRule) -> Code | None:
    if rule.coverage is Coverage.ANY:
        return None
    answer = case.whose.answer(channel.id)
    if rule.coverage is Coverage.NONE:
        if answer is Answer.OWN:
            return Code.NO_RULE
        return None if answer is Answer.OTHER else _REFUSALS[answer]
    return _REFUSALS.get(answer)


def _cut(case: Case, channel: ChannelRules, policy: CompiledPolicy, chosen: _Chosen) -> Decision:
    if not case.is_for_one:
        return _refused(Code.STRUCTURE)
    plan = chosen.plan(channel)
    withheld = _withholds_patient(plan, case.view) if plan.pid_withholdings else None
    if withheld is not None:
        return Decision((withheld,))
    own = _own(case, channel, policy, plan)
    if own is None:
        return _refused(Code.AMBIGUOUS_COVERAGE)
    law, disclosing = case.law, chosen.disclosing
    bars = _NO_BARS
    if not law.is_silent:
        bars = law.bars(
            channel, disclosing, chosen.withholding, lambda free: chosen.plan(channel, free)
        )
    cut, is_worth = case.cut(plan, own, channel.channel.renumber, bars)
    against = _after(case, channel, cut, disclosing) if is_worth else plain(Code.NOTHING_LEFT)
    if against is not None:
        return Decision((against,), cut)
    granted = tuple([rule.granted for rule in disclosing])
    return Decision(granted or (channel.cancel_granted,), cut, discloses=True)


def _after(
    case: Case, channel: ChannelRules, cut: Cut, granting: tuple[RunnableRule, ...]
) -> Reason | None:
    """What stands against a copy once it is cut."""
    if channel.is_strict and not keeps_structure(cut):
        return plain(Code.STRUCTURE)
    law = case.law
    if not law.is_silent and not attach(cut, law.notices(channel, granting, cut.kept())):
        return plain(Code.NOTICE)
    return leak(cut, _foreign(case, channel, cut))


def _foreign(case: Case, channel: ChannelRules, cut: Cut) -> frozenset[str]:
    """Numbers of other insurers, which no insurer and nobody who acts for one may see (§10.11)."""
    if not case.whose.names_insurance or not (channel.is_payer or channel.channel.identified_by):
        return _NO_NUMBERS
    own = cut.own.insurance if cut.plan.needs_own else case.whose.claims.own(channel.id)
    return foreign_numbers(case.numbers, own)


def _withholds_patient(plan: Plan, view: View) -> Reason | None:
    """The withholding of a whole PID, which withholds the message (§10.26)."""
    for part in plan.pid_withholdings:
        for segment in view.all("PID"):
            if part.where is None or part.where(view, segment.index):
                return part.withheld
    return None


def _own(case: Case, channel: ChannelRules, policy: CompiledPolicy, plan: Plan) -> Own | None:
    """What of the message is this payer's; None where a charge that is asked for is nobody's."""
    if not plan.needs_own:
        return _NOTHING_OWN
    claims = case.whose.claims
    insurance = claims.own(channel.id)
    if insurance & claims.contested:
        if not channel.follows:
            return None
        insurance -= claims.contested  # a cancel goes where the event went, without that IN1
    if not plan.needs_own_lines or not case.view.has("FT1"):
        return Own(insurance)
    lines = _own_lines(case, channel, policy, insurance)
    return None if lines is None else Own(insurance, lines)


def _own_lines(
    case: Case, channel: ChannelRules, policy: CompiledPolicy, insurance: frozenset[int]
) -> frozenset[int] | None:
    """The charges that are this payer's; None where it is not certain of each whose it is."""
    if case.whose.names_insurance:
        if None in case.lines.values():
            return None
        return frozenset(line for line, of in case.lines.items() if of in insurance)
    lines = case.view.all("FT1")
    if any(charges.is_unmatched_by_plan(line) for line in lines):
        return None  # a plan is named, and no insurance that could say whose plan it is
    if not case.whose.covers_alone(channel.id, policy.policy):
        return None
    return frozenset(line.index for line in lines)


_NOTHING_OWN = Own()
_NO_BARS: dict[int, Bar] = {}
_NO_NUMBERS: frozenset[str] = frozenset()


def _refused(code: Code) -> Decision:
    return _REFUSED[code]


_REFUSED = {code: Decision((plain(code),)) for code in Code}


def _outcome(channel: ChannelRules, decisions: list[Decision]) -> Outcome:
    """One outcome of all patients' decisions.

    Patients go in one step: while one patient's part waits for a person, so do the others', in
    their order, and nothing is lost; a part that is withheld stops no other.
    """
    chosen = decisions[0] if len(decisions) == 1 else _deciding(decisions)
    if not chosen.discloses:
        reason = chosen.reasons[0]
        if reason is plain(reason.code):
            return channel.outcomes[reason.code]
        return Outcome(channel.id, verdict_of(reason.code), chosen.reasons)
    cuts = [decision.cut for decision in decisions if decision.discloses and decision.cut]
    payloads = tuple([payload(cut, channel.channel, part) for part, cut in enumerate(cuts)])
    if len(cuts) == 1:
        return Outcome(channel.id, Verdict.DISCLOSE, chosen.reasons, payloads, cuts[0].plan.rules)
    reasons = tuple(dict.fromkeys(r for d in decisions if d.discloses for r in d.reasons))
    rules = tuple(sorted({name for cut in cuts for name in cut.plan.rules}))
    return Outcome(channel.id, Verdict.DISCLOSE, reasons, payloads, rules)


def _deciding(decisions: list[Decision]) -> Decision:
    """The decision that speaks for all: one that holds, else one that discloses, else the first."""
    held = (one for one in decisions if not one.discloses and one.reasons[0].code in HOLDING)
    disclosing = (one for one in decisions if one.discloses)
    return next(held, None) or next(disclosing, decisions[0])
