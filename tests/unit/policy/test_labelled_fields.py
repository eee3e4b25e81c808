"""Each field that holds codes, of each segment: a protected code there is labelled (§10.5)."""

from __future__ import annotations

import pytest

from tests.support.cutting import channel, facts, hl7, policy, rule, sent
from tests.support.law_messages import ANY, PID, PV1, consent

#: Segment id → fields of coded procedures, tests, products and specimens (HL7 v2, CE and CWE).
SERVICES = {
    "PR1": (3,), "FT1": (7, 25, 29, 43), "OBR": (4, 13, 26, 44, 46, 47, 50), "OBX": (3,),
    "SPM": (4,), "IAM": (3,), "AL1": (3,), "DRG": (1,), "RXO": (1, 24), "RXE": (2, 31),
    "RXD": (2, 25), "RXG": (4,), "RXA": (5,), "RXC": (2,), "PTH": (3,), "AIS": (3,), "PSL": (7,),
}  # fmt: skip
#: … and of diagnoses.
DIAGNOSES = {
    "DG1": (3,), "FT1": (19,), "PR1": (15,), "OBR": (31,), "ORC": (16,), "PV2": (3,), "PDA": (1,),
    "PRB": (3,), "GOL": (3,), "SCH": (6, 7), "RXO": (20,), "RXE": (27,), "RXD": (21,), "RXG": (22,),
    "RXA": (19,),
}  # fmt: skip
FIELDS = [
    (name, number) for table in (SERVICES, DIAGNOSES) for name in table for number in table[name]
]


def tells(name: str, number: int, code: str) -> bool:
    """Whether a Florida insurer learns of the segment with this code in that field."""
    names = sorted({*SERVICES, *DIAGNOSES} - {"OBR"})
    grants = f"{', '.join(f'{one}: all' for one in names)}, OBR: {{fields: all, alone: true}}"
    ceiling = f"{{PID: all, PV1: all, OBR: all, {', '.join(f'{one}: all' for one in names)}}}"
    compiled = policy(
        [rule("r", ANY, f"PID: [3], PV1: [2], {grants}")],
        [channel("acme", ceiling=ceiling)],
        config="protections: [us-fl]\n",
    )
    line = name + "|" * number + code
    raw = (
        hl7("ADT^A01", PID, PV1, line, "OBR|1") if name == "ORC" else hl7("ADT^A01", PID, PV1, line)
    )
    return any(one.startswith(f"{name}|") for one in sent(compiled, raw))


@pytest.mark.parametrize(("name", "number"), FIELDS)
def test_a_code_is_looked_for_in_every_coded_field(name: str, number: int) -> None:
    assert tells(name, number, "99213^Visit^C4")
    assert not tells(name, number, "B20^HIV disease^I10")


@pytest.mark.parametrize("name", ["GSP", "GSR", "GSC"])
@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        ("76691-5^Gender identity^LN", False),
        ("90778-2^Personal pronouns^LN", False),
        ("F64.0^x^I10", False),
        ("76689-9^Sex assigned at birth^LN", True),
    ],
)
def test_what_a_person_s_gender_is_goes_with_the_authorization_for_it(
    name: str, value: str, is_told: bool
) -> None:
    """2.9.1 has segments for it; in California no insurer learns of it without being named."""
    compiled = policy(
        [rule("r", ANY, f"PID: [3], PV1: [2], {name}: all")],
        [channel("acme", ceiling=f"{{PID: all, PV1: all, {name}: all}}")],
        config="protections: [us-ca]\n",
    )
    for number in (4, 5):
        line = f"{name}|1|S" + "|" * (number - 2) + value
        found = sent(compiled, hl7("ADT^A01", PID, line, PV1))
        assert any(one.startswith(name) for one in found) is is_told


@pytest.mark.parametrize(
    ("code", "is_told"),
    [("281^abacavir^RXNORM", False), ("281^x^RXN", False), ("281", True), ("281^x^L", True)],
)
def test_a_number_of_rxnorm_is_one_only_where_that_is_said(code: str, is_told: bool) -> None:
    """All its codes are digits, which elsewhere mean other things."""
    assert tells("RXE", 2, code) is is_told


def test_what_bytes_say_in_one_character_set_is_not_what_they_say_in_another() -> None:
    """In GB 18030 the two bytes before `L` are one character; in Shift-JIS the second divides."""
    compiled = policy(
        [rule("r", "message: ADT, coverage: any", "PID: [3], DG1: [3]")],
        config="protections: [us-fl]\n",
    )
    value = b"A^t\xa6^L^B20^x^I10"
    for charset, is_told in (("GB18030-2000", True), ("SHIFT-JIS", False), ("GB18030-2000", True)):
        raw = hl7("ADT^A01", "PID|1||A^^^H", "DG1|1||VALUE", msh=f"P|2.5.1||||||{charset}")
        lines = sent(compiled, raw.replace(b"VALUE", value))
        assert (len(lines) == 2) is is_told, charset


def test_an_order_has_the_label_of_its_common_order_and_no_other() -> None:
    compiled = policy(
        [rule("r", ANY, "PID: [3], ORC: all, OBR: all, OBX: all")],
        config="protections: [us-fl]\npsychotherapy_notes: {TXA-2: [PN]}\n",
    )
    order = ("ORC|RE" + "|" * 15 + "B20^x^I10", "OBR|1|P1|F1|1-8^x^LN", "OBX|1|NM|1-8^x^LN||1")
    raw = hl7("ORU^R01", PID, *order)
    signed = facts(compiled, "consents:", consent(more=", labels: [hiv]"))
    assert sent(compiled, raw) == []
    assert sent(compiled, raw, signed)[1:] == list(order)


