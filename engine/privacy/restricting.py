"""The steps of a restriction from its request to its end, as its history tells them. Pure.

Law: only the steps of the table are taken; a step that leads to where it stands is none (45 CFR
164.522(a), standards.md LAW-09). A step is named as the history names it
(`engine.privacy.acts.Verb`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from engine.errors import EngineError
from engine.privacy.facts import Restriction, RestrictionReason
from engine.privacy.standing import IN_FORCE, OPEN, Standing

#: Where each step leads; None: into force, agreed or mandatory.
_LEADS: dict[str, Standing | None] = {
    "added": None,
    "confirmed": None,
    "requested": Standing.REQUESTED,
    "pending_payment": Standing.PENDING_PAYMENT,
    "declined": Standing.DECLINED,
    "lifted": Standing.TERMINATED_BY_PATIENT,
    "terminated_by_hospital": Standing.TERMINATED_BY_HOSPITAL,
    "void_payment_failed": Standing.VOID_PAYMENT_FAILED,
}

#: From where a person may take each step.
_FROM: dict[str, frozenset[Standing]] = {
    "confirmed": OPEN,
    "pending_payment": frozenset({Standing.REQUESTED}),
    "declined": frozenset({Standing.REQUESTED}),
    "lifted": OPEN | IN_FORCE | {Standing.TERMINATED_BY_HOSPITAL},
    "terminated_by_hospital": frozenset({Standing.AGREED}),
    "void_payment_failed": OPEN | {Standing.MANDATORY},
}

#: What only the hospital's free agreement is subject to, and what only a payment is.
_OF_AGREEMENT = frozenset({"declined", "terminated_by_hospital"})
_OF_PAYMENT = frozenset({"pending_payment", "void_payment_failed"})

#: An instant's day, whatever the time zone, is not after that of this much later (UTC+14).
_LAST_ZONE = timedelta(hours=14)


class StepError(EngineError):
    """The restriction does not go that way; nothing was changed."""


def standing_after(fact: Restriction, steps: Iterable[str]) -> Standing:
    """Where a restriction stands after these, oldest first."""
    found: Standing | None = None
    for step in steps:
        if step in _LEADS:
            found = _LEADS[step]
    return fact.standing if found is None else found


def as_it_stands(fact: Restriction, standing: Standing, ended: datetime | None) -> Restriction:
    """What decisions use of it; `ended` is when the hospital ended it.

    What the hospital has ended still holds for care before the patient knew (164.522(a)(2)(iii)).
    """
    if standing is Standing.TERMINATED_BY_HOSPITAL and ended is not None:
        last = (ended + _LAST_ZONE).date()
        return replace(fact, until=last if fact.until is None else min(last, fact.until))
    return fact if standing in IN_FORCE else replace(fact, state=standing)


def takes(fact: Restriction, standing: Standing, step: str) -> bool:
    """Whether the step changes anything. Raises `StepError` where it may not be taken."""
    leads = _LEADS[step]
    if standing is leads or (leads is None and standing in IN_FORCE):
        return False
    is_paid = fact.reason is RestrictionReason.SELF_PAY_IN_FULL
    if is_paid and step in _OF_AGREEMENT:
        raise StepError(
            "restriction-mandatory",
            "It is about what was paid for in full: the hospital must agree, and cannot end it (45"
            " CFR 164.522(a)(1)(vi), (a)(2)(iii)); nothing was changed.",
            "If the payment failed, use `restriction void`; if the patient ends it, `revoke`.",
        )
    if standing not in _FROM[step] or (step in _OF_PAYMENT and not is_paid):
        raise StepError(
            "restriction-standing",
            f"The restriction stands as {standing.value}, and does not go that way; nothing was"
            " changed.",
            "See docs/reference/cli.md, `payergate restriction`, for the steps.",
        )
    return True


def strengthens(standing: Standing, step: str, *, by_message: bool) -> bool:
    """Whether entering it again, to stand so, changes anything; it never weakens what stands.

    What people have still to decide of a payment, no message changes; what they have ended, one
    that says it again brings back.
    """
    if standing in IN_FORCE or standing is _LEADS[step]:
        return False
    if standing is Standing.PENDING_PAYMENT:
        return step == "added" and not by_message
    return standing is not Standing.REQUESTED or step in ("added", "pending_payment")
