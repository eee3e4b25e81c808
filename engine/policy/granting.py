"""Which rules of a channel disclose, and why the others do not.

Law: a rule discloses where the payer covers the patient (or the rule does not ask), the patient's
consent is as its file demands, the law lifts the message for its purpose, and its conditions hold;
what is asked first is told first (rules.md, "deciding order"). Corrections and cancels go where
what they correct or cancel went, and need no coverage of their own (§10.9).
"""

from __future__ import annotations

from typing import NamedTuple

from engine.hl7.path import Path
from engine.policy.case import Case
from engine.policy.cutting.plan import Plan
from engine.policy.model import Coverage
from engine.policy.outcome import Code, Reason
from engine.policy.reasons import of_rule, plain
from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.runnable.rules import RunnableRule
from engine.policy.whose import Answer
from engine.privacy.facts import Disclosed

_VISIT = Path("PV1", 19, 1)
_CONTROL_ID = Path("MSH", 10)

#: Why a rule that asks coverage does not apply; None: the answer is its own to judge.
_REFUSALS = {
    Answer.UNAVAILABLE: Code.FACTS_UNAVAILABLE,
    Answer.UNKNOWN: Code.UNKNOWN_PAYER,
    Answer.AMBIGUOUS: Code.AMBIGUOUS_COVERAGE,
    Answer.OTHER: Code.NO_COVERAGE,
    Answer.LAPSED: Code.NO_COVERAGE,
}


class Granting(NamedTuple):
    """The disclosing rules that apply; those that coverage alone refuses; why others do not."""

    granting: list[RunnableRule]
    following: list[RunnableRule]
    refusals: dict[Code, Reason]


def uncovered(case: Case, channel: ChannelRules) -> Code | None:
    """Why coverage alone refuses every rule of a channel, so that none need be asked.

    Coverage is told before whatever else stands against a rule (rules.md, "deciding order"), but
    after the law; and corrections need none. None: each rule must be asked.
    """
    if not channel.asks_own_alone or not case.law.is_silent or case.corrects:
        return None
    return _REFUSALS.get(case.whose.answer(channel.id))


def granting_rules(case: Case, channel: ChannelRules) -> Granting:
    """Ask each disclosing rule of the channel."""
    granting: list[RunnableRule] = []
    following: list[RunnableRule] = []
    refusals: dict[Code, Reason] = {}
    answer = case.whose.answer(channel.id) if channel.asks_coverage else None
    is_silent = case.law.is_silent
    for rule in channel.disclosing:
        code = None if answer is None else _coverage_refuses(rule, answer)
        against = None
        if rule.asks_consent or not is_silent:
            against = case.law.refuses(channel, rule)
        if code is not None:
            refusals[code] = plain(code)
        if against is not None:
            refusals.setdefault(against, of_rule(against, rule.rule.name))
        elif code is None and (rule.when is None or case.applies(rule)):
            granting.append(rule)
        elif _may_follow(case, rule, code):
            following.append(rule)
    if channel.is_cancel and not channel.is_payer:
        follows = _following_all_the_same(case, channel)
        if follows is not None:
            granting.append(follows)
    return Granting(granting, following, refusals)


def _following_all_the_same(case: Case, channel: ChannelRules) -> RunnableRule | None:
    """What lets a cancel go to who is no payer, whatever rules say: what it cancels did (§10.9).

    It is for the first of the channel's purposes against which the law has nothing.
    """
    if why_not_following(case, channel) is not None:
        return None
    law = case.law
    for rule in channel.cancel_rules:
        if law.is_silent or law.refuses(channel, rule) is None:
            return rule
    return None


def _may_follow(case: Case, rule: RunnableRule, code: Code | None) -> bool:
    """Whether coverage alone refuses a rule, and there are corrections that need none (§10.9)."""
    return (
        code is not None and rule.coverage is Coverage.OWN and case.corrects and case.applies(rule)
    )


class Chosen(NamedTuple):
    """The rules that apply to one channel, and why its corrections do not go, if they do not.

    `keeps_flags`: nothing must be withheld of what flags a person (`engine.policy.cutting.flags`).
    `has_documents`: some results carry one (`engine.policy.message.documents`).
    """

    granting: tuple[RunnableRule, ...]
    withholding: tuple[RunnableRule, ...]
    following: tuple[RunnableRule, ...]
    earlier: Code | None
    keeps_flags: bool
    has_documents: bool

    @property
    def disclosing(self) -> tuple[RunnableRule, ...]:
        """All that grant."""
        return self.granting + self.following

    def plan(self, channel: ChannelRules, free: tuple[RunnableRule, ...] | None = None) -> Plan:
        """What they add up to; of those that disclose, only the `free` ones."""
        granting, following = self.granting, self.following
        if free is not None:
            granting = tuple(rule for rule in granting if rule in free)
            following = tuple(rule for rule in following if rule in free)
        return channel.plan(
            granting,
            self.withholding,
            following,
            bars_corrections=self.earlier is not None,
            keeps_flags=self.keeps_flags,
            has_documents=self.has_documents,
        )


def _coverage_refuses(rule: RunnableRule, answer: Answer) -> Code | None:
    if rule.coverage is Coverage.ANY:
        return None
    if rule.coverage is Coverage.NONE:
        if answer is Answer.OWN:
            return Code.NO_RULE
        if answer is Answer.LAPSED:  # whom a message names, nobody takes for one who is not asked
            return Code.AMBIGUOUS_COVERAGE
        return None if answer is Answer.OTHER else _REFUSALS[answer]
    return _REFUSALS.get(answer)


def correcting_after(case: Case, channel: ChannelRules, found: Granting) -> Code | None:
    """Why corrections in this message do not go to a payer; None if they do, or there are none."""
    if not channel.is_payer or channel.follows or not case.corrects:
        return None
    return why_not_following(case, channel) if found.granting or found.following else None


def why_not_following(case: Case, channel: ChannelRules) -> Code | None:
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
