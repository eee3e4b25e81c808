"""Refusals that change nothing: where no rule that would disclose asks for consent.

Law: a refusal stands against a rule that asks for consent, and against no other (rules.md §4), and
against consents that would lift a protection; who enters one learns at once where it is idle.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

from engine.cli.registered_entries import state_of
from engine.policy.model import Consent, Policy
from engine.privacy.consents import is_about
from engine.privacy.entries import Entry
from engine.privacy.facts import ConsentKind, SignedConsent
from engine.privacy.sorts import Fact


def idle_channels(policy: Policy, fact: Fact) -> tuple[str, ...]:
    """The channels for which a refusal changes nothing; none for any other fact.

    Of one that is about all channels, those to which a rule discloses at all.
    """
    if not isinstance(fact, SignedConsent) or fact.kind is not ConsentKind.REFUSAL:
        return ()
    asked: dict[str, bool] = dict.fromkeys(fact.channels or (), False)
    for rule in policy.rules:
        for channel in rule.channels if rule.grants else ():
            if is_about(fact, channel, rule.purpose.value):
                asks = rule.consent is not Consent.NOT_REQUIRED
                asked[channel] = asked.get(channel, False) or asks
    return tuple(sorted(channel for channel, asks in asked.items() if not asks))


def idle_of(policy: Policy, entry: Entry, now: datetime) -> tuple[str, ...]:
    """The same of an entry; none of one that has ended."""
    is_standing = state_of(entry, now) in {"in force", "not yet"}
    return idle_channels(policy, entry.fact) if is_standing else ()


def tell_idle(idle: Iterable[tuple[str, ...]]) -> None:
    """Say on standard error for which channels refusals change nothing."""
    found = sorted({channel for channels in idle for channel in channels})
    if found:
        print(
            f"no rule for {', '.join(found)} asks for consent to what is refused: this refusal"
            " changes nothing there, but that no consent lets protected content go; a `restriction`"
            " does, or `consent: unless-refused` in its rules",
            file=sys.stderr,
        )
