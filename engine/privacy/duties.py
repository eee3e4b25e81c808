"""What people still have to do about entries of the registry.

Law: where somebody else decided for the patient, the patient is told of it once that can be (45 CFR
164.502(g), 164.510(b)); a consent that ends with an event ends when a person says that it came. A
duty is nothing of its own: it is open while the entry says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from engine.privacy.entries import Entry
from engine.privacy.facts import ConsentKind, Relation, Restriction, SignedConsent
from engine.privacy.standing import Standing


class Duty(Enum):
    """What is to be done."""

    TELL_PATIENT = "tell-patient"  # that another has signed, and what it opened
    WATCH_EVENT = "watch-event"  # and revoke once it has come
    JUDGE_DISCLOSURES = "judge-disclosures"  # that a wrong merge or a late denial let through
    ANSWER_REQUEST = "answer-request"  # agree to a restriction, or decline
    CONFIRM_PAYMENT = "confirm-payment"  # or say that it failed; what it is about waits
    REASSESS_COUNTERPART = "reassess-counterpart"  # whose agreement says that it is time


def open_duties(entry: Entry) -> Iterator[Duty]:
    """The duties that an entry still asks for."""
    fact = entry.fact
    stated = entry.stated
    if isinstance(stated, Restriction) and stated.awaits_payment:
        yield Duty.CONFIRM_PAYMENT
    elif entry.standing is Standing.REQUESTED:
        yield Duty.ANSWER_REQUEST
    if not isinstance(fact, SignedConsent) or fact.kind is ConsentKind.REFUSAL:
        return
    if fact.signed_by not in (None, Relation.SELF) and not entry.is_told:
        yield Duty.TELL_PATIENT
    if fact.event and fact.revoked is None:
        yield Duty.WATCH_EVENT
