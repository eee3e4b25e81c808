"""The name of what the law took out must not stand in what is left of the text."""

from __future__ import annotations

import pytest

from engine.policy.outcome import Verdict
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule
from tests.support.law_messages import ANY, ORDERS, PID, PV1, adt, compiled, dft, restriction

FLORIDA = "protections: [us-fl]\n"
GRANTS = "PID: [3], PV1: [2], DG1: [1, 3, 4], NTE: all, OBX: all, PV2: [3, 12]"
HIV = "DG1|2||B20^HIV disease^I10|Human immunodeficiency virus"
PLAIN = "DG1|1||I10^High pressure^I10"


def noted(*segments: str) -> str:
    """The code that decides of a message with a labelled diagnosis and these segments."""
    return code(compiled(GRANTS, config=FLORIDA), adt(*segments, PLAIN, HIV))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing of it", "granted"),
        ("known HIV disease, diet", "leak"),
        ("known hiv  DISEASE.", "leak"),
        (r"known\F\HIV\.br\disease", "leak"),
        (r"known HIV \H\disease\N\ now", "leak"),
        ("known HIV~disease", "leak"),
        (r"known\F\HIV disease\F\diet", "leak"),
        ("has the human immunodeficiency virus", "leak"),
        ("HIV diseases", "granted"),
        ("antiHIV disease", "granted"),
        ("HIV, and a disease", "granted"),
        ("High pressure", "granted"),  # of a diagnosis that is sent
    ],
)
def test_the_name_of_a_labelled_diagnosis_must_not_stand_in_a_note(
    text: str, expected: str
) -> None:
    assert noted(f"NTE|1||{text}") == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("TX", "leak"),
        ("FT", "leak"),
        ("ST", "leak"),
        ("st", "leak"),
        (" TX", "leak"),
        ("", "leak"),  # nobody says that it is none
        ("CWE", "granted"),
    ],
)
def test_nor_in_a_result_that_is_text(kind: str, expected: str) -> None:
    assert noted(f"OBX|1|{kind}|X1||seen for HIV disease") == expected


def test_nor_in_a_text_of_which_the_type_is_not_sent() -> None:
    site = compiled(GRANTS.replace("OBX: all", "OBX: [1, 3, 5]"), config=FLORIDA)
    assert code(site, adt("OBX|1|TX|X1||seen for HIV disease", PLAIN, HIV)) == "leak"
    assert code(site, adt("OBX|1|CWE|X1||seen for HIV disease", PLAIN, HIV)) == "granted"


@pytest.mark.parametrize(
    ("named", "text", "expected"),
    [
        ("HIV disease", "HIV disease", "leak"),
        ("HIV", "HIV", "granted"),  # one word says too little
        ("Toxoplasmosis", "Toxoplasmosis", "granted"),
        ("HIV inf", "HIV inf", "granted"),  # seven characters
        ("HIV infe", "HIV infe", "leak"),
    ],
)
def test_a_name_has_two_words_and_eight_characters(named: str, text: str, expected: str) -> None:
    site = compiled(GRANTS, config=FLORIDA)
    raw = adt(f"NTE|1||{text}", f"DG1|1||B20^{named}^I10")
    assert code(site, raw) == expected


def test_a_name_that_a_kept_field_says_openly_is_no_leak() -> None:
    assert noted("PV2|||X^HIV disease", "NTE|1||HIV disease") == "granted"


def test_a_leak_never_tells_the_name() -> None:
    result = outcome(compiled(GRANTS, config=FLORIDA), adt("NTE|1||HIV disease", HIV))
    assert result.verdict is Verdict.HOLD
    assert "is called" in result.reasons[0].text
    assert "HIV" not in result.reasons[0].text


def test_the_name_of_what_a_rule_withholds_may_stand_in_a_note() -> None:
    """Whoever grants the note has read it; the law has not."""
    site = compiled(GRANTS, more="    withhold: {DG1: {where: {DG1-3.1: B20}}}\n")
    assert code(site, adt("NTE|1||HIV disease", PLAIN, HIV)) == "granted"
    labelled = compiled(GRANTS, more="    withhold: {labels: [hiv]}\n")
    assert code(labelled, adt("NTE|1||HIV disease", PLAIN, HIV)) == "leak"


def test_the_name_of_a_restricted_order_and_of_its_results_is_looked_for() -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1"))
    order = [ORDERS[1].replace("Lipid", "Lipid panel, fasting"), *ORDERS[2:]]
    for text, expected in (
        ("see the lipid panel, fasting", "leak"),
        ("chol again", "granted"),
        ("lipid panel", "granted"),
    ):
        raw = hl7("ORU^R01", PID, f"NTE|1||{text}", PV1, ORDERS[0], *order)
        assert code(site, raw, known) == expected, text
        assert code(site, raw) == "granted", text


def test_the_name_of_a_restricted_charge_and_its_procedure_is_looked_for() -> None:
    site = policy([rule("r", ANY, "PID: [3], PV1: [2], FT1: all, PR1: all, NTE: all")])
    known = facts(site, *restriction("charge: T2"))
    first = "FT1|1|T1||20260105||CG|99213^Office visit^C4"
    second = "FT1|2|T2||20260105||CG|90834^Therapy, 45 minutes^C4|By the hour"
    procedure = "PR1|1||90834^x^C4|Talking cure"
    for text, expected in (
        ("had THERAPY, 45 minutes", "leak"),
        ("paid by the hour", "leak"),
        ("the talking cure", "leak"),
        ("office visit", "granted"),
    ):
        raw = dft(f"NTE|1||{text}", first, second, procedure)
        assert code(site, raw, known) == expected, text


def test_a_channel_may_have_codes_looked_for_alone() -> None:
    site = policy(
        [rule("r", ANY, GRANTS)], [channel("acme") + "leak_scan: codes\n"], config=FLORIDA
    )
    assert code(site, adt("NTE|1||HIV disease", PLAIN, HIV)) == "granted"
    assert code(site, adt("NTE|1||B20", PLAIN, HIV.replace("B20", "B200"))) == "granted"
    assert code(site, adt("NTE|1||see B20.0", PLAIN, HIV.replace("B20", "B20.0"))) == "leak"
