"""Confidential communications: where a patient wants to be reached by an insurer, and where not.

Law: a patient may ask to be reached elsewhere, and is not asked why; what a message says of where
the patient is reached is then not sent, and at most what was named in its place is (45 CFR
164.522(b)). That it is kept back is a denial, and counts by identifier alone; what is named in its
place is a permit, and needs the authority (rules.md §10.8).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.privacy.patients import Patient


@dataclass(frozen=True, slots=True)
class Address:
    """An address as XAD has it: components 1 to 6; what is not there is `""`."""

    street: str = ""
    other: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """A number as XTN has it: the number as people write it, or components 5 to 8."""

    number: str = ""
    country: str = ""
    area: str = ""
    local: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Confidential:
    """Some channels do not learn from messages where the patient is reached; None: no payer does.

    `address` and `phone` are what they are told instead; None: nothing.
    """

    patient: Patient
    channels: frozenset[str] | None = None
    address: Address | None = None
    phone: Phone | None = None

    def known_as(self, patient: Patient, *, is_sure: bool) -> Confidential:
        """The same of another identifier; `is_sure`: certainly of the same person.

        Where it is not, only that the address is kept back counts.
        """
        if is_sure:
            return replace(self, patient=patient)
        return Confidential(patient, self.channels)