def _told(raw: bytes) -> str:
    """What a Florida insurer learns."""
    ceiling = "{PID: all, PV1: all, DG1: all, FT1: all, OBR: all, OBX: all}"
    grants = "PID: [3], DG1: all, FT1: all, OBR: {fields: all, alone: true}, OBX: all"
    compiled = policy(
        [rule("r", ANY, grants)],
        [channel("acme", ceiling=ceiling)],
        config="protections: [us-fl]\n",
    )
    return "\r".join(sent(compiled, raw))


@pytest.mark.parametrize(
    "kind", ["CE", "cwe", " CE", "CWE ", "CE^x", "CODED", "", "IS", "ID", "ST", "FT"]
)
def test_the_value_of_a_result_is_a_code_unless_its_type_is_known_to_be_another(kind: str) -> None:
    order = ("OBR|1|1|2|1-8^x^LN", f"OBX|1|{kind}|1-8^x^LN||B20^HIV^I10")
    assert "B20" not in _told(hl7("ORU^R01", PID, PV1, *order))
    assert "A09" in _told(hl7("ORU^R01", PID, PV1, *order).replace(b"B20^HIV", b"A09^x"))


@pytest.mark.parametrize("kind", ["XCN", "EI", "CX", "TX", "ST", "NM"])
def test_what_is_no_code_by_its_type_is_none(kind: str) -> None:
    value = "B20" if kind in ("TX", "ST", "NM") else "B20^x"
    order = ("OBR|1|1|2|1-8^x^LN", f"OBX|1|{kind}|1-8^x^LN||{value}")
    assert "B20" in _told(hl7("ORU^R01", PID, PV1, *order))


@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        ("B20^x^I9", False),
        ("B20^x^SCT", False),
        ("B20^x^LN", False),
        ("042^x^I10", False),
        ("B20&x^x^I10", False),
        ("\\H\\B20\\N\\^x^I10", False),
        ("B20\\.br\\^x^I10", False),
        ("E11.9^x^I9", True),
        ("250.00^x^I10", True),
        ("78.1^x^I9CP", True),
    ],
)
def test_a_code_that_its_system_cannot_have_may_be_of_any(value: str, is_told: bool) -> None:
    assert ("DG1" in _told(hl7("ADT^A01", PID, PV1, f"DG1|1||{value}"))) is is_told


@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        ("86703-26^x^C4", False),
        ("8670326^x^CPT", False),
        ("86703 59^x^HCPCS", False),
        ("86703-59", False),
        ("86703:QW^x^99CHG", False),
        ("86703-26-59^x^C4", False),
        ("7918-6^x^C4", False),
        ("99213-25^x^C4", True),
        ("8670326^x^99CHG", True),
    ],
)
def test_a_modifier_is_no_part_of_a_procedure_s_code(value: str, is_told: bool) -> None:
    lines = ("FT1|1|T1||20260105||CG|99213^x^C4", f"FT1|2|T2||20260105||CG|{value}")
    raw = hl7("DFT^P03", PID, PV1, *lines)
    assert ("T2" in _told(raw)) is is_told


@pytest.mark.parametrize("code", ["\uff22\uff12\uff10", "B\u00ad20", "\u200bB20", "\ufeffB20"])
def test_a_code_is_the_same_in_other_forms_of_its_characters(code: str) -> None:
    head = "P|2.5.1||||||UNICODE UTF-8"
    assert "DG1" not in _told(hl7("ADT^A01", PID, PV1, f"DG1|1||{code}^x^I10", msh=head))


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("SIU^S12", "AIS", "AIS|1||{}"),
        ("PPR^PC1", "PRB", "PRB|AD|20260101|{}"),
        ("PGL^PC6", "GOL", "GOL|AD|20260101|{}"),
    ],
)
def test_a_note_goes_with_the_service_problem_or_goal_that_it_is_of(
    kind: str, name: str, line: str
) -> None:
    ceiling = f"{{PID: all, PV1: all, NTE: all, {name}: all}}"
    site = policy(
        [rule("r", ANY, f"PID: [3], PV1: [2], NTE: all, {name}: all")],
        [channel("acme", ceiling=ceiling).replace("[ADT,", f"[{kind[:3]}, ADT,")],
        config="protections: [us-fl]\n",
    )
    first, second = line.format("99213^Visit^C4"), line.format("B20^HIV^I10")
    copy = sent(site, hl7(kind, PID, PV1, first, "NTE|1||fine", second, "NTE|1||viral load"))
    assert copy[2:] == [first, "NTE|1||fine"]


def test_an_order_tells_by_its_parent_s_result_what_that_was() -> None:
    order = "OBR|1|1|2|1-8^x^LN" + "|" * 22
    assert "OBR" not in _told(hl7("ORU^R01", PID, PV1, order + "7918-6&HIV antibody&LN^1^reactive"))
    assert "OBR" in _told(hl7("ORU^R01", PID, PV1, order + "2093-3&Cholesterol&LN^1^high"))
