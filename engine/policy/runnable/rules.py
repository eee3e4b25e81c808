"""One rule made ready to run, for one channel and messages of one type.

Law: what a rule asks is compiled once for all that ask the same, so that a message is asked once;
the uncertain does not grant, and does withhold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.policy import reasons
from engine.policy.conditions.evaluate import Test, compiled, speaks_of_sets
from engine.policy.conditions.matching import Terms
from engine.policy.conditions.settle import ALWAYS, NEVER, settle
from engine.policy.model import Channel, Consent, Coverage, Rule
from engine.policy.outcome import Reason
from engine.policy.runnable.events import grants_to
from engine.policy.sensitive.labelled import Bits
from engine.policy.sensitive.labels import LabelIndex
from engine.policy.vocabulary.conditions import Condition, MessageType

#: Stands for the number of a rule that is not the site's; one at most applies.
_BUILT_IN = -100


@dataclass(frozen=True, slots=True)
class ReachingRule:
    """A rule that messages of one type can meet, made ready once for all its channels.

    Its attributes are those of `RunnableRule`.
    """

    rule: Rule
    number: int
    when: Test | None
    when_withholding: Test | None
    withheld_labels: Bits


@dataclass(frozen=True, slots=True)
class RunnableRule:
    """A rule of one channel for one message type."""

    rule: Rule
    number: int  # of the rule in the policy
    when: Test | None  # of what it discloses; None: nothing is asked but the type
    when_withholding: Test | None  # of what it withholds: the uncertain counts as matching
    coverage: Coverage
    granted: Reason
    withheld: Reason
    discloses: bool  # it grants something to messages of this type
    withheld_labels: Bits  # the labels that it withholds
    asks_consent: bool  # one that is refused, or that is not there, stands against it

    @property
    def withholds_message(self) -> bool:
        """Whether it withholds the whole message."""
        return any(withholding.message for withholding in self.rule.withholdings)


def reaching_rules(
    rules: Iterable[Rule], message_type: MessageType, terms: Terms, labels: LabelIndex
) -> list[ReachingRule]:
    """The rules that messages of this type can meet at all, in order."""
    return [
        ReachingRule(rule, number, *_tests(rule, when, terms), _labels_withheld(rule, labels))
        for number, rule in enumerate(rules)
        if (when := settle(rule.when, message_type)) != NEVER
    ]


def runnable(each: ReachingRule, channel: Channel, message_type: MessageType) -> RunnableRule:
    """The rule as it runs for one of its channels."""
    rule = each.rule
    return RunnableRule(
        rule,
        each.number,
        each.when,
        each.when_withholding,
        rule.coverage_for(channel.kind),
        reasons.granted(rule.name),
        reasons.withheld_by_rule(rule.name),
        bool(rule.grants) and grants_to(rule, message_type),
        each.withheld_labels,
        rule.consent is not Consent.NOT_REQUIRED,
    )


def built_in(rule: Rule) -> RunnableRule:
    """A rule of the engine's own, which asks nothing of a message and withholds nothing."""
    return RunnableRule(
        rule,
        _BUILT_IN,
        None,
        None,
        Coverage.ANY,
        reasons.granted(rule.name),
        reasons.withheld_by_rule(rule.name),
        discloses=True,
        withheld_labels=0,
        asks_consent=False,
    )


def _labels_withheld(rule: Rule, labels: LabelIndex) -> Bits:
    found = 0
    for withholding in rule.withholdings:
        for label in withholding.labels:
            found |= labels.any(label)
    return found


def _tests(rule: Rule, when: Condition, terms: Terms) -> tuple[Test | None, Test | None]:
    """What is asked before a rule discloses, and before it withholds: mostly the same."""
    asked = None if when == ALWAYS else compiled(when, terms)
    if asked is None or not rule.withholdings or not speaks_of_sets(when):
        return asked, asked
    return asked, compiled(when, terms.negated())
