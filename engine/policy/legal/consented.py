"""Why a rule that asks for consent grants nothing to a channel (rules.md §10.3)."""

from __future__ import annotations

from engine.policy.model import Consent
from engine.policy.outcome import LABELLED, Code
from engine.policy.runnable.rules import RunnableRule
from engine.privacy.consents import Consents, Lapse

_LAPSES = {
    Lapse.REVOKED: Code.CONSENT_REVOKED,
    Lapse.EXPIRED: Code.CONSENT_EXPIRED,
    Lapse.NEVER: Code.NO_CONSENT,
}

#: Reasons why a rule that applies grants nothing, all told: the order in which they are weighed.
WHY_NOT = (*LABELLED.values(), Code.REFUSED, *_LAPSES.values())


def unconsented(consents: Consents | None, channel: str, rule: RunnableRule) -> Code | None:
    """Why a rule that asks for consent has none, or a refusal against it (rules.md §10.3)."""
    purpose, is_required = rule.rule.purpose.value, rule.rule.consent is Consent.REQUIRED
    if consents is None:
        return Code.NO_CONSENT if is_required else None
    if consents.refuses(channel, purpose):
        return Code.REFUSED
    if not is_required or consents.covering(channel, purpose):
        return None
    return _LAPSES[consents.lapse(channel, purpose)]
