"""What each channel receives of a message, or why it receives nothing.

Law: pure; an outcome for every channel; the first reason that applies decides, in the order of
rules.md ("Exits and reasons"): message, whose, why, after the cut. What is said of the message as a
whole is said before any rule is asked, so that it reads the same on every channel; whose it is and
what was consented to, before the conditions of the rules for its type. Whatever is not understood
is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.hl7.wire import Message
from engine.policy.case import Case
from engine.policy.compile import CompiledPolicy
from engine.policy.cutting.cut import Bar, Cut
from engine.policy.cutting.header import payload
from engine.policy.cutting.plan import Plan
from engine.policy.finished.leaks import leak
from engine.policy.finished.strict import keeps_structure
from engine.policy.granting import (
    Chosen,
    Granting,
    correcting_after,
    granting_rules,
    uncovered,
    why_not_following,
)
from engine.policy.legal.consented import WHY_NOT
from engine.policy.legal.notices import attach
from engine.policy.message.view import View
from engine.policy.outcome import HOLDING, Code, Outcome, Reason, Verdict, verdict_of
from engine.policy.owning import numbers_of_others, own_of
from engine.policy.reasons import plain
from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.runnable.rules import RunnableRule
from engine.privacy.facts import Facts

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


class Decision(NamedTuple):
    """The decision for one channel and one patient: a cut, or the reason why there is none.

    `cut` is also there where the cut itself was the reason, so that it can be explained.
    """

    reasons: tuple[Reason, ...]
    cut: Cut | None = None
    discloses: bool = False
    consents: tuple[str, ...] = ()


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
        if len(cases) > 1:
            decisions = [decide_one(case, channel, policy) for case in cases]
            outcomes[channel.id] = _outcome_of_all(channel, decisions)
            continue
        code = _against_all(cases[0], channel)
        if code is None:
            outcomes[channel.id] = _outcome(channel, _by_rules(cases[0], channel, policy))
        else:
            outcomes[channel.id] = channel.outcomes[code]
    return outcomes


def cases_of(message: Message, policy: CompiledPolicy, facts: Facts) -> list[Case]:
    """The patients of a message, each to be decided alone; an ORU may have several (§10.27)."""
    views, is_for_one = policy.views(message, facts.now)
    return [Case(view, facts, policy, is_for_one) for view in views]


def decide_one(case: Case, channel: ChannelRules, policy: CompiledPolicy) -> Decision:
    """The decision for one channel and one patient, the environment agreed."""
    code = _against_all(case, channel)
    return _by_rules(case, channel, policy) if code is None else _refused(code)


def _against_all(case: Case, channel: ChannelRules) -> Code | None:
    """What stands against the whole message whatever the rules say, and whichever apply."""
    return _gate(case, channel) or uncovered(case, channel)


def _by_rules(case: Case, channel: ChannelRules, policy: CompiledPolicy) -> Decision:
    """What the rules make of it."""
    found = granting_rules(case, channel)
    earlier = correcting_after(case, channel, found)
    if earlier is not None:
        found.following.clear()
    withholding = _NONE_WITHHOLD
    if channel.withholding:
        withholding = tuple(rule for rule in channel.withholding if case.withholds(rule))
    refusal = _refusal(case, found, withholding, channel)
    if refusal is not None:
        return Decision((refusal,))
    if not channel.in_ceiling:
        return _refused(Code.ABOVE_CEILING)
    keeps_flags = channel.is_provider or not case.has_flags
    granting, following = tuple(found.granting), tuple(found.following)
    has_documents = bool(case.view.documents)
    chosen = Chosen(granting, withholding, following, earlier, keeps_flags, has_documents)
    decision = _cut(case, channel, policy, chosen)
    if decision.discloses or decision.reasons[0].code is not Code.NOTHING_LEFT:
        return decision
    return Decision((_why_nothing(found, earlier),), decision.cut)


def _refusal(
    case: Case, found: Granting, withholding: Iterable[RunnableRule], channel: ChannelRules
) -> Reason | None:
    """Why nothing is disclosed, whatever the cut might leave."""
    applies = found.granting or found.following or channel.follows
    withheld = None
    for rule in withholding:
        if rule.withholds_message or case.law.withholds_message(rule):
            withheld = rule.withheld
            break
    if applies:
        return withheld
    if withheld is not None:
        found.refusals[Code.WITHHELD_BY_RULE] = withheld
    return _deciding_refusal(found.refusals)


def _why_nothing(found: Granting, earlier: Code | None) -> Reason:
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
        code = why_not_following(case, channel)
    return code


def _deciding_refusal(refusals: Mapping[Code, Reason]) -> Reason:
    """The reason that speaks where no rule applies."""
    first = next((code for code in _ORDER if code in refusals), Code.NO_RULE)
    return refusals.get(first) or plain(first)


def _cut(case: Case, channel: ChannelRules, policy: CompiledPolicy, chosen: Chosen) -> Decision:
    if not case.is_for_one:
        return _refused(Code.STRUCTURE)
    plan = chosen.plan(channel)
    withheld = _withholds_patient(plan, case.view) if plan.pid_withholdings else None
    if withheld is not None:
        return Decision((withheld,))
    own = own_of(case, channel, policy, plan)
    if own is None:
        return _refused(Code.AMBIGUOUS_COVERAGE)
    disclosing = chosen.disclosing
    bars, contact = _NO_BARS, None
    if not case.law.is_silent:
        bars, contact = _bars(case, channel, chosen), case.law.contact(channel)
    cut, is_worth = case.cut(plan, own, channel.channel.renumber, bars, contact)
    against = _after(case, channel, cut, disclosing) if is_worth else plain(Code.NOTHING_LEFT)
    if against is not None:
        return Decision((against,), cut)
    granted = tuple([rule.granted for rule in disclosing]) or channel.cancel_granted
    if cut.concealed:
        granted += (plain(Code.CONFIDENTIAL_COMMUNICATION),)
    if not case.law.knows_consents:
        return Decision(granted, cut, discloses=True)
    consents = case.law.grounds(channel, disclosing, cut.kept())
    return Decision(granted, cut, discloses=True, consents=consents)


def _bars(case: Case, channel: ChannelRules, chosen: Chosen) -> dict[int, Bar]:
    """What the law has against single segments."""
    return case.law.bars(
        channel, chosen.disclosing, chosen.withholding, lambda free: chosen.plan(channel, free)
    )


def _after(
    case: Case, channel: ChannelRules, cut: Cut, granting: tuple[RunnableRule, ...]
) -> Reason | None:
    """What stands against a copy once it is cut."""
    if channel.is_strict and not keeps_structure(cut):
        return plain(Code.STRUCTURE)
    law = case.law
    if not law.is_silent and not attach(cut, law.notices(channel, granting, cut.kept())):
        return plain(Code.NOTICE)
    return leak(cut, numbers_of_others(case, channel, cut), names=channel.looks_for_names)


def _withholds_patient(plan: Plan, view: View) -> Reason | None:
    """The withholding of a whole PID, which withholds the message (§10.26)."""
    for part in plan.pid_withholdings:
        for segment in view.all("PID"):
            if part.where is None or part.where(view, segment.index):
                return part.withheld
    return None


_NONE_WITHHOLD: tuple[RunnableRule, ...] = ()
_NO_BARS: dict[int, Bar] = {}


def _refused(code: Code) -> Decision:
    return _REFUSED[code]


_REFUSED = {code: Decision((plain(code),)) for code in Code}


def _outcome(channel: ChannelRules, decision: Decision) -> Outcome:
    """The outcome where there is one patient."""
    cut = decision.cut
    if cut is None or not decision.discloses:
        return _undisclosed(channel, decision)
    copies = (payload(cut, channel.rewrites, 0),)
    return Outcome(
        channel.id, Verdict.DISCLOSE, decision.reasons, copies, cut.plan.rules, decision.consents
    )


def _outcome_of_all(channel: ChannelRules, decisions: list[Decision]) -> Outcome:
    """One outcome of all patients' decisions.

    Patients go in one step: while one patient's part waits for a person, so do the others', in
    their order, and nothing is lost; a part that is withheld stops no other.
    """
    chosen = _deciding(decisions)
    if not chosen.discloses:
        return _undisclosed(channel, chosen)
    cuts = [decision.cut for decision in decisions if decision.discloses and decision.cut]
    payloads = tuple([payload(cut, channel.rewrites, part) for part, cut in enumerate(cuts)])
    reasons = tuple(dict.fromkeys(r for d in decisions if d.discloses for r in d.reasons))
    rules = tuple(sorted({name for cut in cuts for name in cut.plan.rules}))
    consents = tuple(sorted({one for d in decisions if d.discloses for one in d.consents}))
    return Outcome(channel.id, Verdict.DISCLOSE, reasons, payloads, rules, consents)


def _undisclosed(channel: ChannelRules, decision: Decision) -> Outcome:
    reason = decision.reasons[0]
    if reason is plain(reason.code):
        return channel.outcomes[reason.code]
    return Outcome(channel.id, verdict_of(reason.code), decision.reasons)


def _deciding(decisions: list[Decision]) -> Decision:
    """The decision that speaks for all: one that holds, else one that discloses, else the first."""
    held = (one for one in decisions if not one.discloses and one.reasons[0].code in HOLDING)
    disclosing = (one for one in decisions if one.discloses)
    return next(held, None) or next(disclosing, decisions[0])
