"""Labels of a visit or a patient: what a message says for those that follow, and what others said.

Law: an ARV behind the patient or the visit labels all that comes of them later, since most messages
have no place to say it (standards.md B-7.1, B-7.2). A label is a denial: whatever may be meant is
meant. What takes a label back is for a person to enter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.policy.legal.markers import arv_in_force, item_of_arv
from engine.policy.legal.restrictions import NOWHERE, reach
from engine.policy.message.view import View
from engine.policy.sensitive.labelled import Bits
from engine.policy.sensitive.labels import LabelIndex
from engine.privacy.facts import Restriction, Sensitivity
from engine.privacy.patients import Patient, may_be_any, patients_of


def sensitivities_of(view: View, index: LabelIndex, now: datetime) -> tuple[Sensitivity, ...]:
    """The labels that one patient's part of a message puts on the patient or the visit."""
    if not view.has("ARV"):
        return ()
    labelled = index.labelled(view).segments
    patients = patients_of(view.message, view.all("PID"), 3)
    found = [
        Sensitivity(patient, item, label)
        for segment in view.all("ARV")
        if arv_in_force(view, segment, now)
        if (item := item_of_arv(view, segment)) is not None
        for label in index.labels(labelled.get(segment.index, 0))
        for patient in patients
    ]
    return tuple(dict.fromkeys(found))


def kept_labels(
    sensitivities: Iterable[Sensitivity],
    view: View,
    denied: tuple[Patient, ...],
    index: LabelIndex,
) -> Bits:
    """The labels that the message has, since its patient, visit or account has them."""
    found = 0
    for one in sensitivities:
        is_theirs = may_be_any(one.patient, denied)
        if is_theirs and reach(Restriction(one.patient, frozenset({one.item})), view) != NOWHERE:
            found |= index.core(one.label)
    return found
