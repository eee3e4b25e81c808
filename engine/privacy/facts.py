"""The facts a decision rests on, besides the message: values only.

Law: a permit matches a patient by identifier *and* authority; nothing known means nothing known,
and a decision that needed it holds (rules.md §10.6, §10.8). `FactsUnavailable` is for a registry
that does not answer; it is not the same as empty facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import NamedTuple

from engine.privacy.confidential import Confidential
from engine.privacy.patients import Patient
from engine.privacy.standing import IN_FORCE, Standing
from engine.privacy.units import Units


class Level(StrEnum):
    """How closely a coverage row is tied to the service; the narrowest that knows decides.

    Narrowest first.
    """

    VISIT = "visit"  # PV1-19.1
    ACCOUNT = "account"  # PID-18.1
    PATIENT = "patient"  # neither was named


class CoverageKey(NamedTuple):
    """What a coverage is known by: the level's number, and always whose it is.

    `patient` and `authority` are PID-3.1 and PID-3.4.1; `number` is empty at patient level. A
    tuple, since every message makes and looks up several.
    """

    level: Level
    patient: str
    authority: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A channel covers the patient from `since` to `until`, both inclusive; None is open."""

    channel: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Coverages:
    """All that is known under one key: the last snapshot that a message gave.

    `others` says that insurance was named which belongs to no channel, so that an empty `rows`
    means "covered by somebody else", not "unknown". `settled`: of a person's rows, those periods
    (both inclusive) in which nothing else under the same key counts.
    """

    rows: tuple[CoverageRow, ...] = ()
    others: bool = False
    settled: tuple[tuple[date | None, date | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Cover:
    """A coverage that a person entered: `channel` covers the patient from `since` to `until`.

    `number` is that of the visit or account; it is empty at patient level. `settles`: on those days
    it counts instead of what messages taught under the same key, not beside it.
    """

    patient: Patient
    channel: str
    level: Level = Level.PATIENT
    number: str = ""
    since: date | None = None
    until: date | None = None
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An earlier disclosure that a cancel may follow."""

    channel: str
    visit: str = ""
    control_id: str = ""


class ConsentKind(Enum):
    """What a patient has signed."""

    AUTHORIZATION = "authorization"  # 45 CFR 164.508
    PART2_TPO = "part2-tpo"  # 42 CFR 2.31, for treatment, payment and operations
    REFUSAL = "refusal"


class Relation(Enum):
    """What whoever signed is to the patient (45 CFR 164.502(g))."""

    SELF = "self"
    PERSONAL_REPRESENTATIVE = "personal-representative"
    GUARDIAN = "guardian"
    PARENT = "parent"


class Statement(Enum):
    """What an authorization must tell whoever signs it (45 CFR 164.508(c)(2), 42 CFR 2.31)."""

    REVOCATION = "revocation"  # the right to revoke in writing, and how
    CONDITIONING = "conditioning"  # whether care or coverage depends on it
    REDISCLOSURE = "redisclosure"  # the recipient may pass it on, but for what the law forbids


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """A consent or a refusal. None: all purposes, all channels; no beginning, no end.

    It holds from `begins` until just before `ends`, and no more from `revoked` on; all are aware.
    `purposes` are values of `engine.policy.model.Purpose`, `labels` those of
    `engine.privacy.protections.Label`.
    """

    patient: Patient
    kind: ConsentKind
    purposes: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    labels: frozenset[str] = frozenset()
    begins: datetime | None = None
    ends: datetime | None = None
    revoked: datetime | None = None
    signed_by: Relation | None = None
    is_verbal: bool = False  # then it permits nothing; a refusal counts all the same
    event: str = ""  # that ends it, where no day does; whoever learns of it revokes
    description: str = ""  # of the information, specific and meaningful
    signer: str = ""  # who signed
    authority: str = ""  # by which authority, where it is not the patient
    statements: frozenset[Statement] = frozenset()
    id: str = field(default="", compare=False)  # of its entry, by which a disclosure names it


class ItemKind(Enum):
    """What of a patient's care a restriction is about."""

    VISIT = "visit"  # PV1-19.1
    ACCOUNT = "account"  # PID-18.1
    ORDER = "order"  # OBR-2, OBR-3, ORC-2, ORC-3
    CHARGE = "charge"  # FT1-2
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Item:
    """One restricted item; `namespace` of the number's assigner where it is known."""

    kind: ItemKind
    number: str = ""
    namespace: str = ""


class RestrictionReason(Enum):
    """Why a restriction was recorded (45 CFR 164.522(a))."""

    SELF_PAY_IN_FULL = "self-pay-in-full"
    PATIENT_REQUEST = "patient-request"
    MARKED = "marked"  # a message marks it as protected and does not say against whom: hold


@dataclass(frozen=True, slots=True)
class Restriction:
    """What some channels do not receive whatever the rules say; None: every payer.

    `since` and `until` are dates of service, both inclusive; None is open. `state` None: it is in
    force, agreed or mandatory as its reason says.
    """

    patient: Patient
    items: frozenset[Item]
    channels: frozenset[str] | None = None
    reason: RestrictionReason = RestrictionReason.PATIENT_REQUEST
    since: date | None = None
    until: date | None = None
    state: Standing | None = None

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        is_paid = self.reason is RestrictionReason.SELF_PAY_IN_FULL
        return self.state or (Standing.MANDATORY if is_paid else Standing.AGREED)

    @property
    def is_in_force(self) -> bool:
        """Whether it keeps anything back."""
        return self.standing in IN_FORCE

    @property
    def awaits_payment(self) -> bool:
        """Whether it is not known that it was paid in full, so that what it is about waits.

        Such a request needs no agreement: it waits from its first day (standards.md LAW-09).
        """
        if self.standing is Standing.REQUESTED:
            return self.reason is RestrictionReason.SELF_PAY_IN_FULL
        return self.standing is Standing.PENDING_PAYMENT


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A label that a visit, an account or all of a patient's care has for good.

    `label` is a value of `engine.privacy.protections.Label`. Whatever is about `item` is labelled,
    and so is what may be: it names neither a visit nor an account.
    """

    patient: Patient
    item: Item
    label: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at `now` (aware). `available` False: the registry does not answer.

    `units` are the known source units (`engine.policy.legal.units`).
    `entered` is coverage that people entered: under one key, each record's snapshot. `persons` are
    the identifiers that are one person's after merges, `undecided` those of whom a person must say
    whether they are. `lifted`: restrictions that people ended since the message came, which says
    them itself, or of whose payment they have still to decide.
    """

    now: datetime
    coverages: Mapping[CoverageKey, Coverages] = field(default_factory=dict)
    disclosed: frozenset[Disclosed] = frozenset()
    available: bool = True
    consents: tuple[SignedConsent, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    units: Units = field(default_factory=Units)
    entered: Mapping[CoverageKey, tuple[Coverages, ...]] = field(default_factory=dict)
    persons: tuple[frozenset[Patient], ...] = ()
    undecided: frozenset[Patient] = frozenset()
    lifted: frozenset[Restriction] = frozenset()
    confidential: tuple[Confidential, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
