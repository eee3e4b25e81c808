"""The policy as a person wrote it, checked, with nothing left to look up: values only.

Law: grants add up, a withholding wins, the ceiling bounds both; the order of files, rules and
keys never matters. `engine.policy.language` makes these from a site's files and
`engine.policy.compile` turns them into what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.conditions import Condition, MessageType
from engine.privacy.facts import ItemKind
from engine.privacy.protections import Evidence, Protections
from engine.privacy.units import Units


class Kind(Enum):
    """What a counterpart is."""

    PAYER = "payer"
    VENDOR = "vendor"
    PROVIDER = "provider"


class PayerType(Enum):
    """What kind of payer a payer is."""

    HEALTH_PLAN = "health-plan"
    MEDICARE = "medicare"
    MEDICAID = "medicaid"
    TPA = "tpa"
    WORKERS_COMP = "workers-comp"
    AUTO = "auto"
    LIABILITY = "liability"
    LIFE = "life"
    DISABILITY = "disability"
    CLEARINGHOUSE = "clearinghouse"


class Purpose(Enum):
    """Why something is disclosed (rules.md §10.4)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    ELIGIBILITY = "eligibility"
    UNDERWRITING = "underwriting"
    MARKETING = "marketing"
    RESEARCH = "research"
    SALE = "sale"
    OTHER = "other"


#: Purposes that need no authorization of their own (45 CFR 164.506); all others do.
WITHOUT_AUTHORIZATION = frozenset(
    {Purpose.TREATMENT, Purpose.PAYMENT, Purpose.OPERATIONS, Purpose.ELIGIBILITY}
)


class Consent(Enum):
    """What a rules file asks of the patient's consent."""

    NOT_REQUIRED = "not-required"
    UNLESS_REFUSED = "unless-refused"
    REQUIRED = "required"


class Coverage(Enum):
    """What a disclosing rule asks of coverage."""

    OWN = "own"
    NONE = "none"
    ANY = "any"


class State(Enum):
    """A channel's state: checked only; decided and recorded; live."""

    DRAFT = "draft"
    SHADOW = "shadow"
    LIVE = "live"


class ControlId(Enum):
    """MSH-10 of what is sent: the source's, or one of ours (rules.md §10.20)."""

    KEEP = "keep"
    NEW = "new"


class Structure(Enum):
    """Whether a copy must keep what its message structure requires."""

    LENIENT = "lenient"
    STRICT = "strict"


class LeakScan(Enum):
    """What of withheld content is looked for in what is left; other insurers' numbers always."""

    NAMES = "names"  # codes, and what it is called
    CODES = "codes"


class MaskKind(Enum):
    """What a mask leaves of a value; of two masks of one value, the first here is sent."""

    YEAR = "year"
    ZIP3 = "zip3"
    LAST4 = "last4"
    INITIAL = "initial"
    KEYED_HASH = "keyed-hash"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Masking:
    """A mask; `text` is what a constant one puts in the value's place."""

    kind: MaskKind
    text: str = ""


#: What is granted of one segment: field number → None (the whole field) or component numbers.
FieldMask = Mapping[int, "frozenset[int] | None"]


@dataclass(frozen=True, slots=True)
class Channel:
    """The contract with one counterpart, as far as deciding and cutting need it.

    How to reach it (`deliver`) is `engine.config.model.Delivery`.
    """

    id: str
    name: str
    kind: Kind
    place: Place
    purposes: frozenset[Purpose]
    ceiling_messages: frozenset[MessageType]
    ceiling: Mapping[str, FieldMask | None]  # segment id → None (all of it) or a mask
    identified_by: tuple[Condition, ...] = ()  # each is asked of one IN1 with its IN2 and IN3
    address: str = ""  # postal; for the accounting of disclosures
    agreement_reference: str = ""
    agreement_expires: str | None = None  # ISO date; payers always have one
    reassess_on: date | None = None  # when to assess the counterpart again
    payer_type: PayerType | None = None  # of payers only
    rewrite: Mapping[int, str] = field(default_factory=dict)  # MSH field → text, not yet escaped
    control_id: ControlId = ControlId.KEEP
    renumber: bool = True
    state: State = State.LIVE
    structure: Structure = Structure.LENIENT
    leak_scan: LeakScan = LeakScan.NAMES


#: Of OBX: the field that may hold a document, which is sent whole or not at all.
DOCUMENT = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """What one rule grants of one segment id. `mask` None: all of it, byte for byte.

    `maskings` are of fields (component 0) and components that the mask has too; `repetitions` says
    of a field which of its repetitions are granted at all.
    """

    segment: str
    mask: FieldMask | None
    place: Place
    where: Condition | None = None
    which_own: bool = False
    alone: bool = False  # OBR only: worth sending without any of the OBX it came with
    maskings: Mapping[tuple[int, int], Masking] = field(default_factory=dict)
    repetitions: Mapping[int, Condition] = field(default_factory=dict)
    documents: bool = False  # OBX only: of documents too, as it lists their type

    @property
    def spares_documents(self) -> bool:
        """Whether it is of the values of OBX, but of none that carries a document."""
        of_values = self.mask is None or DOCUMENT in self.mask
        return self.segment == "OBX" and of_values and not self.documents


@dataclass(frozen=True, slots=True)
class Withholding:
    """What one rule withholds: the message, of one segment id all, a mask, or where; or labels.

    `labels` are built-in ones and code sets of the site: whatever bears one of them is withheld.
    """

    place: Place
    message: bool = False
    segment: str = ""
    mask: FieldMask | None = None  # None: whole occurrences
    where: Condition | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Codes that put a label. `label` is a value of `Label` or the name of a site's own set."""

    label: str
    codes: CodeSet
    evidence: Evidence = Evidence.CORE


@dataclass(frozen=True, slots=True)
class Mark:
    """Values at one path that put a label, whatever their coding system."""

    path: Path
    texts: frozenset[str]
    label: str


@dataclass(frozen=True, slots=True)
class SelfPay:
    """Which segment of the site's own asks that an item be kept from payers, and when it does.

    `items`: where it names the item; where it names none, the message's visit is meant.
    """

    segment: str
    when: Condition
    items: Mapping[ItemKind, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `channels` is already resolved to ids."""

    name: str
    why: str
    place: Place
    channels: frozenset[str]
    purpose: Purpose
    basis: str
    consent: Consent
    when: Condition
    coverage: Coverage | None  # None: not named (own for a payer's grants)
    grants: tuple[Grant, ...] = ()
    withholdings: tuple[Withholding, ...] = ()

    def coverage_for(self, kind: Kind) -> Coverage:
        """What it asks of coverage before it discloses to such a counterpart (rules.md §10.1)."""
        if self.coverage is not None:
            return self.coverage
        return Coverage.OWN if kind is Kind.PAYER else Coverage.ANY


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole site's channels and rules."""

    channels: Mapping[str, Channel]
    rules: tuple[Rule, ...]
    environment: str  # production | test: what MSH-11 must agree with
    timezone: str = "UTC"
    protections: Protections = field(default_factory=Protections)
    label_sets: tuple[LabelSet, ...] = ()
    marks: tuple[Mark, ...] = ()  # values that label, whatever their coding system
    sets: Mapping[str, CodeSet] = field(default_factory=dict)  # the site's code sets by name
    units: Units = field(default_factory=Units)  # whether each is a Part 2 program
    self_pay: SelfPay | None = None  # how messages ask for it, if they do
