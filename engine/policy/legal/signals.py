"""What a message itself says of confidentiality: markers, access restrictions, consents, self-pay.

Law: a sender's marker denies, and never permits (standards.md B-7). What is marked as protected
and not from whom waits for a person; a code that is not known is one that restricts (B-7.5). What
holds for the patient or the visit, and not for this message alone, is also entered into the
registry, as most messages of the same visit have no place to say it. A message that names no
patient has nobody to keep it for: then all that it says is of itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.policy.legal.indicators import marked_groups
from engine.policy.legal.markers import READERS, Reader, Said, of_visit
from engine.policy.legal.signal_codes import Says
from engine.policy.message.structure import Structure
from engine.policy.message.view import View
from engine.policy.sensitive.self_pay import SelfPayRequests
from engine.privacy.facts import (
    ConsentKind,
    Item,
    Restriction,
    RestrictionReason,
    SignedConsent,
)
from engine.privacy.patients import Patient, patients_of


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found. `restrictions` and `refusals` are kept; the rest is of this message alone.

    `withholds`, `holds`: the message, from whoever is no part of the hospital; `groups`: segments,
    with what belongs to them; `opts_out`: nothing goes for operations.
    """

    restrictions: tuple[Restriction, ...] = ()
    refusals: tuple[SignedConsent, ...] = ()
    withholds: bool = False
    holds: bool = False
    opts_out: bool = False
    groups: frozenset[int] = frozenset()


NO_SIGNALS = Signals()


def signals_of(view: View, now: datetime, self_pay: SelfPayRequests | None = None) -> Signals:
    """What one patient's part of a message says."""
    said: list[Said] = []
    for read in view.structure.once(_readers_of):
        said += read(view, now)
    groups = marked_groups(view)
    asked = () if self_pay is None or not view.has(self_pay.segment) else self_pay.items(view)
    if not (said or groups or asked):
        return NO_SIGNALS
    patients = patients_of(view.message, view.all("PID"), 3)
    items = [items or of_visit(view) for items in asked]
    says = {one.says for one in said}
    if not patients:  # nobody for whom it could be kept: then it is of this message
        said = [Said(one.says) for one in said]
    return Signals(
        tuple(dict.fromkeys((*_restrictions(said, patients), *_self_paid(items, patients)))),
        tuple(dict.fromkeys(_refusals(says, patients))),
        any(one.says in (Says.RESTRICTED, Says.SELF_PAY) and one.item is None for one in said)
        or bool(items and not patients),
        any(one.says is Says.MARKED and one.item is None for one in said)
        or frozenset() in items
        or (Says.REFUSED in says and not patients),
        Says.OPTS_OUT in says,
        groups,
    )


# --- what is kept -------------------------------------------------------------------------------

_REASONS = {
    Says.RESTRICTED: RestrictionReason.PATIENT_REQUEST,
    Says.SELF_PAY: RestrictionReason.SELF_PAY_IN_FULL,
    Says.MARKED: RestrictionReason.MARKED,
}

#: What somebody who opts out still lets happen is treatment and payment.
_OPTED_OUT = frozenset({"operations", "underwriting", "marketing", "research", "sale", "other"})


def _restrictions(said: Iterable[Said], patients: Iterable[Patient]) -> Iterable[Restriction]:
    for one in said:
        if one.item is not None and one.says in _REASONS:
            for patient in patients:
                yield Restriction(patient, frozenset({one.item}), None, _REASONS[one.says])


def _self_paid(
    asked: Iterable[frozenset[Item]], patients: Iterable[Patient]
) -> Iterable[Restriction]:
    for items in asked:
        for patient in patients if items else ():
            yield Restriction(patient, items, None, RestrictionReason.SELF_PAY_IN_FULL)


def _refusals(says: set[Says], patients: Iterable[Patient]) -> Iterable[SignedConsent]:
    for patient in patients:
        if Says.REFUSED in says:
            yield SignedConsent(patient, ConsentKind.REFUSAL)
        if Says.OPTS_OUT in says:
            yield SignedConsent(patient, ConsentKind.REFUSAL, _OPTED_OUT)


def _readers_of(structure: Structure) -> tuple[Reader, ...]:
    """What reads the markers that messages of this form may have."""
    return tuple(read for name, read in READERS.items() if name in structure.by_id)
