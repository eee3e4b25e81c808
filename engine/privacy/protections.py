"""Packs of statutes as values: which content is protected, from whom, and what lifts that.

Law: a protection stands whatever a site's rules say; where several packs protect the same, each of
them must be lifted (45 CFR 160.203(b): the more stringent law wins; rules.md §5, §10.5). The packs
are data, in `engine/privacy/packs/`; counsel reads them there, with the certainty of each entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Label(Enum):
    """What content may be sensitive for. The value is the contract."""

    SUD = "sud"
    MENTAL_HEALTH = "mental-health"
    HIV = "hiv"
    GENETIC = "genetic"
    REPRODUCTIVE = "reproductive"
    SEXUAL_VIOLENCE = "sexual-violence"
    PSYCHOTHERAPY_NOTES = "psychotherapy-notes"
    MINOR_CONSENTED = "minor-consented"
    SEXUALLY_TRANSMITTED = "sexually-transmitted"
    GENDER = "gender"
    SUD_COUNSELING_NOTES = "sud-counseling-notes"


class Evidence(Enum):
    """How surely a code shows what its label says (standards.md C-1)."""

    CORE = "core"
    EXTENDED = "extended"  # indirect: a screening, a consequence, a family history


class Source(Enum):
    """What makes content protected."""

    CONTENT = "content"  # what the label is put on
    PART2_UNIT = "part2-unit"  # the message's source is a Part 2 program
    UNKNOWN_UNIT = "unknown-unit"  # it is not known whether it is; nothing but knowing lifts it


class Lift(Enum):
    """What lifts a protection, if it is in force and covers the channel and the purpose."""

    AUTHORIZATION = "authorization"  # one that lists the label
    CONSENT = "consent"  # any consent that lists the label
    PART2_TPO = "part2-tpo"  # a Part 2 consent, which needs no list
    OWN_CONSENT = "own-consent"  # one that lists the label and that the patient signed


class Certainty(Enum):
    """How far an entry was checked against the text of the law (standards.md 0.1)."""

    VERIFIED = "V"
    SECONDARY = "S"
    MEMORY = "M"


@dataclass(frozen=True, slots=True)
class Notice:
    """What must go along with what is disclosed.

    `restriction` is its code for ARV-3 (table 0717); `scope` says whether the consent's scope is
    told too (42 CFR 2.32(b)).
    """

    id: str
    text: str
    restriction: str = ""
    scope: bool = False


@dataclass(frozen=True, slots=True)
class Protection:
    """One entry of a pack. `purposes` None: whatever the purpose; `allows` are exempt."""

    pack: str
    label: Label
    citation: str
    certainty: Certainty
    source: Source = Source.CONTENT
    evidence: Evidence = Evidence.CORE
    payers_only: bool = False
    purposes: frozenset[str] | None = None
    allows: frozenset[str] = frozenset()
    lifted_by: frozenset[Lift] = frozenset()
    consent_days: int | None = None  # how long a consent holds that names no end
    notice: Notice | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MinorRule:
    """Care that a minor may consent to alone: from which age, and which labels tell of it."""

    pack: str
    labels: frozenset[Label]
    from_age: int
    citation: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Basis:
    """Every rules file must name one of `articles`; those of `consent` rest on the patient's."""

    citation: str
    certainty: Certainty
    articles: frozenset[str]
    consent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack of statutes."""

    id: str
    name: str
    protections: tuple[Protection, ...]
    minors: tuple[MinorRule, ...] = ()
    bases: tuple[Basis, ...] = ()


@dataclass(frozen=True, slots=True)
class Protections:
    """The packs that a site has on, and those that it has switched off, with the reasons."""

    packs: tuple[Pack, ...] = ()
    off: Mapping[str, str] = field(default_factory=dict)
