"""The revision is a hash of meaning, not of spelling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.hl7.path import Path
from engine.policy.meaning.revision import DIGITS, revision
from engine.policy.model import Mark
from engine.privacy.protections import Protections
from engine.privacy.units import Unit, Units
from tests.support.differing_policies import BASE, PACK
from tests.support.site_texts import read_policy

CHANNEL = """
channel: acme
name: ACME
kind: payer
identified_by: [{IN1-3.1: ACME01}, {IN1-4.1: ACME}]
agreement: {reference: A-1, expires: 2030-12-31}
purposes: [payment]
ceiling: {messages: [ADT, ORU], segments: {PID: [1-8], PV1: all, DG1: all}}
deliver: {to: "tcp:127.0.0.1:1"}
"""
RULES = """
channels: [acme]
purpose: payment
basis: law
rules:
  - {name: one, why: because, when: {message: ADT, PID-8: [F, M]}, disclose: {PID: [3, 4, 5]}}
  - {name: two, why: because, withhold: [DG1, PV1-3]}
"""


def of(channel: str, rules: str) -> str:
    return revision(read_policy(channel, rules))


@pytest.mark.parametrize(
    ("written", "anew"),
    [
        ("name: ACME", "name: Acme Inc. # a comment"),
        ("[{IN1-3.1: ACME01}, {IN1-4.1: ACME}]", "[{IN1-4.1: ACME}, {IN1-3.1: [ACME01]}]"),
        ("[1-8]", "[8, 1, 2-7, 3.1]"),
        ("reference: A-1, ", ""),
        ("purposes:", "state: live\nstructure: lenient\npayer_type: health-plan\npurposes:"),
        ("[3, 4, 5]", "[5, 3-4]"),
        ("why: because, when", "why: another, when"),
        ("{message: ADT, PID-8: [F, M]}", "{PID-8: [M, F], message: [ADT], coverage: own}"),
        ("{message: ADT, PID-8: [F, M]}", "{all: [{PID-8: [M, F]}, {all: [{message: ADT}]}]}"),
        ("PID-8: [F, M]", "not: {PID-8: {not: [F, M]}}"),
        ("[DG1, PV1-3]", "[PV1-3, DG1, DG1]"),
        ("[DG1, PV1-3]", "{PV1: [3], DG1: {where: {}}}"),
        ("basis: law", "consent: not-required\nbasis: law"),
    ],
)
def test_spelling_changes_nothing(written: str, anew: str) -> None:
    assert written in CHANNEL + RULES
    before = of(CHANNEL, RULES)
    assert of(CHANNEL.replace(written, anew), RULES.replace(written, anew)) == before


@pytest.mark.parametrize(
    ("written", "anew"),
    [
        ("message: ADT,", "message: ORU,"),
        ("message: ADT,", "message: ADT^A01,"),
        ("ACME01", "ACME02"),
        ("2030-12-31", "2031-12-31"),
        ("[1-8]", "[1-9]"),
        ("messages: [ADT, ORU]", "messages: [ADT]"),
        ("purposes:", "state: shadow\npurposes:"),
        ("purposes:", "renumber: false\npurposes:"),
        ("purposes:", "leak_scan: codes\npurposes:"),
        ("basis: law", "basis: another law"),
        ("basis: law", "consent: required\nbasis: law"),
        ("name: one", "name: uno"),
        ("[3, 4, 5]", "[3, 4, 5.1]"),
        ("{message: ADT,", "{message: ADT, coverage: none,"),
        ("PID-8: [F, M]", "PID-8: [F]"),
        ("PID-8: [F, M]", "PID-8: {fold: [F, M]}"),
        ("PID-8: [F, M]", "every: {PID-8: [F, M]}"),
        ("PID-8: [F, M]", "PID-8: {not: [F, M]}"),
        ("PV1-3]", "PV1-3.1]"),
        ("withhold: [DG1, PV1-3]", "withhold: message"),
    ],
)
def test_meaning_changes_it(written: str, anew: str) -> None:
    assert written in CHANNEL + RULES
    before = of(CHANNEL, RULES)
    assert of(CHANNEL.replace(written, anew), RULES.replace(written, anew)) != before


def test_it_is_short_hexadecimal() -> None:
    found = of(CHANNEL, RULES)
    assert len(found) == DIGITS
    assert int(found, 16) >= 0


def test_a_name_counts_as_far_as_two_channels_share_it() -> None:
    """Payers of one name do not contest what both claim (rules.md §10.6); the name is spelling."""

    def named(acme: str, beta: str) -> str:
        channels = {
            "acme": replace(BASE.channels["acme"], name=acme),
            "beta": replace(BASE.channels["beta"], name=beta),
        }
        return revision(replace(BASE, channels={**BASE.channels, **channels}))

    assert named("Acme", "Beta") == named("Beta", "Acme")
    assert named("Acme", "Acme") == named("Beta", "Beta")
    assert named("Acme", "Acme") != named("Acme", "Beta")


def test_packs_marks_and_sets_of_labels_each_count() -> None:
    mark = Mark(Path.parse("TXA-2"), frozenset({"PN"}), "psychotherapy-notes")
    several = [
        BASE,
        replace(BASE, protections=Protections((PACK,))),
        replace(BASE, marks=(mark,)),
        replace(BASE, units=Units({"W": Unit.GENERAL})),
        replace(BASE, protections=Protections((PACK,)), marks=(mark,)),
    ]
    assert len({revision(one) for one in several}) == len(several)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("PID-8: {not: F}", "PID-8: {not: M}", False),
        ("PV1-44: {after: 2026030110+0100}", "PV1-44: {after: 2026030110+0200}", False),
        ("PV1-44: {after: 2026-03-01}", "PV1-44: {after: 20260301}", True),
        ("OBX-5: {at_least: 0}", "OBX-5: {at_least: -0}", True),
        ("OBX-5: {at_least: 7.20}", "OBX-5: {at_least: 7.2}", True),
        ("OBX-5: {at_least: 7}", "OBX-5: {at_least: -7}", False),
    ],
)
def test_conditions_of_one_meaning_have_one_revision(one: str, other: str, same: bool) -> None:
    of_one, of_other = (of(CHANNEL, RULES.replace("PID-8: [F, M]", when)) for when in (one, other))
    assert (of_one == of_other) is same
