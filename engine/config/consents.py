"""Reading one consent, authorization or refusal of a facts file (rules.md §7).

Law: what a permit covers is written out: its purposes and its channels; what a refusal does not
say, it means.
"""

from __future__ import annotations

from enum import Enum

from engine.config.fact_values import ALL, ALL_PAYERS, FactReader
from engine.policy.language import Keys
from engine.policy.language.source import Node, Scalar
from engine.policy.model import Purpose
from engine.privacy.facts import ConsentKind, Relation, SignedConsent, Statement
from engine.privacy.protections import Label
from engine.privacy.separate import combined_labels

CONSENT_KEYS = Keys(
    "a consent",
    required=("patient", "kind"),
    optional=(
        *("purposes", "channels", "labels", "given", "expires", "revoked", "signed_by"),
        *("mode", "event", "description", "statements"),
    ),
)
SIGNER_KEYS = Keys("`signed_by`", required=("relation",), optional=("name", "authority"))


class Mode(Enum):
    """How it was given."""

    WRITTEN = "written"  # also electronically
    VERBAL = "verbal"


def consent_of(node: Node, read: FactReader) -> SignedConsent | None:
    """One item of `consents`."""
    given = read.mapping(node, CONSENT_KEYS)
    kind = read.reader.choice(given.get("kind"), "`kind`", ConsentKind)
    if kind is None:
        return None
    needed = {
        ConsentKind.AUTHORIZATION: ("purposes", "channels"),
        ConsentKind.PART2_TPO: ("channels",),
        ConsentKind.REFUSAL: (),
    }
    for name in needed[kind]:
        if name not in given:
            read.reader.missing_key(node.place, f"a consent of kind {kind.value}", name)
    labels = given.get("labels")
    signer = read.reader.mapping(given.get("signed_by"), SIGNER_KEYS) or {}
    consent = SignedConsent(
        patient=read.patient(given.get("patient")),
        kind=kind,
        purposes=_purposes(given.get("purposes"), read),
        channels=read.channels(given.get("channels"), ALL, ALL_PAYERS),
        labels=read.choices(labels, "`labels`", Label),
        begins=read.begin(given.get("given"), "`given`"),
        ends=read.end(given.get("expires"), "`expires`"),
        revoked=read.instant(given.get("revoked"), "`revoked`"),
        signed_by=read.reader.choice(signer.get("relation"), "`relation`", Relation),
        is_verbal=read.reader.choice(given.get("mode"), "`mode`", Mode) is Mode.VERBAL,
        event=read.text(given.get("event")),
        description=read.text(given.get("description")),
        signer=read.text(signer.get("name")),
        authority=read.text(signer.get("authority")),
        statements=_statements(given.get("statements"), read),
    )
    begins, ends = consent.begins, consent.ends
    if begins is not None and ends is not None and ends <= begins:
        read.backwards(given["expires"])
    if labels is not None and combined_labels(consent):
        read.reader.bad_value(
            labels,
            "A consent for such notes may not be combined with another (45 CFR 164.508(b)(3)(ii),"
            " 42 CFR 2.31(b)).",
            "Enter an authorization that names these notes alone, and another for the rest.",
        )
    return consent


def _statements(node: Node | None, read: FactReader) -> frozenset[Statement]:
    return frozenset(map(Statement, read.choices(node, "`statements`", Statement)))


def _purposes(node: Node | None, read: FactReader) -> frozenset[str] | None:
    if node is None:
        return None
    if isinstance(node, Scalar):
        if node.text != ALL:
            read.reader.wrong_type(node, "`purposes`", "a list of purposes, or `all`")
        return None
    return read.choices(node, "`purposes`", Purpose)
