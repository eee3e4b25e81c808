"""A sender's own markers (standards.md B-7): they deny, they never permit, and some are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.signalled import signalled
from engine.privacy.facts import (
    ConsentKind,
    Facts,
    Item,
    ItemKind,
    Restriction,
    RestrictionReason,
    SignedConsent,
)
from engine.privacy.patients import Patient
from tests.support.cutting import NOW, channel, code, facts, hl7, policy, rule, sent
from tests.support.law_messages import ANY, ORDERS, PID, PV1, adt, compiled, dft, oru

WHO = Patient("A", "H")
EVERYTHING = Item(ItemKind.EVERYTHING)
VISIT = Item(ItemKind.VISIT, "V1")
MARKED = RestrictionReason.MARKED
REQUEST = RestrictionReason.PATIENT_REQUEST
SELF_PAY = RestrictionReason.SELF_PAY_IN_FULL

PD1, PV2 = "PD1" + "|" * 12, "PV2" + "|" * 22
CONFIG = (
    "signals:\n  self_pay: {segment: ZSP, when: {ZSP-1: Y}, visit: ZSP-2, account: ZSP-3,"
    " order: ZSP-4, charge: ZSP-5}\n"
)


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return compiled(config=CONFIG)


def arv(value: str = "", action: str = "A", label: str = "", days: str = "") -> str:
    return f"ARV|1|{action}|{value}|||{days}|{label}"


def con(kind: str, status: str) -> str:
    return f"CON|1|{kind}|||||||||{status}"


def kept(site: CompiledPolicy, raw: bytes) -> list[tuple[Item, RestrictionReason]]:
    """The restrictions that the message enters, all of patient A."""
    facts = [
        one for one in signalled(Message.parse(raw), site, NOW) if isinstance(one, Restriction)
    ]
    assert {one.patient for one in facts} <= {WHO}
    assert {one.channels for one in facts} <= {None}
    return [(item, one.reason) for one in facts for item in one.items]


def refused(site: CompiledPolicy, raw: bytes) -> list[frozenset[str] | None]:
    facts = [
        one for one in signalled(Message.parse(raw), site, NOW) if isinstance(one, SignedConsent)
    ]
    assert {one.kind for one in facts} <= {ConsentKind.REFUSAL}
    return [one.purposes for one in facts]


#: Segments behind PID and PV1, what becomes of the message, what is entered.
MARKERS = [
    # B-7.1: PD1-12 and PV2-22 (0136): anything but N holds, and is kept
    ([PD1 + "N"], "granted", []),
    ([PD1 + '""'], "granted", []),
    ([PD1 + "Y"], "ambiguous-restriction", [(EVERYTHING, MARKED)]),
    ([PD1 + "1"], "ambiguous-restriction", [(EVERYTHING, MARKED)]),
    ([PV2 + "N"], "granted", []),
    ([PV2 + "Y"], "ambiguous-restriction", [(VISIT, MARKED)]),
    # B-7.2, B-7.3: ARV behind PV1 is of the visit
    ([arv("ALL")], "restricted", [(VISIT, REQUEST)]),
    ([arv("HIPAASelfPay")], "restricted", [(VISIT, SELF_PAY)]),
    ([arv("EMRGONLY")], "restricted", [(VISIT, REQUEST)]),
    ([arv("OPTIN")], "granted", []),
    ([arv("NO")], "granted", []),
    ([arv("HIPAAAuth")], "granted", []),  # no proof, and no denial
    ([arv("DEM")], "ambiguous-restriction", [(VISIT, MARKED)]),
    ([arv("WHATEVER")], "ambiguous-restriction", [(VISIT, MARKED)]),
    ([arv("ALL", action="D")], "granted", []),
    ([arv("ALL", action="U")], "restricted", [(VISIT, REQUEST)]),
    ([arv("ALL", days="20260101^20260201")], "granted", []),
    ([arv("ALL", days="20260101^20260301")], "restricted", [(VISIT, REQUEST)]),
    ([arv("ALL", days="soon")], "restricted", [(VISIT, REQUEST)]),
    ([arv("ALL", days="20260401^20260201")], "restricted", [(VISIT, REQUEST)]),
    ([arv("NO", label="V")], "restricted", [(VISIT, REQUEST)]),
    ([arv("NO", label="N")], "granted", []),
    ([arv("NO", label="Q")], "ambiguous-restriction", [(VISIT, MARKED)]),
    # B-7.6: a consent that denies counts, one that permits is no proof
    ([con("001", "A")], "granted", []),
    ([con("110", "A")], "restricted", [(EVERYTHING, REQUEST)]),
    ([con("111", "L")], "restricted", [(EVERYTHING, REQUEST)]),
    ([con("110", "X")], "granted", []),
    ([con("110", "P")], "ambiguous-restriction", [(EVERYTHING, MARKED)]),
    ([con("001", "L")], "ambiguous-restriction", [(EVERYTHING, MARKED)]),
    ([con("001", "")], "ambiguous-restriction", [(EVERYTHING, MARKED)]),
    ([con("095", "R")], "granted", []),  # of a procedure
    ([con("LOCAL", "A")], "granted", []),
    ([con("LOCAL", "R")], "ambiguous-restriction", []),
    ([con("999", "A")], "granted", []),  # of no table: the sender's own, too
    ([con("999", "R")], "ambiguous-restriction", []),
    # self-pay by the site's own segment
    (["ZSP|N"], "granted", []),
    (["ZSP|Y"], "restricted", [(VISIT, SELF_PAY)]),
    (["ZSP|Y|V7"], "granted", [(Item(ItemKind.VISIT, "V7"), SELF_PAY)]),
    (["ZSP|Y|V1^^^H"], "restricted", [(VISIT, SELF_PAY)]),
    (["ZSP|Y|V1&x^7^M10^H"], "restricted", [(VISIT, SELF_PAY)]),
    (["ZSP|Y|||P1^HIS"], "granted", [(Item(ItemKind.ORDER, "P1"), SELF_PAY)]),
    (["ZSP|Y||AC1"], "restricted", [(Item(ItemKind.ACCOUNT, "AC1"), SELF_PAY)]),
    (["ZSP|Y|||P1"], "granted", [(Item(ItemKind.ORDER, "P1"), SELF_PAY)]),
]  # fmt: skip


@pytest.mark.parametrize(("segments", "expected", "entered"), MARKERS)
def test_markers(
    site: CompiledPolicy,
    segments: list[str],
    expected: str,
    entered: list[tuple[Item, RestrictionReason]],
) -> None:
    raw = adt(*segments)
    assert code(site, raw) == expected
    assert kept(site, raw) == entered


@pytest.mark.parametrize("value", ["HIV", "STD", "PSY", "SMD", "HIPAAPsyNotes"])
def test_an_access_code_that_packs_make_a_label_of_is_left_to_them(
    site: CompiledPolicy, value: str
) -> None:
    """B-7.4: no person is asked, and nothing is kept, beside what the label takes."""
    raw = adt(arv(value))
    assert code(site, raw) not in {"restricted", "ambiguous-restriction"}
    assert kept(site, raw) == []


@pytest.mark.parametrize(
    "value",
    ["NO", "OI", "OPTIN", "OPTINR", "IMPLIED", "IMPLIEDD", "HIPAAConsent", "HIPAAConsentCD",
     "HIPAAAuth", "HIPAAAuthCD", "HIPAAROA", "HIPAANOPP", "NOPP"],
)  # fmt: skip
def test_an_access_code_that_permits_is_no_denial(site: CompiledPolicy, value: str) -> None:
    assert (code(site, adt(arv(value))), kept(site, adt(arv(value)))) == ("granted", [])


def test_an_arv_behind_the_patient_is_of_everything(site: CompiledPolicy) -> None:
    raw = hl7("ADT^A01", "EVN||20260101", PID, "PD1|", arv("ALL"), arv("DEM"), PV1)
    assert kept(site, raw) == [(EVERYTHING, REQUEST), (EVERYTHING, MARKED)]


def test_an_arv_of_the_message_alone_is_not_kept(site: CompiledPolicy) -> None:
    raw = hl7("ADT^A01", arv("ALL"), "EVN||20260101", PID, PV1)
    assert (code(site, raw), kept(site, raw)) == ("restricted", [])


@pytest.mark.parametrize(
    ("value", "expected", "refuses"),
    [
        (con("001", "R"), "granted", [None]),
        (con("123", "X"), "granted", [None]),
        (arv("NOCONSENT"), "granted", [None]),
        (arv("OPTOUT"), "granted", [frozenset({"operations", "underwriting", "marketing",
                                               "research", "sale", "other"})]),
    ],
)  # fmt: skip
def test_refusals_are_kept(
    site: CompiledPolicy, value: str, expected: str, refuses: list[frozenset[str] | None]
) -> None:
    raw = adt(value)
    assert (code(site, raw), refused(site, raw)) == (expected, refuses)


def test_a_refusal_counts_where_consent_is_asked_for() -> None:
    asking = compiled(consent="unless-refused")
    assert code(asking, adt(con("001", "R"))) == "refused"
    assert code(asking, adt(con("001", "A"))) == "granted"
    assert code(asking, adt(arv("OPTOUT"))) == "granted"  # treatment and payment go on


def test_who_opts_out_opts_out_of_operations_whatever_the_rules_say() -> None:
    operations = policy(
        [rule("r", ANY, "PID: [3]")],
        [channel("acme").replace("[payment, treatment]", "[operations]")],
        purpose="operations",
    )
    assert code(operations, adt()) == "granted"
    assert code(operations, adt(arv("OPTOUT"))) == "refused"


def test_a_request_that_names_no_item_and_no_visit_holds(site: CompiledPolicy) -> None:
    raw = adt("ZSP|Y", pv1="PV1|1|I").replace(b"AC1^^^H", b"")
    assert (code(site, raw), kept(site, raw)) == ("ambiguous-restriction", [])


def test_what_a_person_has_lifted_is_explained(site: CompiledPolicy) -> None:
    lifted = Restriction(WHO, frozenset({EVERYTHING}), None, MARKED)
    raw = adt(PD1 + "Y")
    assert code(site, raw, replace(Facts(NOW), lifted=frozenset({lifted}))) == "granted"
    other = replace(lifted, patient=Patient("B", "H"))
    assert code(site, raw, replace(Facts(NOW), lifted=frozenset({other}))) == (
        "ambiguous-restriction"
    )


def test_a_marker_does_not_stop_what_stays_within_the_hospital() -> None:
    inside = policy(
        [rule("r", ANY, "PID: [3]")],
        [channel("lab", kind="provider")],
        to="[lab]",
    )
    assert code(inside, adt(PD1 + "Y", arv("ALL")), of="lab") == "granted"
    assert code(inside, hl7("MDM^T02", PID, PV1, "TXA" + "|" * 18 + "V"), of="lab") != "restricted"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("U", True), ("UC", True), ("", True), ("V", False), ("R", False), ("RE", False),
     ("1", False), ("NEW", False)],
)  # fmt: skip
def test_a_document_under_more_than_usual_control_goes_to_no_payer(
    site: CompiledPolicy, value: str, expected: bool
) -> None:
    raw = hl7("MDM^T02^MDM_T02", PID, PV1, "TXA|1|DS" + "|" * 16 + value, "OBX|1|TX|1||x")
    assert (code(site, raw) != "restricted") is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [("", "granted"), ("N", "granted"), ("R", "restricted"), ("V||", "restricted"),
     ("X", "ambiguous-restriction"), ("N|NODSCLCD", "ambiguous-restriction"),
     ("||SPECIAL", "ambiguous-restriction")],
)  # fmt: skip
def test_the_label_of_the_message_header(site: CompiledPolicy, fields: str, expected: str) -> None:
    assert code(site, adt(msh="P|2.9" + "|" * 14 + fields)) == expected


#: A segment, its marked field, and what would be sent of it.
@pytest.mark.parametrize(
    ("name", "field", "free", "marked"),
    [
        ("DG1", 18, "N", "Y"),
        ("DRG", 10, "N", "Y"),
        ("NK1", 23, "N", "Y"),
        ("GT1", 39, "N", "X"),
        ("OBX", 13, "", "psychiatric"),
    ],
)
def test_a_marked_segment_is_dropped(name: str, field: int, free: str, marked: str) -> None:
    everything = f"PID: [3], {name}: all"
    open_ceiling = channel("acme", ceiling=f"{{PID: all, {name}: all}}")
    site = policy([rule("r", ANY, everything)], [open_ceiling])
    line = name + "|1" + "|" * (field - 1)
    for value, is_there in ((free, True), (marked, False)):
        found = sent(site, adt(line + value))
        assert any(one.startswith(name) for one in found) is is_there
        assert any(one.startswith("PID") for one in found)


@pytest.mark.parametrize(
    ("value", "is_there"), [("", True), ("U", True), ("VIP", True), ("V", False), ("XX", False)]
)
def test_an_order_that_is_marked_goes_with_its_results(
    site: CompiledPolicy, value: str, is_there: bool
) -> None:
    orders = [ORDERS[0] + "|" * 25 + value, *ORDERS[1:]]
    found = sent(site, oru(*orders))
    assert any("24331-1" in line for line in found) is is_there
    assert any("2093-3" in line for line in found) is is_there
    assert any("718-7" in line for line in found)


def test_a_charge_that_was_paid_for_is_dropped(site: CompiledPolicy) -> None:
    lines = ["FT1|1|T1||20260105||CG|99213", "FT1|2|T2||20260105||CG|80061"]
    found = sent(site, dft(*lines, "ZSP|Y||||T2"))
    assert [line[:9] for line in found if line.startswith("FT1")] == ["FT1|1|T1|"]


@pytest.mark.parametrize(
    ("name", "field"), [("PV1", 16), ("PV2", 39), ("IN1", 53), ("GT1", 57), ("NK1", 39)]
)
def test_a_flag_of_the_person_stays_whatever_is_granted(name: str, field: int) -> None:
    ceiling = f"{{PID: all, {name}: all}}"
    grants = [rule("r", ANY, f"PID: [3], {name}: all")]
    outside = policy(grants, [channel("acme", ceiling=ceiling)])
    inside = policy(grants, [channel("lab", ceiling=ceiling, kind="provider")], to="[lab]")
    plain = f"{name}|1|A" + "|" * (field - 2)
    for value, left in (("VIP", plain.rstrip("|")), ("", plain)):
        raw = hl7("ADT^A01", "EVN||20260101", PID, plain + value)
        assert sent(outside, raw)[-1] == left  # where it is not set, byte for byte
        assert sent(inside, raw, of="lab")[-1] == plain + value


def test_who_acts_for_payers_waits_for_what_is_marked() -> None:
    vendor = policy([rule("r", ANY, "PID: [3]")], [channel("rev", kind="vendor")], to="[rev]")
    assert code(vendor, adt(PD1 + "Y"), of="rev") == "ambiguous-restriction"
    assert code(vendor, hl7("MDM^T02", PID, PV1, "TXA|1|DS" + "|" * 16 + "V"), of="rev") == (
        "restricted"
    )


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((PV1, arv("^^^HIPAASelfPay^Self pay^HL70717")), "restricted"),
        ((PV1, arv("L1^x^99HOSP^ALL^x^HL70717")), "restricted"),
        ((PV1, arv("NO^none^HL70717^^^^^^^ALL")), "restricted"),
        ((PV1, arv("^keep from the plan")), "ambiguous-restriction"),
        ((PV1, arv("77^keep from the plan^99HOSP")), "ambiguous-restriction"),
        ((PV1, arv("NO^none^HL70717^0^none^99HOSP")), "granted"),
        ((PV1, arv("NO", label="^^^R^^HL70952")), "restricted"),
        ((PV1, arv("NO", label="N~V")), "restricted"),
        ((PV1, arv("NO", label="^very restricted")), "ambiguous-restriction"),
        ((PV1, arv("NO", label="N^normal^HL70952^1^x^99HOSP")), "granted"),
        ((PV1, con("^^^110^Restrict^HL70496", "A")), "restricted"),
        ((PV1, con("110 ", "A")), "restricted"),
        ((PV1, con("7^x^L^111", "A ")), "restricted"),
    ],
)
def test_a_marker_counts_in_whichever_triplet_it_stands(
    site: CompiledPolicy, segments: tuple[str, ...], expected: str
) -> None:
    assert code(site, hl7("ADT^A08", PID, *segments)) == expected


@pytest.mark.parametrize(
    ("value", "goes"),
    [
        ("V", False), ("U", True), ("", True), ("U^^^V", False), ("^^^V^^HL70177", False),
        ("U~V", False), ("^very restricted", False), ("9^x^L", False),
        ("U^usual^HL70177^9^x^L", True),
    ],
)  # fmt: skip
def test_an_order_is_marked_in_whichever_triplet_its_code_stands(
    site: CompiledPolicy, value: str, goes: bool
) -> None:
    common = "ORC|RE|P1|F1" + "|" * 25 + value
    copy = sent(site, oru(common, *ORDERS[1:]))
    assert any("24331-1" in line for line in copy) is goes


def test_a_label_of_the_sender_counts_in_whichever_triplet_it_stands() -> None:
    florida = compiled(config="protections: [us-fl]\n")
    for value in ("HIV", "^^^HIV^x^HL70177", "U^^HL70177^HIV", "HIV "):
        common = "ORC|RE|P1|F1" + "|" * 25 + value
        assert not any("24331-1" in line for line in sent(florida, oru(common, *ORDERS[1:])))


@pytest.mark.parametrize("value", ["^^^R^^HL70952", "N^^^R", "N~R"])
def test_the_label_of_a_message_counts_in_whichever_triplet_it_stands(
    site: CompiledPolicy, value: str
) -> None:
    raw = adt(msh="P|2.9" + "|" * 14 + value)
    assert code(site, raw) == "restricted"
    assert code(site, adt(msh="P|2.9" + "|" * 14 + "N")) == "granted"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-01T04:59:59Z", "granted"),
        ("2026-03-01T05:00:00Z", "restricted"),
        ("2026-03-02T04:59:59Z", "restricted"),
        ("2026-03-02T05:00:00Z", "granted"),
    ],
)
def test_an_access_restriction_holds_on_days_of_the_engine_s_timezone(
    now: str, expected: str
) -> None:
    site = policy([rule("r", ANY, "PID: [3]")], timezone="America/New_York")
    raw = hl7("ADT^A08", PID, PV1, arv("ALL", days="20260301^20260301"))
    assert code(site, raw, facts(site, f"now: {now}")) == expected
    at = datetime.fromisoformat(now)
    assert bool(signalled(Message.parse(raw), site, at)) is (expected == "restricted")


def test_of_several_ranges_of_days_one_is_enough(site: CompiledPolicy) -> None:
    two = "20260101^20260131~20260301^20260331"
    assert code(site, adt(arv("ALL", days=two))) == "restricted"
    assert code(site, adt(arv("ALL", days="20260101^20260131~20260401^"))) == "granted"


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([], "granted"),
        ([PD1 + "Y"], "ambiguous-restriction"),
        ([PV2 + "Y"], "ambiguous-restriction"),
        ([arv("ALL")], "restricted"),
        ([arv("WHATEVER")], "ambiguous-restriction"),
        ([con("110", "A")], "restricted"),
        ([con("110", "P")], "ambiguous-restriction"),
        ([con("001", "R")], "ambiguous-restriction"),
        (["ZSP|Y"], "restricted"),
    ],
)
@pytest.mark.parametrize("pid", ["PID|1", 'PID|1||""', "PID|1||^^^H"])
def test_what_a_message_says_that_names_no_patient_is_of_the_message(
    site: CompiledPolicy, pid: str, segments: list[str], expected: str
) -> None:
    """There is nobody to keep it for; it denies all the same."""
    raw = hl7("ADT^A01^ADT_A01", "EVN||20260101", pid, PV1, *segments)
    assert code(site, raw) == expected
    assert kept(site, raw) == []
