"""What can be entered of a patient: one sort for each kind of fact.

Law: a sort's name is its command's, and stands in what is sealed; it does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.privacy.confidential import Confidential
from engine.privacy.facts import Cover, Restriction, Sensitivity, SignedConsent

Fact = SignedConsent | Restriction | Cover | Confidential | Sensitivity


class Sort(StrEnum):
    """What an entry is."""

    CONSENT = "consent"
    RESTRICTION = "restriction"
    COVERAGE = "coverage"
    CONFIDENTIAL = "confidential"
    LABEL = "label"


SORTS: Mapping[type, Sort] = {
    SignedConsent: Sort.CONSENT,
    Restriction: Sort.RESTRICTION,
    Cover: Sort.COVERAGE,
    Confidential: Sort.CONFIDENTIAL,
    Sensitivity: Sort.LABEL,
}
