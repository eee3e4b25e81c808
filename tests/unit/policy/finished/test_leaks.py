"""What a finished copy must not tell any more (rules.md §10.11)."""

from __future__ import annotations

import pytest

from engine.policy.outcome import Verdict
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule
from tests.support.law_messages import ORDERS, PID, PV1, adt, compiled, restriction


def leaky(text: str) -> str:
    disclose = "PID: [3], PV1: [2], DG1: [3], NTE: all"
    site = compiled(disclose, more="    withhold: {DG1: {where: {DG1-3.1: E11.9}}}\n")
    return code(site, adt(f"NTE|1||{text}", "DG1|1||E11.9^Diabetes^I10", "DG1|2||I10^x^I10"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no code here", "granted"),
        ("known E11.9, diet", "leak"),
        ("known e119.", "leak"),
        (r"known\F\E11.9\F\diet", "leak"),
        ("E11.91 is another", "granted"),
        ("XE11.9", "granted"),
        ("I10 is kept openly", "granted"),
    ],
)
def test_a_withheld_code_must_not_stand_in_a_note(text: str, expected: str) -> None:
    assert leaky(text) == expected


def test_a_leak_names_kinds_and_never_values() -> None:
    site = compiled("PID: [3], PV1: [2], NTE: all", more="    withhold: [DG1]\n")
    result = outcome(site, adt("NTE|1||E11.9", "DG1|1||E11.9^x^I10"))
    assert result.verdict is Verdict.HOLD
    assert "ICD-10-CM" in result.reasons[0].text
    assert "E11" not in result.reasons[0].text


def test_a_code_that_a_kept_coded_field_says_openly_is_no_leak() -> None:
    site = compiled(
        "PID: [3], PV1: [2], DG1: [3], NTE: all, PV2: [3]",
        more="    withhold: {DG1: {where: {DG1-3.1: E11.9}}}\n",
    )
    raw = adt("PV2|||E11.9^x^I10", "NTE|1||E11.9", "DG1|1||E11.9^Diabetes^I10")
    assert code(site, raw) == "granted"


def test_codes_of_restricted_orders_and_labelled_segments_are_looked_for() -> None:
    site = compiled(config="protections: [us-fl]\n")
    note = "NTE|1||see 24331-1"
    raw = hl7("ORU^R01", PID, note, PV1, *ORDERS)
    assert code(site, raw) == "granted"
    assert code(site, raw, facts(site, *restriction("order: P1"))) == "leak"
    hiv = hl7(
        "ORU^R01",
        PID,
        "NTE|1||had 7918-6",
        PV1,
        *ORDERS[4:],
        "OBR|3|P3|F3|7918-6^x^LN",
        "OBX|1|ST|1-8||n",
    )
    assert code(site, hiv) == "leak"


@pytest.mark.parametrize(
    ("own", "other", "pid", "expected"),
    [
        ("M111111", "M222222", "A^^^H~M222222^^^BETA^MB", "leak"),
        ("M111111", "M222222", "A^^^H~M111111^^^ACME^MB", "granted"),
        ("M111111", "M111111", "A^^^H~M111111^^^ACME^MB", "granted"),  # also the payer's own
        ("M111111", "M22", "A^^^H~M22^^^BETA^MB", "granted"),  # too short to tell
    ],
)
def test_numbers_of_other_insurers_must_stand_nowhere(
    own: str, other: str, pid: str, expected: str
) -> None:
    site = policy([rule("r", "message: ADT", "PID: [3], IN1: {fields: [3], which: own}")])
    insurance = "IN1|{}|P|{}" + "|" * 33 + "{}"
    raw = adt(insurance.format(1, "ACME", own), insurance.format(2, "BETA", other))
    assert code(site, raw.replace(b"A^^^H^MR", pid.encode())) == expected


@pytest.mark.parametrize(
    ("segment", "fields"),
    [
        ("PV1", (10, 14, 18)),
        ("PV2", (2, 3, 12)),
        ("DG1", (3, 4, 8)),
        ("PR1", (3, 4, 15)),
        ("IN1", (14, 28)),
        ("IN3", (2, 12, 17)),
        ("ORC", (16,)),
        ("OBR", (4, 13, 15, 18, 19, 20, 21, 31, 39, 44, 46, 47)),
        ("OBX", (3, 4, 5, 8, 17)),  # of one with an OBX-13 nothing is sent (B-7.1)
        ("NTE", (3, 4)),
        ("SPM", (4, 5, 8, 9, 14, 24)),
        ("AL1", (3, 5)),
        ("IAM", (3, 5)),
        ("DRG", (1,)),
        ("ACC", (2, 5, 8)),
        ("PDA", (1,)),
        ("TXA", (2, 16)),
        ("FT1", (7, 8, 9, 19, 25, 26, 29, 43, 44)),
    ],
)
def test_a_withheld_code_is_looked_for_in_each_coded_and_free_text_field(
    segment: str, fields: tuple[int, ...]
) -> None:
    """What chapter 2A types as CE, CWE, TX, FT, ST or IS of values, in what these rules send."""
    more = "    withhold: {PRB: {where: {PRB-3.1: E11.9}}}\n"
    everything = ", ".join(
        f"{name}: all"
        for name in (
            *("PV2", "OBR", "PR1", "IN1", "IN3", "AL1", "IAM", "SPM", "FT1"),
            *("ORC", "DRG", "ACC", "PDA"),
        )
    )
    disclose = f"PID: [3], PV1: all, DG1: all, OBX: all, NTE: all, TXA: all, {everything}"
    ceiling = f"{{{disclose.replace('[3]', 'all')}, PRB: all}}"
    site = policy(
        [rule("r", "message: ADT, coverage: any", disclose.replace("OBR: all", ALONE), more)],
        [channel("acme", ceiling=ceiling)],
    )
    for number in fields:
        line = segment + "|" * number + "see E11.9 again"
        order = ["OBR|1"] if segment == "ORC" else []
        raw = hl7("ADT^A01", PID, *([line] if segment == "PV1" else [PV1, line]), *order, HELD)
        assert code(site, raw) == "leak", f"{segment}-{number}"


