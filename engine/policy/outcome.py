"""What a decision says of one channel: what it gets, or why not.

Law: every channel of the site has an outcome for every message; no text here ever holds a value
from the message. The reason codes are the closed list of docs/reference/reasons.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from engine.privacy.protections import Label


class Verdict(Enum):
    """Sent; not sent; kept for a person or for facts to come."""

    DISCLOSE = "disclose"
    WITHHOLD = "withhold"
    HOLD = "hold"


class Code(Enum):
    """Reason codes (rules.md §10). The value is the contract."""

    ENVIRONMENT = "environment"
    AGREEMENT_EXPIRED = "agreement-expired"
    FACTS_UNAVAILABLE = "facts-unavailable"
    RESTRICTED = "restricted"
    AMBIGUOUS_RESTRICTION = "ambiguous-restriction"
    PAYMENT_UNCONFIRMED = "payment-unconfirmed"
    LABELLED_SUD = "labelled-sud"
    LABELLED_MENTAL_HEALTH = "labelled-mental-health"
    LABELLED_HIV = "labelled-hiv"
    LABELLED_GENETIC = "labelled-genetic"
    LABELLED_REPRODUCTIVE = "labelled-reproductive"
    LABELLED_SEXUAL_VIOLENCE = "labelled-sexual-violence"
    LABELLED_PSYCHOTHERAPY_NOTES = "labelled-psychotherapy-notes"
    LABELLED_MINOR_CONSENTED = "labelled-minor-consented"
    LABELLED_SEXUALLY_TRANSMITTED = "labelled-sexually-transmitted"
    LABELLED_GENDER = "labelled-gender"
    LABELLED_SUD_COUNSELING_NOTES = "labelled-sud-counseling-notes"
    UNIT_UNKNOWN = "unit-unknown"
    NOTICE = "notice"
    UNKNOWN_PAYER = "unknown-payer"
    AMBIGUOUS_COVERAGE = "ambiguous-coverage"
    NO_COVERAGE = "no-coverage"
    NOT_DISCLOSED_BEFORE = "not-disclosed-before"
    REFUSED = "refused"
    CONSENT_REVOKED = "consent-revoked"
    CONSENT_EXPIRED = "consent-expired"
    CANCELLED = "cancelled"
    NO_CONSENT = "no-consent"
    WITHHELD_BY_RULE = "withheld-by-rule"
    NO_RULE = "no-rule"
    ABOVE_CEILING = "above-ceiling"
    NOTHING_LEFT = "nothing-left"
    STRUCTURE = "structure"
    LEAK = "leak"
    GRANTED = "granted"
    NOT_GRANTED = "not-granted"
    OTHER_COVERAGE = "other-coverage"
    PARENT_CUT = "parent-cut"
    CONFIDENTIAL_COMMUNICATION = "confidential-communication"

    __hash__ = object.__hash__  # a code equals only itself; looked up for every channel


#: The reason of each label that a pack protects.
LABELLED = {label.value: Code(f"labelled-{label.value}") for label in Label}

#: Reasons that hold a copy for a person or for facts to come; all others withhold it.
HOLDING = frozenset(
    {
        Code.AGREEMENT_EXPIRED,
        Code.FACTS_UNAVAILABLE,
        Code.AMBIGUOUS_RESTRICTION,
        Code.PAYMENT_UNCONFIRMED,
        Code.UNIT_UNKNOWN,
        Code.NOTICE,
        Code.UNKNOWN_PAYER,
        Code.AMBIGUOUS_COVERAGE,
        Code.STRUCTURE,
        Code.LEAK,
    }
)


def verdict_of(code: Code) -> Verdict:
    """The verdict that a reason against disclosing gives."""
    return Verdict.HOLD if code in HOLDING else Verdict.WITHHOLD


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code, the rule that spoke (if one did), and a sentence without PHI."""

    code: Code
    text: str
    rule: str | None = None


class Payload(NamedTuple):
    """One outgoing message: its bytes, its MSH-10, and which received segments it kept.

    `kept` counts the received segments from 0, MSH included; `added` are the places among those of
    the copy where segments of our own stand, which were never received. A tuple, as an `Outcome` is
    one: every message makes one for each channel.
    """

    data: bytes
    control_id: bytes
    kept: tuple[int, ...]
    added: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """The decision for one channel. `payloads` is empty unless the verdict is DISCLOSE.

    More than one payload means more than one patient: one outgoing message each (rules.md §10.27).
    `rules` names the disclosing rules that applied, and `consents` the registry's entries without
    which less would have gone.
    """

    channel: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    payloads: tuple[Payload, ...] = ()
    rules: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
