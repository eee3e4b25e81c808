"""What is done to what the registry holds: by whom, when and why.

Law: a verb stands in what is sealed and in records; it does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.errors import EngineError

#: How `Act.by` begins where a message did it; the receipt follows. No account's name has a colon.
BY_MESSAGE = "message:"


class Verb(StrEnum):
    """What was done to an entry, or to a link of two records."""

    ADDED = "added"
    REVOKED = "revoked"  # a consent, or a refusal, from that instant on; a coverage
    LIFTED = "lifted"  # a restriction (45 CFR 164.522(a)(2)), a label
    ENDED = "ended"  # a confidential communication
    REQUESTED = "requested"  # a restriction to which nobody has agreed
    PENDING_PAYMENT = "pending_payment"  # a restriction of what is to be paid in full
    DECLINED = "declined"
    TERMINATED = "terminated_by_hospital"
    VOIDED = "void_payment_failed"
    JOINED = "joined"  # two records are one person's, says a message
    CONFIRMED = "confirmed"  # and a person has seen that it is so; a restriction is in force
    QUESTIONED = "questioned"  # a message takes it back, and nobody can tell what is whose
    PARTED = "parted"
    TOLD = "told"  # the patient was told of what another signed; it changes nothing else


class RegistryError(EngineError):
    """The change cannot be made; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did it, when and why. `at` is aware; `document`: SHA-256 of the evidence, or empty."""

    by: str
    at: datetime
    why: str = ""
    document: str = ""

    @property
    def is_by_message(self) -> bool:
        """Whether a message did it."""
        return self.by.startswith(BY_MESSAGE)


#: What was done and by whom, oldest first.
History = tuple[tuple[Verb, Act], ...]