ALONE = "OBR: {fields: all, alone: true}"
HELD = "PRB|AD|20260101|E11.9^Diabetes^I10"


@pytest.mark.parametrize(("withheld", "expected"), [("T2", "leak"), ("T9", "granted")])
def test_a_diagnosis_goes_with_the_charge_that_points_to_it(withheld: str, expected: str) -> None:
    """It is withheld with the line, and so looked for with it (§10.10, §10.11)."""
    charges = [
        f"FT1|{n}|T{n}||20260101||CG|C{n}" + "|" * 12 + diagnosis
        for n, diagnosis in ((1, "I10"), (2, "E11.9"))
    ]
    site = policy(
        [
            rule(
                "r",
                "coverage: any",
                "PID: [3], FT1: [2], DG1: [3], NTE: all",
                f"    withhold: {{FT1: {{where: {{FT1-2: {withheld}}}}}}}\n",
            )
        ]
    )
    diagnoses = ["DG1|1||I10^x^I10", "DG1|2||E11.9^Diabetes^I10"]
    raw = hl7("DFT^P03", PID, "NTE|1||E11.9 since 2020", *charges, *diagnoses)
    assert code(site, raw) == expected


@pytest.mark.parametrize(
    ("coded", "text", "expected"),
    [
        ("E119^x^I10", "see E11.9", "leak"),
        ("E119^x^I10", "see E119", "leak"),
        ("E119^x^I10", "see E1.19", "granted"),
        ("25000^x^I9", "see 250.00", "leak"),
        ("25000^x^LN", "see 250.00", "granted"),  # only ICD is written with a dot
    ],
)
def test_a_withheld_code_is_looked_for_with_its_dot_though_it_came_without(
    coded: str, text: str, expected: str
) -> None:
    site = compiled("PID: [3], PV1: [2], NTE: all", more="    withhold: [DG1]\n")
    assert code(site, adt(f"NTE|1||{text}", f"DG1|1||{coded}")) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("DG1|1||E119", "leak"),
        ("PR1|1||E119", "leak"),
        ("FT1|1|||||CG|E119", "leak"),
        ("FT1" + "|" * 25 + "E119", "leak"),
        ("OBR|1|||E119", "leak"),
        ("OBX|1|ST|E119||1", "leak"),
        ("FT1" + "|" * 19 + "E119", "granted"),
        ("OBX|1|CWE|X||E119", "granted"),
    ],
)
def test_where_only_a_code_can_stand_it_is_looked_for_without_its_system(
    line: str, expected: str
) -> None:
    segment = line[:3]
    disclose = "PID: [3], PV1: [2], NTE: all"
    site = compiled(disclose, more=f"    withhold: [{segment}]\n")
    assert code(site, adt("NTE|1||see E119", line)) == expected


def test_the_number_beside_an_insurance_is_that_insurers_too() -> None:
    """IN2-61, the patient's member number."""
    site = policy([rule("r", "message: ADT", "PID: [3], IN1: {fields: [3], which: own}")])
    other = ("IN1|2|PB|BETA", "IN2" + "|" * 61 + "M222222")
    raw = adt("IN1|1|PA|ACME", *other)
    assert code(site, raw) == "granted"
    assert code(site, raw.replace(b"A^^^H^MR", b"A^^^H~M222222^^^BETA^MB")) == "leak"


@pytest.mark.parametrize(
    ("more", "expected"), [("", "granted"), ("identified_by: [{IN1-3.1: ACME}]\n", "leak")]
)
def test_who_acts_for_no_insurer_may_see_the_numbers_of_all(more: str, expected: str) -> None:
    """A laboratory is told who insures the patient; a plan's review vendor is as its plan."""
    vendor = channel("lab", kind="vendor") + more
    site = policy([rule("r", "message: ADT", "PID: [3]")], [vendor], to="[lab]")
    insurance = "IN1|{}|P|{}" + "|" * 33 + "{}"
    raw = adt(insurance.format(1, "ACME", "M111111"), insurance.format(2, "BETA", "M222222"))
    raw = raw.replace(b"A^^^H^MR", b"A^^^H~M222222^^^BETA^MB")
    assert code(site, raw, of="lab") == expected
