"""What one channel's rules say of messages of one type, and what they add up to.

Law: what does not depend on the message is settled here, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.policy import reasons
from engine.policy.conditions.evaluate import is_one_of
from engine.policy.cutting.header import Rewrites
from engine.policy.cutting.plan import Plan
from engine.policy.model import Channel, Coverage, Kind, LeakScan, Purpose, Rule, Structure
from engine.policy.outcome import Code, Outcome, verdict_of
from engine.policy.runnable.events import CANCEL_FOLLOWS, cancel_grants, is_cancel
from engine.policy.runnable.plans import Plans
from engine.policy.runnable.rules import RunnableRule, built_in
from engine.policy.segment.masks import Mask
from engine.policy.vocabulary.conditions import MessageType

#: How many plans of one channel are kept; more combinations of rules than that are made anew.
_PLANS_KEPT = 512


class ChannelRules:
    """What one channel's rules say of messages of one type."""

    def __init__(
        self,
        channel: Channel,
        message_type: MessageType,
        rules: tuple[RunnableRule, ...],
        timezone: ZoneInfo,
        shared: Plans,
    ) -> None:
        self.channel = channel
        self.id = channel.id
        self.disclosing = tuple(rule for rule in rules if rule.discloses)
        self.withholding = tuple(rule for rule in rules if rule.rule.withholdings)
        self.ceiling = {segment_id: Mask.of(mask) for segment_id, mask in channel.ceiling.items()}
        self.in_ceiling = is_one_of(message_type, channel.ceiling_messages)
        self.rewrites = Rewrites(channel.rewrite)
        self.is_payer = channel.kind is Kind.PAYER
        self.is_provider = channel.kind is Kind.PROVIDER
        self.is_cancel = is_cancel(message_type)
        self.is_strict = channel.structure is Structure.STRICT
        self.looks_for_names = channel.leak_scan is LeakScan.NAMES
        self.follows = self.is_cancel and self.is_payer
        #: What it receives may hang on what of the visit was disclosed to it before: a cancel, and
        #: what corrects or credits something (`engine.policy.message.corrections`).
        self.asks_disclosed = self.is_cancel or (self.is_payer and bool(self.disclosing))
        self.expires_at = _end_of(channel.agreement_expires, timezone)
        #: Whether every rule that discloses asks that the payer covers the patient.
        self.asks_own_alone = (
            bool(self.disclosing)
            and not self.is_cancel
            and all(rule.coverage is Coverage.OWN for rule in self.disclosing)
        )
        self.asks_coverage = not self.follows and any(
            rule.coverage is not Coverage.ANY or _chooses_lines(rule.rule)
            for rule in self.disclosing
        )
        #: For each code that names no rule, the outcome: made once, shared by all messages.
        self.outcomes = {
            code: Outcome(channel.id, verdict_of(code), (reasons.plain(code),)) for code in Code
        }
        self.cancel_granted = (reasons.granted(CANCEL_FOLLOWS),)
        self._plans: dict[tuple[int, ...], Plan] = {}
        self._shared = shared
        self.cancel_follows = cancel_grants(channel)
        #: The same as a rule among others, for each purpose of the channel, payment first: of who
        #: is no payer, whose own rules stand beside it.
        self.cancel_rules = tuple(
            built_in(replace(self.cancel_follows, purpose=purpose))
            for purpose in sorted(Purpose, key=lambda one: one is not Purpose.PAYMENT)
            if purpose in channel.purposes
        )

    def plan(
        self,
        grants: tuple[RunnableRule, ...],
        withholds: tuple[RunnableRule, ...],
        following: tuple[RunnableRule, ...],
        *,
        bars_corrections: bool,
        keeps_flags: bool,
        has_documents: bool,
    ) -> Plan:
        """What these rules add up to (`engine.policy.cutting.plan.Plan`)."""
        key: tuple[int, ...]
        if len(grants) == 1 and not withholds:
            key = (grants[0].number, -1)  # nearly always
        else:
            key = (*[rule.number for rule in grants], -1, *[rule.number for rule in withholds])
        if following or bars_corrections or not keeps_flags or has_documents:
            ends = -2 - bars_corrections - 2 * (not keeps_flags) - 4 * has_documents
            key += (ends, *[rule.number for rule in following])
        plan = self._plans.get(key)
        if plan is None:
            granting = [rule.rule for rule in grants]
            if self.follows:
                granting.append(self.cancel_follows)
            plan = self._shared.plan(
                self.id,
                self.ceiling,
                granting,
                [rule.rule for rule in withholds],
                following=[rule.rule for rule in following],
                bars_corrections=bars_corrections,
                keeps_flags=keeps_flags,
                has_documents=has_documents,
            )
            if len(self._plans) < _PLANS_KEPT:
                self._plans[key] = plan
        return plan


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What all channels' rules say of messages of one type."""

    channels: tuple[ChannelRules, ...]
    asks_coverage: bool
    is_cancel: bool


def _chooses_lines(rule: Rule) -> bool:
    return any(grant.which_own and grant.segment == "FT1" for grant in rule.grants)


def _end_of(last_day: str | None, timezone: ZoneInfo) -> datetime | None:
    """The instant after the last day, in UTC; None: it never ends, or the calendar does first."""
    if last_day is None:
        return None
    try:
        after = date.fromisoformat(last_day) + timedelta(days=1)
        return datetime.combine(after, time(), timezone).astimezone(UTC)
    except OverflowError:
        return None
