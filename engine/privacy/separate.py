"""Notes whose consent stands alone: it may be combined with no other.

Law: an authorization for psychotherapy notes may be combined only with another for such notes (45
CFR 164.508(b)(3)(ii)), a consent for substance use disorder counseling notes only with another for
those, and a consent for treatment, payment and operations never covers them (42 CFR 2.31(b)). One
that is combined all the same covers the rest of what it names, and no such notes.
"""

from __future__ import annotations

from engine.privacy.facts import ConsentKind, SignedConsent
from engine.privacy.protections import Label

#: Labels that a consent names alone.
SEPARATE = frozenset({Label.PSYCHOTHERAPY_NOTES.value, Label.SUD_COUNSELING_NOTES.value})

#: Those that no Part 2 consent for treatment, payment and operations may name.
_NEVER_TPO = frozenset({Label.SUD_COUNSELING_NOTES.value})


def covered_labels(consent: SignedConsent) -> frozenset[str]:
    """The labels that it covers of those that it names."""
    return consent.labels - combined_labels(consent)


def combined_labels(consent: SignedConsent) -> frozenset[str]:
    """The labels that it names and must not, since it is about something else as well."""
    if consent.kind is ConsentKind.REFUSAL:
        return frozenset()
    found = SEPARATE & consent.labels if len(consent.labels) > 1 else frozenset[str]()
    if consent.kind is ConsentKind.PART2_TPO:
        found |= _NEVER_TPO & consent.labels
    return found
