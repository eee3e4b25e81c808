"""What of a message is one payer's own, and which numbers are other insurers'.

Law: a charge that is asked for and is nobody's holds the copy; a number of another insurer goes to
no insurer and to nobody who acts for one (rules.md §4 "Coverage", §10.6, §10.10, §10.11).
"""

from __future__ import annotations

from engine.policy.case import Case
from engine.policy.compile import CompiledPolicy
from engine.policy.cutting import charges
from engine.policy.cutting.cut import Cut, Own
from engine.policy.cutting.plan import Plan
from engine.policy.finished.leaks import foreign_numbers
from engine.policy.runnable.channel_rules import ChannelRules

_NOTHING_OWN = Own()
_NO_NUMBERS: frozenset[str] = frozenset()


def own_of(case: Case, channel: ChannelRules, policy: CompiledPolicy, plan: Plan) -> Own | None:
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


def numbers_of_others(case: Case, channel: ChannelRules, cut: Cut) -> frozenset[str]:
    """The numbers that a copy for this channel must not tell."""
    if not case.whose.names_insurance or not (channel.is_payer or channel.channel.identified_by):
        return _NO_NUMBERS
    own = cut.own.insurance if cut.plan.needs_own else case.whose.claims.own(channel.id)
    return foreign_numbers(case.numbers, own)
