"""The protections of a site, made ready to be asked of many messages.

Law: which protections stand between content and a channel depends on the kind of counterpart and
the purpose alone, and is settled here; what lifts them is asked of the patient's consents. Genetic
content never goes for underwriting, whatever packs a site has (rules.md §4; 45 CFR 164.502(a)(5)).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.policy.model import LabelSet, Policy, Purpose
from engine.policy.sensitive.labelled import Bits
from engine.policy.sensitive.labels import LabelIndex
from engine.policy.sensitive.self_pay import SelfPayRequests
from engine.privacy.protections import (
    Certainty,
    Evidence,
    Label,
    MinorRule,
    Protection,
    Source,
)

#: What no pack needs to say and nothing lifts.
UNDERWRITING = Protection(
    pack="",
    label=Label.GENETIC,
    citation="45 CFR 164.502(a)(5)(i)",
    certainty=Certainty.MEMORY,
    evidence=Evidence.EXTENDED,
    purposes=frozenset({Purpose.UNDERWRITING.value}),
)


@dataclass(frozen=True, slots=True)
class Applicable:
    """A protection that applies, and the labels that it protects."""

    protection: Protection
    bits: Bits


class Statutes:
    """All protections of a policy."""

    def __init__(self, policy: Policy) -> None:
        self.index = LabelIndex((*policy.label_sets, *_own_sets(policy)), policy.marks)
        self.timezone = ZoneInfo(policy.timezone)
        #: How messages of the site ask for self-pay, if they do.
        self.self_pay = (
            None if policy.self_pay is None else SelfPayRequests(policy.self_pay, self.timezone)
        )
        protections = [one for pack in policy.protections.packs for one in pack.protections]
        self._content = (UNDERWRITING, *(p for p in protections if p.source is Source.CONTENT))
        self._part2 = tuple(p for p in protections if p.source is Source.PART2_UNIT)
        self.minors: tuple[tuple[MinorRule, Bits], ...] = tuple(
            (rule, self._any_of(rule)) for pack in policy.protections.packs for rule in pack.minors
        )
        self.minor = self.index.core(Label.MINOR_CONSENTED.value)
        self.sud = self.index.core(Label.SUD.value)
        #: What makes a message wait where it is not known whether its unit is a Part 2 program.
        self.waits = 0
        for one in protections:
            if one.source is Source.UNKNOWN_UNIT:
                self.waits |= self.index.of(one.label.value, one.evidence)
        self._applicable: dict[tuple[bool, str, bool], tuple[Applicable, ...]] = {}
        #: Each label that a consent may have to name, with its bits.
        self.named = tuple((label.value, self.index.any(label.value)) for label in Label)

    def local(self, now: datetime) -> datetime:
        """The same instant in the engine's timezone, in which days begin and end."""
        return now.astimezone(self.timezone)

    def applicable(self, is_payer: bool, purpose: str, is_part2: bool) -> tuple[Applicable, ...]:
        """The protections between content and such a channel for such a purpose."""
        key = (is_payer, purpose, is_part2)
        found = self._applicable.get(key)
        if found is None:
            every = self._content + (self._part2 if is_part2 else ())
            found = self._applicable[key] = tuple(
                Applicable(one, self.index.of(one.label.value, one.evidence))
                for one in every
                if _applies(one, is_payer, purpose)
            )
        return found

    def _any_of(self, rule: MinorRule) -> Bits:
        found = 0
        for label in rule.labels:
            found |= self.index.any(label.value)
        return found


def _own_sets(policy: Policy) -> list[LabelSet]:
    """Code sets of the site that add to a label, or that a rule withholds by their name."""
    named = {label for rule in policy.rules for one in rule.withholdings for label in one.labels}
    return [
        LabelSet(label, one)
        for one in policy.sets.values()
        for label in (one.label, one.name if one.name in named else None)
        if label is not None
    ]


def _applies(protection: Protection, is_payer: bool, purpose: str) -> bool:
    if protection.payers_only and not is_payer:
        return False
    if protection.purposes is not None and purpose not in protection.purposes:
        return False
    return purpose not in protection.allows
