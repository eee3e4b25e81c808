"""What conditions mean when they are asked of a message (rules.md §4, §10.13 to §10.17)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.privacy.facts import Facts
from tests.support.cutting import channel, hl7, policy, rule, sent

#: 07:00 in New York, 12:00 UTC.
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETS = (
    "{set: cardiac, system: I10, codes: [R07.9], prefixes: [I20], ranges: [I21-I25]}",
    "{set: tests, system: LN, codes: [7918-6, 2345-7]}",
    "{set: units, codes: [PSY, DETOX]}",
)
PATIENT = "PID|1||A^^^H^MR~B^^^H^MB~C^^^K^MB||DOE^JANE||19800215|F|||1 ROAD^^TOWN^NY^10001"
DIAGNOSES = ("DG1|1||I21.4^Infarction^I10C", "DG1|2||E11.9^Diabetes^I10C")
REPORT = (
    PATIENT,
    "OBR|1|||1^a|||20260101",
    "OBX|1|NM|2345-7^Glucose^LN||7.2|||||||F",
    "OBX|2|SN|X^local^L^7918-6^HIV^LN||>^100|||||||P",
    "OBX|3|ST|N^none||two\\T\\words|||||||F",
)


def holds(when: str, *segments: str, kind: str = "ADT^A01", timezone: str = "UTC") -> bool:
    """Whether a rule under this condition discloses."""
    compiled = policy(
        [rule("r", when, "PID: [3], OBR: {fields: [1, 4], alone: true}")],
        [channel("acme", kind="vendor")],
        sets=SETS,
        timezone=timezone,
    )
    return sent(compiled, hl7(kind, *(segments or (PATIENT,))), Facts(NOW)) != []


def kept(disclose: str, *segments: str, more: str = "") -> list[str]:
    """The segments that are sent of an ORU."""
    compiled = policy(
        [rule("r", "message: ORU", disclose, more)], [channel("acme", kind="vendor")], sets=SETS
    )
    return sent(compiled, hl7("ORU^R01", *segments), Facts(NOW))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("PID-8: F", True),
        ("PID-8: f", False),
        ("PID-8: [M, F]", True),
        ("PID-8: {fold: f}", True),
        ("PID-5.2: {fold: [jim, jane]}", True),
        ("PID-5.2: {fold: [jim, john]}", False),
        ("PID-5.1: {prefix: DO}", True),
        ("PID-5.1: {prefix: [A, D]}", True),
        ("PID-5.1: {prefix: OE}", False),
        ("PID-5: {matches: 'DOE\\^.*'}", True),
        ("PID-5: {matches: 'DOE'}", False),
        ("PID-5.1: {matches: 'D.E'}", True),
        ("PID-5.1: {matches: [X, '[A-Z]{3}']}", True),
        ("PID-5.1: {matches: 'O'}", False),
        ("PID-9: {matches: '.*'}", False),
        ("PID-9: {not: {matches: '.*'}}", True),
        ("PID-3.5: MB", True),
        ("PID-3.5: XX", False),
        ("PID-3.5: {not: MB}", False),
        ("PID-3.5: {not: XX}", True),
        ("'PID-3[1].5': MB", False),
        ("'PID-3[2].5': MB", True),
        ("'PID-3[4].5': {exists: true}", False),
        ("'PID-3[4].5': {not: MB}", True),
        ("every: {PID-3.5: {matches: M.}}", True),
        ("every: {PID-3.5: MB}", False),
        ("every: {PID-9: X}", False),
        ("every: {NK1-3: {not: X}}", False),
        ("any: [{PID-8: M}, {not: {PID-8: M}}]", True),
        ("all: [{PID-8: F}, {any: [{PID-5.1: DOE}]}]", True),
        ("not: {any: [{PID-8: M}, {PID-8: U}]}", True),
        ("NK1: {exists: false}", True),
        ("PID-5: 'DOE^JANE'", True),
        ("MSH-2: '^~\\&'", True),  # the delimiters are no value of several parts
        ("MSH-2: '^'", False),
    ],
)
def test_texts(when: str, expected: bool) -> None:
    assert holds(when) is expected


def test_a_pattern_cannot_be_escaped_by_a_line_end() -> None:
    assert holds("NTE-3: {matches: '.*HIV.*'}", PATIENT, "NTE|1||a\\X0D\\HIV")


def test_a_deletion_equals_only_itself() -> None:
    deleted = PATIENT.replace("|F|", '|""|')
    assert holds("PID-8: '\"\"'", deleted)
    for when in ("{matches: '.*'}", "{prefix: '\"'}", "{after: 1900}", "{at_least: 0}"):
        assert not holds(f"PID-8: {when}", deleted)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("PID-7: {before: 1981}", True),
        ("PID-7: {before: 1980}", False),
        ("PID-7: {after: 1980}", False),  # a year is compared as a year
        ("PID-7: {after: 1979}", True),
        ("PID-7: {after: 1980-02}", False),
        ("PID-7: {after: 19800214}", True),
        ("PID-7: {before: '1980-02-15T23:00'}", False),
        ("PID-7: {after: 1980-02-14, before: 1980-02-16}", True),
        ("PID-7: {after: 1980-02-15, before: 1980-02-16}", False),
        ("PID-7: {before: now}", True),
        ("PID-7: {after: now-30d}", False),
        ("PID-8: {before: now}", False),
        ("PID-9: {not: {before: now}}", True),
        ("MSH-7: {after: now}", False),
        ("MSH-7: {after: -15m}", True),
    ],
)
def test_times(when: str, expected: bool) -> None:
    message = PATIENT.replace("19800215", "19800215^D")
    compiled = policy([rule("r", when, "PID: [3]")], [channel("acme", kind="vendor")])
    raw = hl7("ADT^A01", message).replace(b"20260101120000", b"20260301120000")
    assert (sent(compiled, raw, Facts(NOW)) != []) is expected


@pytest.mark.parametrize(
    ("evn", "when", "expected"),
    [
        ("20260301070000", "{before: now}", False),
        ("20260301065959", "{before: now}", True),
        ("20260301120000+0000", "{before: now}", False),
        ("20260301115959+0000", "{before: now}", True),
        ("20260301", "{before: now}", False),
        ("20260228", "{before: now}", True),
        ("20260301065900", "{after: -1h}", True),
        ("20260301055900", "{after: -1h}", False),
        ("20260130070001", "{after: now-30d}", True),
        ("20260130070000", "{after: now-30d}", False),
        ("202603010700", "{before: '2026-03-01T12:00:30Z'}", False),
        ("2026030106", "{before: '2026-03-01T12:00:30Z'}", True),
        ("not a time", "{before: now}", False),
        ("20260231", "{before: now}", False),
    ],
)
def test_times_without_a_zone_are_in_the_engines(evn: str, when: str, expected: bool) -> None:
    found = holds(f"EVN-2: {when}", f"EVN||{evn}", PATIENT, timezone="America/New_York")
    assert found is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("OBX-5: {at_least: 7.2}", True),
        ("OBX-5: {at_least: 7.3}", False),
        ("OBX-5: {at_most: 7.20}", True),
        ("OBX-5: {at_least: 7, at_most: 8}", True),
        ("OBX-5: {at_least: 8, at_most: 7}", False),
        ("OBX-5.2: {at_least: 99}", True),
        ("OBX-5: {at_least: 99}", False),  # of a component that is not named, the first
        ("OBX-3: {at_least: 1}", False),
        ("'OBX[1]-5': {at_most: 8}", True),
        ("'OBX[2]-5': {at_most: 8}", False),
        ("'OBX[3]-5': 'two&words'", True),
    ],
)
def test_numbers_and_occurrences(when: str, expected: bool) -> None:
    assert holds(when, *REPORT, kind="ORU^R01") is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("FT1-11: {at_least: 1000}", True),  # CP: an amount, its currency, its type
        ("FT1-11: {at_most: 999}", False),
        ("'FT1-11[1]': {at_least: 1000}", True),
        ("FT1-11: {not: {at_least: 1000}}", False),
        ("every: {FT1-11: {at_least: 1000}}", True),
        ("FT1-11.1: {at_least: 1000}", True),
        ("FT1-11.2: {at_least: 0}", False),
        ("FT1-10: {at_least: 3}", True),
    ],
)
def test_of_a_value_with_parts_its_number_is_the_first(when: str, expected: bool) -> None:
    charge = "FT1|1|||20260101||CG|80050|||3^units|1250.00&USD^UP"
    assert holds(when, PATIENT, charge) is expected


def test_a_numbered_occurrence_is_no_other_though_that_is_the_only_one() -> None:
    assert holds("'OBX[1]-2': NM", *REPORT[:3], kind="ORU^R01")
    assert not holds("'OBX[2]-2': NM", *REPORT[:3], kind="ORU^R01")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("DG1-3: {set: cardiac}", True),
        ("DG1-3: {not: {set: cardiac}}", False),
        ("DG1-3: {set: [tests, units]}", False),
        ("every: {DG1-3: {set: cardiac}}", False),
        ("DG1-3.1: {set: cardiac}", True),
        ("'DG1[2]-3': {set: cardiac}", False),
    ],
)
def test_code_sets(when: str, expected: bool) -> None:
    assert holds(when, PATIENT, *DIAGNOSES) is expected


def test_a_code_set_looks_at_both_triplets_and_their_systems() -> None:
    found = kept("PID: [3], OBR: [4], OBX: {fields: [1, 2], where: {OBX-3: {set: tests}}}", *REPORT)
    assert [line for line in found if line.startswith("OBX")] == ["OBX|1|NM", "OBX|2|SN"]


@pytest.mark.parametrize("system", ["^x^L", "^x^99LAB", "^x", ""])
def test_a_code_of_no_certain_system_is_not_disclosed_and_is_withheld(system: str) -> None:
    report = (PATIENT, "OBR|1|||1", f"OBX|1|NM|7918-6{system}||1", "OBX|2|NM|1^y^LN||2")
    granted = kept("PID: [3], OBR: [4], OBX: {fields: [3], where: {OBX-3: {set: tests}}}", *report)
    assert granted == []
    withheld = kept(
        "PID: [3], OBR: [4], OBX: [1, 3]",
        *report,
        more="    withhold: {OBX: {where: {OBX-3: {set: tests}}}}\n",
    )
    assert [line for line in withheld if line.startswith("OBX")] == ["OBX|1||1^y^LN"]


def test_under_a_not_the_uncertain_is_taken_the_other_way() -> None:
    report = (PATIENT, "OBR|1|||1", "OBX|1|NM|7918-6||1")
    grant = "PID: [3], OBR: [4], OBX: {fields: [3], where: {OBX-3: {not: {set: tests}}}}"
    assert kept(grant, *report) == []


def test_a_rule_that_discloses_and_withholds_is_asked_twice() -> None:
    compiled = policy(
        [
            rule("all", "", "PID: [3, 8]"),
            rule("both", "DG1-3: {set: cardiac}", "PV1: [2]", "    withhold: [PID-8]\n"),
        ],
        [channel("acme", kind="vendor")],
        sets=SETS,
    )
    patient = ("PID|1||A||||19800215|F", "PV1|1|I")
    certain = hl7("ADT^A01", *patient, "DG1|1||I21.4^x^I10")
    unclear = hl7("ADT^A01", *patient, "DG1|1||I21.4^x^L")
    neither = hl7("ADT^A01", *patient, "DG1|1||E11^x^I10")
    assert sent(compiled, certain, Facts(NOW)) == ["PID|||A", "PV1||I"]
    assert sent(compiled, unclear, Facts(NOW)) == ["PID|||A"]
    assert sent(compiled, neither, Facts(NOW)) == ["PID|||A|||||F"]


def test_the_coding_method_before_a_diagnosis_names_its_system() -> None:
    assert holds("DG1-3: {set: cardiac}", PATIENT, "DG1|1|I10|I21.4")
    assert not holds("DG1-3: {set: cardiac}", PATIENT, "DG1|1|I9|I21.4")


def test_an_occurrence_counts_in_the_message_and_is_never_another_patients() -> None:
    compiled = policy(
        [rule("r", "'OBX[2]-5': two", "PID: [3], OBR: [4], OBX: [5]")],
        [channel("acme", kind="vendor")],
    )
    raw = hl7(
        "ORU^R01",
        "PID|1||A",
        "OBR|1|||x",
        "OBX|1|ST|||one",
        "PID|2||B",
        "OBR|1|||x",
        "OBX|1|ST|||two",
    )
    assert sent(compiled, raw, Facts(NOW)) == ["PID|||B", "OBR||||x", "OBX|||||two"]


def test_conditions_on_an_insurance_may_be_patterns_sets_and_dates() -> None:
    payer = channel("acme").replace(
        "[{IN1-3.1: ACME}]",
        "[{IN1-2: {set: plans}, IN1-12: {before: 2026-01-02}, IN1-4.1: {matches: 'ACME.*'}}]",
    )
    compiled = policy(
        [rule("r", "", "PID: [3]")], [payer], sets=["{set: plans, codes: [GOLD, SILVER]}"]
    )
    rest = "||||||||20260101"
    assert sent(compiled, hl7("ADT^A01", PATIENT, f"IN1|1|GOLD||ACME Inc{rest}"))
    assert not sent(compiled, hl7("ADT^A01", PATIENT, f"IN1|1|LEAD||ACME Inc{rest}"))
    assert not sent(compiled, hl7("ADT^A01", PATIENT, f"IN1|1|GOLD||Beta{rest}"))
    assert not sent(compiled, hl7("ADT^A01", PATIENT, "IN1|1|GOLD||ACME Inc||||||||20260103"))


@pytest.mark.parametrize("end", [r"\.br\\", r"\X0A\\", r"\X0D\\"])
def test_a_line_end_in_a_value_hides_nothing_from_a_pattern(end: str) -> None:
    """A rule that withholds what a comment says finds it in whichever line it stands."""
    withhold = "    withhold: {NTE: {where: {NTE-3: {matches: '.*secret.*'}}}}\n"
    compiled = policy([rule("r", "coverage: any", "PID: [3], NTE: all", withhold)])
    note = f"NTE|1||first{end}a secret{end}last".replace("\\\\", "\\")
    assert sent(compiled, hl7("ADT^A01", "PID|1||A^^^H", note)) == ["PID|||A^^^H"]


@pytest.mark.parametrize("segment", ["DG1", "PR1"])
def test_the_system_may_stand_in_the_field_before(segment: str) -> None:
    """As versions before 2.3 had it (tables 0053 and 0089)."""
    when = f"{segment}-3: {{set: cardiac}}"
    assert holds(when, PATIENT, f"{segment}|1|I10|I21.4")
    assert not holds(when, PATIENT, f"{segment}|1|LN|I21.4")


def test_what_is_asked_of_another_segment_holds_for_each_that_asks() -> None:
    disclose = "PID: [3], OBR: [4], OBX: {fields: [3], where: {PV1-2: I}}"
    found = kept(disclose, PATIENT, "PV1||I", *REPORT[1:])
    assert sum(line.startswith("OBX") for line in found) == 3
