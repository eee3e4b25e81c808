"""Plain words for patients: every reason has them, and they say what the fact says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.cli.patient_words import SENSITIVE, WHY, entry_in_words, fields_in_words, why
from engine.config.packs import packs
from engine.policy.outcome import Code
from engine.privacy.confidential import Address, Confidential, Phone
from engine.privacy.facts import (
    ConsentKind,
    Facts,
    Item,
    ItemKind,
    Relation,
    Restriction,
    RestrictionReason,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.patients import Patient
from engine.privacy.protections import Label, Protections
from engine.privacy.sorts import Fact
from engine.privacy.supposing import Supposed, supposing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = Patient("7", "H")
CONSENT = SignedConsent(
    PERSON, ConsentKind.AUTHORIZATION, frozenset({"payment"}), frozenset({"acme"}),
    frozenset({"hiv"}), NOW, None, None, Relation.SELF,
)  # fmt: skip
RESTRICTION = Restriction(
    PERSON, frozenset({Item(ItemKind.VISIT, "V1")}), None, RestrictionReason.SELF_PAY_IN_FULL
)
LABEL = Sensitivity(PERSON, Item(ItemKind.VISIT, "V1"), "hiv")


def test_every_reason_and_every_label_has_its_words() -> None:
    assert set(WHY) == set(Code)
    assert set(SENSITIVE) == set(Label)


def test_statutes_are_cited_with_their_certainty() -> None:
    said = why("labelled-hiv", Protections((packs()["us-ny"],)))
    assert "10 NYCRR 63.5, 63.6(a)(9), checked against the text" in said
    assert "(" not in why("no-rule", Protections((packs()["us-ny"],)))


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (
            Confidential(PERSON, None, Address("9 Quiet Ln"), Phone("702")),
            ("Every insurer gets the other address and phone number that you named, and none that"
             " our messages have."),
        ),
        (
            Confidential(PERSON, frozenset({"acme"})),
            "ACME gets no address or number, and none that our messages have.",
        ),
        (
            CONSENT,
            ("An authorization for payment for care, to ACME; it names HIV; from 2026-03-01;"
            " signed by the patient."),
        ),
        (
            replace(CONSENT, kind=ConsentKind.PART2_TPO, purposes=None, labels=frozenset(),
                    channels=None, begins=None, revoked=NOW, signed_by=None),
            ("A consent about substance use treatment (42 CFR Part 2) for treatment, payment and"
            " health care operations, to every recipient; revoked 2026-03-01."),
        ),
        (
            SignedConsent(PERSON, ConsentKind.REFUSAL),
            "A refusal against every purpose, to every recipient.",
        ),
        (RESTRICTION, "Not to be told to any insurer: visit V1; you asked to pay for it in full."),
        (LABEL, "Protected especially (HIV): visit V1."),
    ],
)  # fmt: skip
def test_entries_in_words(fact: Fact, said: str) -> None:
    assert entry_in_words(fact, {"acme": "ACME"}, "UTC") == said


def test_a_consent_is_shown_with_its_last_day() -> None:
    ends = datetime(2028, 1, 1, 5, tzinfo=UTC)  # midnight of New York, after the last day
    said = entry_in_words(replace(CONSENT, ends=ends), {"acme": "ACME"}, "America/New_York")
    assert "; until 2027-12-31;" in said


def test_fields_in_words() -> None:
    assert fields_in_words({"PID": {"11.4", "3"}, "ZZZ": {"all", "1"}}) == [
        "Patient (PID): patient identifier list, patient address: state or province",
        "ZZZ: all of it",
    ]


def test_a_supposition_changes_only_what_it_names() -> None:
    other = replace(CONSENT, labels=frozenset())
    facts = Facts(NOW, consents=(CONSENT, other), restrictions=(RESTRICTION,))
    without = supposing(facts, Supposed(ended=(CONSENT, RESTRICTION)))
    assert without.consents == (replace(CONSENT, revoked=NOW), other)
    assert without.restrictions == ()
    bare = Facts(NOW)
    found = supposing(bare, Supposed(added=(CONSENT, RESTRICTION)))
    assert found == Facts(NOW, consents=(CONSENT,), restrictions=(RESTRICTION,))
    assert not Supposed()


def test_a_label_may_be_supposed_and_supposed_away() -> None:
    found = supposing(Facts(NOW), Supposed(added=(LABEL,)))
    assert found.sensitivities == (LABEL,)
    assert supposing(found, Supposed(ended=(LABEL,))).sensitivities == ()
