"""Consents and refusals on whole decisions (rules.md §7, §10.3, §10.4, §10.8)."""

from __future__ import annotations

import pytest

from tests.support.cutting import channel, code, facts, policy, rule, sent
from tests.support.law_messages import (
    ALL,
    ANY,
    BOTH,
    GENERAL,
    PATIENT,
    adt,
    compiled,
    consent,
    part2,
)


@pytest.mark.parametrize(
    ("asked", "given", "expected"),
    [
        ("not-required", "refusal", "granted"),
        ("unless-refused", "refusal", "refused"),
        ("required", "refusal", "refused"),
        ("unless-refused", "authorization", "granted"),
        ("required", "authorization", "granted"),
        ("required", "part2-tpo", "granted"),
    ],
)
def test_what_a_file_asks_of_consent(asked: str, given: str, expected: str) -> None:
    site = compiled(consent=asked)
    assert code(site, adt(), facts(site, "consents:", consent(given))) == expected


def test_nobody_consented_and_nobody_refused_without_facts() -> None:
    assert code(compiled(consent="required"), adt()) == "no-consent"
    assert code(compiled(consent="unless-refused"), adt()) == "granted"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (", revoked: 2026-03-01T11:59:59Z", "consent-revoked"),
        (", revoked: 2026-03-01T12:00:00Z", "consent-revoked"),
        (", revoked: 2026-03-01T12:00:01Z", "granted"),
    ],
)
def test_a_consent_is_revoked_from_that_instant(more: str, expected: str) -> None:
    site = compiled(consent="required")
    assert code(site, adt(), facts(site, "consents:", consent(more=more))) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-12-31T23:59:59Z", "no-consent"),
        ("2026-01-01T00:00:00Z", "granted"),
        ("2026-12-31T23:59:59Z", "granted"),
        ("2027-01-01T00:00:00Z", "consent-expired"),
    ],
)
def test_a_consent_holds_from_the_start_of_its_first_day_to_the_end_of_its_last(
    now: str, expected: str
) -> None:
    site = compiled(consent="required")
    assert code(site, adt(), facts(site, "consents:", consent(), f"now: {now}")) == expected


def test_days_are_days_in_the_engines_time_zone() -> None:
    site = policy([rule("r", ANY, ALL)], head="consent: required\n", timezone="America/New_York")
    for now, expected in (
        ("2026-01-01T04:59:59Z", "no-consent"),
        ("2026-01-01T05:00:00Z", "granted"),
        ("2027-01-01T04:59:59Z", "granted"),
        ("2027-01-01T05:00:00Z", "consent-expired"),
    ):
        assert code(site, adt(), facts(site, "consents:", consent(), f"now: {now}")) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("purposes: [payment]", "purposes: [treatment]"), "no-consent"),
        (("purposes: [payment]", "purposes: all"), "granted"),
        (("channels: [acme]", "channels: [beta]"), "no-consent"),
        (("channels: [acme]", "channels: all"), "granted"),
        (("id: A,", "id: B,"), "no-consent"),
        (("authority: H", "authority: K"), "no-consent"),
        ((", authority: H", ""), "no-consent"),
    ],
)
def test_a_permit_covers_what_it_names_and_is_certainly_the_patients(
    change: tuple[str, str], expected: str
) -> None:
    site = policy([rule("r", ANY, ALL)], BOTH, head="consent: required\n")
    assert code(site, adt(), facts(site, "consents:", consent().replace(*change))) == expected


@pytest.mark.parametrize(
    ("patient", "pid", "expected"),
    [
        ("{id: A}", "A^^^H^MR", "refused"),
        ("{id: A, authority: H}", "A", "refused"),
        ("{id: A, authority: K}", "A^^^H^MR", "granted"),
        ("{id: B}", "A^^^H^MR", "granted"),
        ("{id: A, authority: H}", "Z^^^Q~A^^^H&1.2&ISO", "refused"),
    ],
)
def test_a_denial_counts_by_id_alone_where_an_authority_is_lacking(
    patient: str, pid: str, expected: str
) -> None:
    site = compiled(consent="unless-refused")
    raw = adt().replace(b"A^^^H^MR", pid.encode())
    known = facts(site, "consents:", f"  - {{patient: {patient}, kind: refusal}}")
    assert code(site, raw, known) == expected


def test_a_file_without_its_consent_grants_nothing_but_withholds_and_others_are_unaffected() -> (
    None
):
    site = compiled(consent="required", more="    withhold: [PV1]\n")
    assert code(site, adt()) == "no-consent"
    known = facts(site, "consents:", consent())
    assert sent(site, adt(), known) == ["PID|||A^^^H^MR"]  # a consent lifts no withholding


def test_a_part_2_consent_is_for_treatment_payment_and_operations_alone() -> None:
    one = channel("acme").replace("[payment, treatment]", "[research]")
    site = policy([rule("r", ANY, ALL)], (one,), purpose="research")
    part2 = consent("part2-tpo").replace("[payment]", "all")
    assert code(site, adt(), facts(site, "consents:", part2)) == "no-consent"
    authorization = part2.replace("part2-tpo", "authorization")
    assert code(site, adt(), facts(site, "consents:", authorization)) == "granted"


def test_under_required_labelled_content_goes_only_if_the_consent_names_the_label() -> None:
    site = compiled("PID: [3], DG1: [3]", "required")
    raw = adt("DG1|1||I10^x^I10", "DG1|2||B20^x^I10")
    assert sent(site, raw, facts(site, "consents:", consent()))[1:] == ["DG1|||I10^x^I10"]
    named = facts(site, "consents:", consent(more=", labels: [hiv]"))
    assert sent(site, raw, named)[1:] == ["DG1|||I10^x^I10", "DG1|||B20^x^I10"]


@pytest.mark.parametrize("purposes", ["all", "[payment]"])
def test_no_consent_lifts_a_protection_for_what_the_patient_refused(purposes: str) -> None:
    site = compiled()
    given = ("consents:", consent("part2-tpo"))
    refused = "  - {" + PATIENT + ", kind: refusal, purposes: " + purposes + ", channels: all}"
    assert code(site, part2(), facts(site, GENERAL, *given)) == "granted"
    assert code(site, part2(), facts(site, GENERAL, *given, refused)) == "labelled-sud"
    other = refused.replace(f"purposes: {purposes}", "purposes: [research]")
    ended = refused.replace("channels: all", "channels: all, expires: 2026-02-01")
    assert code(site, part2(), facts(site, GENERAL, *given, other)) == "granted"
    assert code(site, part2(), facts(site, GENERAL, *given, ended)) == "granted"
    assert code(site, adt(), facts(site, GENERAL, *given, refused)) == "granted"


@pytest.mark.parametrize(
    "said", ["CON|1|001|||||||||X", "CON|1|079|||||||||R", "ARV|1|A|NOCONSENT"]
)
def test_a_consent_that_the_message_itself_takes_back_lifts_nothing(said: str) -> None:
    site = compiled()
    known = facts(site, GENERAL, "consents:", consent("part2-tpo"))
    assert code(site, part2(said), known) == "labelled-sud"
