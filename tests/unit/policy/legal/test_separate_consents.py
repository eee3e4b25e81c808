"""Notes whose consent stands alone (45 CFR 164.508(b)(3)(ii); 42 CFR 2.31(b))."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config.rows import fact_of_row, facts_in_rows
from engine.errors import UsageError
from engine.policy.compile import CompiledPolicy
from engine.privacy.facts import ConsentKind, Facts, SignedConsent
from engine.privacy.patients import Patient
from engine.privacy.separate import combined_labels, covered_labels
from engine.privacy.sorts import Sort
from tests.support.cutting import NOW, code, facts, hl7, sent
from tests.support.law_messages import GENERAL, ORDERS, PID, PV1, compiled, consent, oru

COUNSELING, PSYCHOTHERAPY = "sud-counseling-notes", "psychotherapy-notes"
CONFIG = (
    "sud_counseling_notes: {TXA-2: [SCN], OBR-4.1: [SUDN], OBX-3.1: [SUDOBX]}\n"
    "psychotherapy_notes: {TXA-2: [PSN]}\n"
)
DOCUMENT = hl7("MDM^T02", PID, PV1, "TXA|1|SCN", "OBX|1|TX|1-8^x^LN||text", msh="P|2.6")


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return compiled(config=CONFIG)


def signed(*labels: str, kind: ConsentKind = ConsentKind.AUTHORIZATION) -> SignedConsent:
    return SignedConsent(Patient("A", "H"), kind, None, None, frozenset(labels))


def with_consents(*consents: SignedConsent) -> Facts:
    return replace(Facts(NOW), consents=consents)


def test_counseling_notes_go_to_nobody_without_a_consent_of_their_own(
    site: CompiledPolicy,
) -> None:
    assert code(site, DOCUMENT) == "labelled-sud-counseling-notes"
    by_value = DOCUMENT.replace(b"TXA|1|SCN", b"TXA|1|DS").replace(b"1-8^x^LN", b"SUDOBX")
    assert code(site, by_value) == "labelled-sud-counseling-notes"
    result = oru(*ORDERS[1:3], "OBR|2|P2|F2|SUDN^x^L", "OBX|1|TX|1-8^x^LN||text")
    assert len(sent(site, result)) == 4
    listed = facts(site, "consents:", consent(more=f", labels: [{COUNSELING}]"))
    assert code(site, DOCUMENT, listed) == "granted"
    assert any("42 CFR part 2 prohibits" in line for line in sent(site, DOCUMENT, listed))


@pytest.mark.parametrize(
    "consents",
    [
        (signed(kind=ConsentKind.PART2_TPO),),
        (signed(COUNSELING, kind=ConsentKind.PART2_TPO),),
        (signed(),),
        (signed("sud"),),
        (signed(PSYCHOTHERAPY),),
        (signed(COUNSELING, "sud"),),
        (signed(COUNSELING, PSYCHOTHERAPY),),
    ],
)
def test_no_general_and_no_combined_consent_covers_them(
    site: CompiledPolicy, consents: tuple[SignedConsent, ...]
) -> None:
    assert code(site, DOCUMENT, with_consents(*consents)) == "labelled-sud-counseling-notes"


def test_psychotherapy_notes_need_an_authorization_of_their_own_as_well(
    site: CompiledPolicy,
) -> None:
    document = DOCUMENT.replace(b"SCN", b"PSN")
    assert code(site, document, with_consents(signed(PSYCHOTHERAPY, "hiv"))) == (
        "labelled-psychotherapy-notes"
    )
    assert code(site, document, with_consents(signed(PSYCHOTHERAPY))) == "granted"


def test_a_combined_consent_covers_the_rest_of_what_it_names() -> None:
    combined = signed(COUNSELING, "hiv", "sud")
    assert covered_labels(combined) == {"hiv", "sud"}
    assert combined_labels(combined) == {COUNSELING}
    assert combined_labels(signed(COUNSELING)) == frozenset()
    assert combined_labels(signed(COUNSELING, "hiv", kind=ConsentKind.REFUSAL)) == frozenset()


def test_notes_of_a_part_2_unit_need_both_consents() -> None:
    site = compiled(config=CONFIG + "units: {SUD1: part2}\n")
    raw = DOCUMENT.replace(b"|W^1|", b"|SUD1^1|")
    notes, tpo = signed(COUNSELING), signed(kind=ConsentKind.PART2_TPO)
    units = facts(site, GENERAL).units
    for consents, expected in (
        ((notes,), "labelled-sud"),
        ((tpo,), "labelled-sud-counseling-notes"),
        ((notes, tpo), "granted"),
    ):
        assert code(site, raw, replace(with_consents(*consents), units=units)) == expected


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("authorization", f"{COUNSELING};sud"),
        ("authorization", f"{PSYCHOTHERAPY};{COUNSELING}"),
        ("authorization", f"{PSYCHOTHERAPY};mental-health"),
        ("part2-tpo", COUNSELING),
    ],
)
def test_a_combined_consent_is_refused(site: CompiledPolicy, kind: str, labels: str) -> None:
    row = {"patient": "A", "authority": "H", "kind": kind, "purposes": "payment",
           "channels": "acme", "labels": labels}  # fmt: skip
    with pytest.raises(UsageError, match="may not be combined"):
        fact_of_row(Sort.CONSENT, row, site.policy)
    text = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    with pytest.raises(UsageError, match="2:6: bad-value: A consent for such notes"):
        facts_in_rows(Sort.CONSENT, text, "f", site.policy)
    alone = fact_of_row(
        Sort.CONSENT, row | {"kind": "authorization", "labels": COUNSELING}, site.policy
    )
    assert isinstance(alone, SignedConsent)
    assert alone.labels == {COUNSELING}
