"""Which labels go to which channel for which purpose, given what the patient has signed.

Law: every protection that stands must be lifted, each by a consent that it accepts, that covers
the channel and the purpose, and that is in force; what no consent lifts is blocked (rules.md §5,
§10.5). No consent lifts anything for what the patient has refused or taken back: whoever gave it
cannot tell which of the two holds, and one that is known to be revoked permits nothing (42 CFR
2.31(c), 45 CFR 164.508(b)(2)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.sensitive.labelled import Bits
from engine.policy.sensitive.statutes import Applicable, Statutes
from engine.privacy.consents import Consents, is_in_force
from engine.privacy.facts import ConsentKind, Relation, SignedConsent
from engine.privacy.protections import Lift, Protection
from engine.privacy.separate import covered_labels


class Lifting:
    """One patient's consents against a site's protections, for one part of a message.

    `present`: the labels that occur in it; `is_part2`: it comes from a Part 2 program.
    """

    __slots__ = ("_blocked", "_consents", "_now", "_statutes", "is_part2", "present")

    def __init__(
        self,
        statutes: Statutes,
        consents: Consents | None,
        now: datetime,
        present: Bits,
        *,
        is_part2: bool,
    ) -> None:
        self._statutes = statutes
        self._consents = consents
        self._now = now
        self.present = present
        self.is_part2 = is_part2
        self._blocked: dict[tuple[str, str, bool], Bits] = {}

    def blocked(self, channel: ChannelRules, purpose: str, *, required: bool = False) -> Bits:
        """The labels that do not go to this channel for this purpose.

        `required`: for a rule that asks for consent, content of a label also needs one that names
        it (rules.md §4, "Consent").
        """
        key = (channel.id, purpose, required)
        found = self._blocked.get(key)
        if found is None:
            found = 0
            for applicable in self.applicable(channel, purpose):
                if applicable.bits & self.present and not self.lifted_by(
                    applicable.protection, channel.id, purpose
                ):
                    found |= applicable.bits
            if required:
                found |= self._unnamed(channel.id, purpose)
            self._blocked[key] = found
        return found

    def applicable(self, channel: ChannelRules, purpose: str) -> tuple[Applicable, ...]:
        """The protections between such content and this channel for this purpose."""
        return self._statutes.applicable(channel.is_payer, purpose, self.is_part2)

    def _unnamed(self, channel: str, purpose: str) -> Bits:
        """The labels that no consent which covers this names."""
        covering = () if self._consents is None else self._consents.covering(channel, purpose)
        named = {label for consent in covering for label in covered_labels(consent)}
        found = 0
        for label, bits in self._statutes.named:
            if label not in named:
                found |= bits
        return found

    def lifted_by(
        self, protection: Protection, channel: str, purpose: str
    ) -> tuple[SignedConsent, ...]:
        """The consents that lift a protection; none where the patient has refused the same."""
        if self._consents is None or not protection.lifted_by:
            return ()
        if self._consents.refuses(channel, purpose):
            return ()
        return tuple(
            consent
            for consent in self._consents.covering(channel, purpose)
            if any(_LIFTS[lift](consent, protection) for lift in protection.lifted_by)
            and is_in_force(_bounded(consent, protection), self._now)
        )


def _lists(consent: SignedConsent, protection: Protection) -> bool:
    return protection.label.value in covered_labels(consent)


_LIFTS: dict[Lift, Callable[[SignedConsent, Protection], bool]] = {
    Lift.AUTHORIZATION: lambda consent, protection: (
        consent.kind is ConsentKind.AUTHORIZATION and _lists(consent, protection)
    ),
    Lift.CONSENT: _lists,
    Lift.PART2_TPO: lambda consent, protection: consent.kind is ConsentKind.PART2_TPO,
    Lift.OWN_CONSENT: lambda consent, protection: (
        consent.signed_by is Relation.SELF and _lists(consent, protection)
    ),
}


def _bounded(consent: SignedConsent, protection: Protection) -> SignedConsent:
    """A consent that names no end holds as long as the statute says (Tex. H&S 241.152(c))."""
    if protection.consent_days is None or consent.ends is not None or consent.begins is None:
        return consent
    return replace(consent, ends=consent.begins + timedelta(days=protection.consent_days))
