"""What one patient has consented to and refused, as it stands now.

Law: a consent permits only while it is in force, for the purposes and channels that it names, and
only if it is certainly this patient's; a refusal counts as soon as it may be (rules.md §10.3,
§10.8). A consent that only treatment, payment and operations were signed for never covers more
(42 CFR 2.31, 2.33). What was only said, and not written, permits nothing (45 CFR 164.508(c)).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from engine.privacy.facts import ConsentKind, SignedConsent
from engine.privacy.patients import Patient, is_certainly, may_be_any

#: What "treatment, payment and health care operations" are; eligibility is part of payment
#: (45 CFR 164.501).
TREATMENT_PAYMENT_OPERATIONS = frozenset({"treatment", "payment", "operations", "eligibility"})


class Lapse(Enum):
    """Why there is no consent in force."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    NEVER = "never"


class Consents:
    """The consents of one patient. `ids` are PID-3's; `denied_ids` also those merged into it."""

    __slots__ = ("_covering", "_known", "_now", "_permits", "_refusals")

    def __init__(
        self,
        consents: Iterable[SignedConsent],
        ids: tuple[Patient, ...],
        denied_ids: tuple[Patient, ...],
        now: datetime,
    ) -> None:
        self._now = now
        self._known = tuple(one for one in consents if may_be_any(one.patient, denied_ids))
        self._refusals = tuple(
            one for one in self._known if one.kind is ConsentKind.REFUSAL and is_in_force(one, now)
        )
        self._permits = tuple(
            one
            for one in self._known
            if one.kind is not ConsentKind.REFUSAL
            and not one.is_verbal
            and is_in_force(one, now)
            and any(is_certainly(one.patient, known) for known in ids)
        )
        self._covering: dict[tuple[str, str], tuple[SignedConsent, ...]] = {}

    def refuses(self, channel: str, purpose: str) -> bool:
        """Whether a refusal in force forbids it."""
        return any(is_about(one, channel, purpose) for one in self._refusals)

    def covering(self, channel: str, purpose: str) -> tuple[SignedConsent, ...]:
        """The consents in force that cover it."""
        key = (channel, purpose)
        found = self._covering.get(key)
        if found is None:
            found = tuple(one for one in self._permits if is_about(one, channel, purpose))
            self._covering[key] = found
        return found

    def lapse(self, channel: str, purpose: str) -> Lapse:
        """Why none covers it: the most telling of what once did."""
        once = [
            one
            for one in self._known
            if one.kind is not ConsentKind.REFUSAL and is_about(one, channel, purpose)
        ]
        if any(one.revoked is not None and one.revoked <= self._now for one in once):
            return Lapse.REVOKED
        if any(one.ends is not None and one.ends <= self._now for one in once):
            return Lapse.EXPIRED
        return Lapse.NEVER


def is_in_force(consent: SignedConsent, now: datetime) -> bool:
    """Whether it has begun, has not ended, and is not revoked."""
    return (
        (consent.begins is None or consent.begins <= now)
        and (consent.ends is None or now < consent.ends)
        and (consent.revoked is None or now < consent.revoked)
    )


def is_about(consent: SignedConsent, channel: str, purpose: str) -> bool:
    """Whether it names this channel and this purpose."""
    if consent.channels is not None and channel not in consent.channels:
        return False
    if consent.kind is ConsentKind.PART2_TPO and purpose not in TREATMENT_PAYMENT_OPERATIONS:
        return False
    return consent.purposes is None or purpose in consent.purposes
