"""Notices that go along with protected content (rules.md §10.12)."""

from __future__ import annotations

import pytest

from engine.policy.outcome import Verdict
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule, sent
from tests.support.law_messages import (
    GENERAL,
    ORDERS,
    PID,
    PV1,
    adt,
    compiled,
    consent,
    lifted,
    oru,
    part2,
)

STATEMENT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


def at(copy: list[str], name: str) -> int:
    return next(n for n, line in enumerate(copy) if line.startswith(name))


def test_the_notice_of_a_result_stands_after_the_patient() -> None:
    site = compiled("PID: [3], PV1: [19], OBR: all, OBX: all, NTE: all")
    raw = oru(*ORDERS[1:3], pv1=PV1.replace("W^1", "SUD1^1"))
    copy = sent(site, raw, lifted(site))
    assert copy[1].startswith(
        f"NTE|1||{STATEMENT}~Scope of the patient's consent: purposes payment"
    )
    assert "until 2026-12-31" in copy[1]
    assert copy[2].startswith("PV1")


def test_the_notice_of_an_admission_is_an_access_restriction_from_2_6_on() -> None:
    site = compiled()
    copy = sent(site, part2(msh="P|2.6"), lifted(site))
    notice = copy[at(copy, "ARV")]
    assert notice.startswith(f"ARV|1|A|42CFRPart2^^HL70717||{STATEMENT}~Scope")
    held = part2(msh="P|2.5.1")
    assert code(site, held, lifted(site)) == "notice"
    assert outcome(site, held, lifted(site)).verdict is Verdict.HOLD


def test_the_notice_of_charges_and_documents() -> None:
    site = compiled()
    line = "FT1|1|T1||20260105||CG|99213||||||SUD1"
    new = hl7("DFT^P03", PID, line, msh="P|2.5")
    copy = sent(site, new, lifted(site))
    assert copy[at(copy, "FT1") + 1].startswith(f"NTE|1||{STATEMENT}")
    assert code(site, hl7("DFT^P03", PID, line, msh="P|2.4"), lifted(site)) == "notice"
    unit = PV1.replace("W^1", "SUD1^1")
    document = hl7("MDM^T02", PID, unit, "TXA|1|DS", "OBX|1|TX|1-8^x^LN||text")
    assert sent(site, document, lifted(site))[-1].startswith(f"NTE|1||{STATEMENT}")
    assert code(site, hl7("MDM^T01", PID, unit, "TXA|1|DS"), lifted(site)) == "notice"


def test_the_notice_of_new_york_goes_where_hiv_is_told_and_only_there() -> None:
    site = compiled("PID: [3], DG1: [3]", config="protections: [us-ny]\n")
    known = facts(site, "consents:", consent(more=", labels: [hiv]"))
    told = sent(site, adt("DG1|1||B20^x^I10", msh="P|2.6"), known)
    assert any(line.startswith("ARV|1|A|HIV^^HL70717||This information") for line in told)
    other = sent(site, adt("DG1|1||I10^x^I10", msh="P|2.6"), known)
    assert not any(line.startswith("ARV") for line in other)
    assert code(site, adt("DG1|1||B20^x^I10"), known) == "notice"


def test_a_notice_is_escaped_for_the_message_that_carries_it() -> None:
    site = compiled()
    raw = part2().replace(b"^", b"$").replace(b"|$~\\&|", b"|$~\\&|")
    copy = sent(site, raw, lifted(site))
    assert copy[at(copy, "ARV")].startswith("ARV|1|A|42CFRPart2$$HL70717")


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ("", "purposes payment; given 2026-01-01; until 2026-12-31."),
        (", labels: [sud, hiv]", "content hiv, sud; given 2026-01-01; until 2026-12-31."),
    ],
)
def test_a_notice_explains_the_scope_of_the_consent(more: str, scope: str) -> None:
    """42 CFR 2.32(b): purposes, what it is about, from when and until when."""
    site = compiled()
    known = facts(site, GENERAL, "consents:", consent("part2-tpo", more))
    copy = sent(site, part2(msh="P|2.6"), known)
    assert copy[at(copy, "ARV")].endswith(scope)


def test_a_consent_without_an_end_is_told_as_one() -> None:
    site = compiled()
    signed = consent("part2-tpo").replace(", given: 2026-01-01, expires: 2026-12-31", "")
    copy = sent(site, part2(msh="P|2.6"), facts(site, GENERAL, "consents:", signed))
    assert copy[at(copy, "ARV")].endswith("purposes payment; until revoked.")


@pytest.mark.parametrize("version", ["", "x", "2", "2.x"])
def test_a_version_that_cannot_be_read_has_no_place_for_a_notice(version: str) -> None:
    site = compiled()
    assert code(site, part2(msh=f"P|{version}"), lifted(site)) == "notice"


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("part2-tpo", "purposes treatment, payment, health care operations; content sud"),
        ("authorization", "purposes all that it names; content sud"),
    ],
)
def test_the_purposes_of_a_consent_for_all(kind: str, scope: str) -> None:
    site = compiled()
    signed = consent(kind, ", labels: [sud]").replace("purposes: [payment]", "purposes: all")
    copy = sent(site, part2(msh="P|2.6"), facts(site, GENERAL, "consents:", signed))
    assert scope in copy[at(copy, "ARV")]


def test_a_notice_stands_after_the_access_restrictions_that_came() -> None:
    rules = [rule("r", "coverage: any", "PID: [3], PV1: [2, 19], ARV: all")]
    site = policy(rules, [channel("acme", ceiling="{PID: all, PV1: all, ARV: all}")])
    unit = PV1.replace("W^1", "SUD1^1")
    raw = hl7("ADT^A01^ADT_A01", "EVN||20260101", PID, "ARV|1|A||X", unit, msh="P|2.6")
    copy = sent(site, raw, lifted(site))
    assert [line[:9] for line in copy[1:3]] == ["ARV|1|A||", "ARV|1|A|4"]


def test_what_has_no_notice_needs_no_place_for_one() -> None:
    """Psychotherapy notes go under an authorization that lists them (§10.5), as they are."""
    site = compiled(config="psychotherapy_notes: {TXA-2: [PN]}\n")
    raw = hl7("MDM^T02", PID, PV1, "TXA|1|PN")
    known = facts(site, "consents:", consent(more=", labels: [psychotherapy-notes]"))
    assert code(site, raw) == "labelled-psychotherapy-notes"
    assert code(site, raw, known) == "granted"
