"""Restrictions on whole decisions (rules.md §7, §10.7, §10.8)."""

from __future__ import annotations

import pytest

from engine.policy.outcome import Code, Verdict
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule, sent
from tests.support.law_messages import (
    ALL,
    ANY,
    ORDERS,
    PID,
    PV1,
    adt,
    compiled,
    dft,
    oru,
    restriction,
)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("visit: V1", "restricted"),
        ("account: AC1", "restricted"),
        ("everything: true", "restricted"),
        ("visit: [V9, V1]", "restricted"),
        ("visit: V2", "granted"),
        ("account: V1", "granted"),
    ],
)
def test_a_restriction_on_a_visit_an_account_or_everything_withholds_the_message(
    items: str, expected: str
) -> None:
    site = compiled()
    assert code(site, adt(), facts(site, *restriction(items))) == expected
    if expected == "restricted":
        result = outcome(site, adt(), facts(site, *restriction(items)))
        assert result.verdict is Verdict.WITHHOLD


@pytest.mark.parametrize("items", ["visit: V1", "account: AC1"])
def test_a_message_that_names_neither_visit_nor_account_holds(items: str) -> None:
    site = compiled()
    raw = adt(pv1="PV1|1|I").replace(b"AC1^^^H", b"")
    known = facts(site, *restriction(items))
    assert code(site, raw, known) == "ambiguous-restriction"
    assert outcome(site, raw, known).verdict is Verdict.HOLD
    assert code(site, adt(pv1="PV1|1|I"), known) == ("restricted" if "AC1" in items else "granted")


@pytest.mark.parametrize("nothing", ['""', "  ", "^^^H", '""^^^H'])
def test_a_field_that_gives_no_number_names_no_visit(nothing: str) -> None:
    site = compiled()
    raw = adt(pv1=PV1.replace("V1^^^H", nothing)).replace(b"AC1^^^H", nothing.encode())
    assert code(site, raw, facts(site, *restriction("visit: V1"))) == "ambiguous-restriction"
    assert code(site, raw, facts(site, *restriction("account: AC1"))) == "ambiguous-restriction"


def test_the_number_of_a_visit_is_its_first_part_however_it_goes_on() -> None:
    site = compiled()
    for number in ("V1&x", "V1&x^5^M10^H", " V1 "):
        raw = adt(pv1=PV1.replace("V1^^^H", number))
        assert code(site, raw, facts(site, *restriction("visit: V1"))) == "restricted", number


def test_all_payers_are_those_of_kind_payer() -> None:
    vendor = channel("beta", kind="vendor")
    site = policy([rule("r", ANY, ALL)], (channel("acme"), vendor), to="[acme, beta]")
    known = facts(site, *restriction("visit: V1", ", channels: all payers"))
    assert code(site, adt(), known) == "restricted"
    assert code(site, adt(), known, of="beta") == "granted"
    named = facts(site, *restriction("visit: V1", ", channels: [beta]"))
    assert code(site, adt(), named) == "granted"
    assert code(site, adt(), named, of="beta") == "restricted"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (", from: 2026-01-01", "restricted"),
        (", from: 2026-01-02", "granted"),
        (", to: 2026-01-01", "restricted"),
        (", to: 2025-12-31", "granted"),
    ],
)
def test_a_restriction_is_of_dates_of_service(more: str, expected: str) -> None:
    """The admission is of 2026-01-01 (EVN-2)."""
    site = compiled()
    assert code(site, adt(), facts(site, *restriction("visit: V1", more))) == expected


def test_a_restriction_counts_for_whoever_is_merged_into_the_patient() -> None:
    site = policy([rule("r", f"message: ADT^A40, {ANY}", "PID: [3], MRG: all")])
    raw = hl7("ADT^A40^ADT_A39", "EVN||20260101", PID.replace("A^^^H", "Z^^^H"), "MRG|A^^^H")
    assert code(site, raw) == "granted"
    assert code(site, raw, facts(site, *restriction("everything: true"))) == "restricted"


@pytest.mark.parametrize("number", ["P1", "F1", "P1^HIS", "F1^LAB"])
def test_a_restricted_order_goes_with_its_group(number: str) -> None:
    site = compiled()
    known = facts(site, *restriction(f'order: "{number}"'))
    assert sent(site, oru(*ORDERS), known)[2:] == [
        "OBR|1|P2|F2|718-7^Hb^LN|||20260105", ORDERS[5],
    ]  # fmt: skip
    assert not sent(site, oru(*ORDERS[:4]), known)


def test_order_numbers_compare_by_namespace_where_both_have_one() -> None:
    site = compiled()
    known = facts(site, *restriction('order: "P1^OTHER"'))
    assert len(sent(site, oru(*ORDERS), known)) == len(sent(site, oru(*ORDERS)))
    bare = facts(site, *restriction('order: "P2^OTHER"'))
    assert "718-7" not in str(sent(site, oru(*ORDERS), bare))


@pytest.mark.parametrize("field", [29, 54])
def test_what_followed_from_a_restricted_order_goes_with_it(field: int) -> None:
    site = compiled()
    child = "OBR|1|P7|F7|1-8^x^LN" + "|" * (field - 4) + "P9&HIS^F9"
    raw = oru(child, "OBX|1|NM|1-8^x^LN||1", *ORDERS)
    assert "P7" not in str(sent(site, raw, facts(site, *restriction("order: P9"))))
    assert "P7" in str(sent(site, raw, facts(site, *restriction("order: P8"))))


def test_an_order_without_a_number_holds_where_an_order_is_restricted() -> None:
    site = compiled()
    known = facts(site, *restriction("order: P9"))
    raw = oru(*ORDERS, "OBR|3|||1-8^x^LN", "OBX|1|NM|1-8^x^LN||1")
    assert code(site, oru(*ORDERS), known) == "granted"
    assert code(site, raw, known) == "ambiguous-restriction"


@pytest.mark.parametrize("details", [("ODS|D||1",), ("BPO|1|2^x^L", "NTE|1||for the ward")])
def test_a_restricted_order_goes_with_what_its_orc_does_not_take_along(
    details: tuple[str, ...],
) -> None:
    everything = "{PID: all, PV1: all, ORC: all, OBR: all, OBX: all, NTE: all, ODS: all, BPO: all}"
    site = policy(
        [rule("r", ANY, "PID: [3], ORC: all, NTE: all, ODS: all, BPO: all")],
        [channel("acme", ceiling=everything).replace("[ADT,", "[OMB, ADT,")],
    )
    raw = hl7("OMB^O27", PID, PV1, "ORC|NW|P1", *details)
    assert sent(site, raw)[1:] == list(details)
    assert len(sent(site, raw, facts(site, *restriction("order: P1")))) == 1
    assert len(sent(site, raw.replace(b"ORC|NW|P1", b"ORC|NW|P1" + b"|" * 26 + b"V"))) == 1
    assert code(site, raw, facts(site, *restriction("order: P9"))) == "granted"
    alone = hl7("OMB^O27", PID, PV1, "ORC|NW|P1", "ORC|NW|P2", *details)
    assert sent(site, alone, facts(site, *restriction("order: P1")))[1:] == list(details)


LINES = (
    "FT1|1|T1||20260105||CG|99213^^C4||||||||||||I10^^I10",
    "FT1|2|T2||20260105||CG|99214^^C4||||||||||||E11.9^^I10",
    "DG1|1||I10^^I10", "DG1|2||E11.9^^I10",
)  # fmt: skip


def test_a_restricted_charge_goes_with_what_pertains_only_to_it() -> None:
    site = compiled("PID: [3], FT1: all, DG1: all, PV1: all")
    raw = dft(*LINES).replace(b"V1^^^H", b"V1^^^H" + b"|" * 27 + b"300")
    known = facts(site, *restriction("charge: T2"))
    assert sent(site, raw, known)[1:] == [PV1, LINES[0], LINES[2]]


def test_a_charge_without_a_number_holds_where_a_charge_is_restricted() -> None:
    site = compiled()
    known = facts(site, *restriction("charge: T9"))
    assert code(site, dft(*LINES), known) == "granted"
    assert code(site, dft(LINES[0].replace("|T1|", "||")), known) == "ambiguous-restriction"


def test_a_line_out_of_the_restricted_dates_stays() -> None:
    site = compiled("PID: [3], FT1: all")
    known = facts(site, *restriction("charge: T2", ", to: 2026-01-04"))
    assert len(sent(site, dft(*LINES), known)) == 3


def test_the_charge_for_a_restricted_order_goes_too() -> None:
    site = compiled("PID: [3], FT1: all")
    line = "FT1|1|T1||20260105||CG|85018" + "|" * 16 + "F2"
    known = facts(site, *restriction("order: F2"))
    assert sent(site, dft(line, LINES[1]), known)[1:] == [LINES[1].replace("FT1|2", "FT1|1")]


def test_the_cancel_of_a_restricted_visit_holds() -> None:
    site = policy([rule("r", "message: ADT^A01", "PID: [3]")])
    known = facts(site, *restriction("visit: V1"), "disclosed: [{channel: acme, visit: V1}]")
    assert code(site, adt(event="A11"), known) == "ambiguous-restriction"
    assert outcome(site, adt(event="A11"), known).verdict is Verdict.HOLD
    free = facts(site, "disclosed: [{channel: acme, visit: V1}]")
    assert code(site, adt(event="A11"), free) == "granted"


@pytest.mark.parametrize(
    ("common", "order"),
    [
        ("ORC|RE|P1", "OBR|1"),
        ("ORC|RE||P1", "OBR|1"),
        ("ORC|RE", "OBR|1|P1"),
        ("ORC|RE", "OBR|1||P1"),
    ],
)
def test_an_order_is_known_by_each_of_its_four_numbers(common: str, order: str) -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1"))
    order += "|" * (4 - order.count("|")) + "24331-1^Lipid^LN"
    found = sent(site, oru(common, order, "OBX|1|NM|2093-3^x^LN||1", *ORDERS[4:]), known)
    assert not any("24331-1" in line for line in found)
    assert any("718-7" in line for line in found)


def test_a_message_that_names_another_visit_needs_no_account() -> None:
    site = compiled()
    raw = adt().replace(b"AC1^^^H", b"")
    assert code(site, raw, facts(site, *restriction("visit: V9"))) == "granted"


@pytest.mark.parametrize(
    ("ordered", "observed", "goes"),
    [
        ("20260205", "", False),
        ("20260305", "20260205", True),  # OBR-7 goes before OBX-14
        ("", "20260205", False),
        ("", "20260305", True),
        ("", "", True),  # then the visit's or the message's day: 2026-01-01
    ],
)
def test_the_day_of_an_order_is_its_own_its_results_or_the_messages(
    ordered: str, observed: str, goes: bool
) -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1", ", from: 2026-02-01, to: 2026-02-28"))
    order = (f"OBR|1|P1|F1|1-8^x^LN|||{ordered}", "OBX|1|NM|1-8^x^LN||1" + "|" * 9 + observed)
    assert any("|P1|" in line for line in sent(site, oru(*order), known)) is goes


def test_each_restriction_has_channels_of_its_own() -> None:
    vendor = channel("beta", kind="vendor")
    site = policy([rule("r", ANY, ALL)], (channel("acme"), vendor), to="[acme, beta]")
    line, first = restriction("visit: V1", ", channels: all payers")
    _, second = restriction("visit: V1", ", channels: [beta]")
    for of in ((first, second), (second, first)):
        assert code(site, adt(), facts(site, line, *of), of="beta") == "restricted"


SELF_PAID = ", reason: self-pay-in-full"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "restricted"),
        (", state: agreed", "restricted"),
        (", state: requested", "granted"),
        (", state: declined", "granted"),
        (", state: terminated_by_patient", "granted"),
        (SELF_PAID, "restricted"),
        (f"{SELF_PAID}, state: mandatory", "restricted"),
        (f"{SELF_PAID}, state: requested", "payment-unconfirmed"),
        (f"{SELF_PAID}, state: pending_payment", "payment-unconfirmed"),
        (f"{SELF_PAID}, state: void_payment_failed", "granted"),
    ],
)
def test_law_09_only_what_is_agreed_or_mandatory_keeps_back(more: str, expected: str) -> None:
    """And what is to be paid in full waits until that is known."""
    site = compiled()
    assert code(site, adt(), facts(site, *restriction("visit: V1", more))) == expected


@pytest.mark.parametrize("state", ["requested", "pending_payment"])
def test_law_09_lines_of_which_the_payment_is_not_confirmed_hold_the_copy(state: str) -> None:
    site = compiled()
    pending = f"{SELF_PAID}, state: {state}"
    held = outcome(site, dft(*LINES), facts(site, *restriction("charge: T1", pending)))
    assert held.verdict is Verdict.HOLD
    assert held.reasons[0].code is Code.PAYMENT_UNCONFIRMED
    other = facts(site, *restriction("charge: T9", pending))
    assert code(site, dft(*LINES), other) == "granted"
    # One that is in force decides first.
    both = (*restriction("charge: T1", pending), restriction("visit: V1")[1])
    assert code(site, dft(*LINES), facts(site, *both)) == "restricted"


@pytest.mark.parametrize(
    ("restricted", "ordered", "is_sent"),
    [
        ("P1", "TXA|1|DS" + "|" * 12 + "P1^HIS", False),
        ("P1", "TXA|1|DS" + "|" * 12 + "P0~P1", False),
        ("F1", "TXA|1|DS" + "|" * 13 + "F1^LAB", False),
        ("P1^HIS", "TXA|1|DS" + "|" * 12 + "P1^OTHER", True),
        ("P1", "TXA|1|DS" + "|" * 12 + "P2", True),
        ("P1", "TXA|1|DS" + "|" * 11 + "P1", True),
        ("P1", "TXA|1|DS", True),
    ],
)
def test_a_document_of_a_restricted_order_is_withheld(
    restricted: str, ordered: str, is_sent: bool
) -> None:
    site = compiled()
    known = facts(site, *restriction(f'order: "{restricted}"'))
    raw = hl7("MDM^T02", PID, PV1, ordered, "OBX|1|TX|1-8^x^LN||text")
    assert code(site, raw, known) == ("granted" if is_sent else "restricted")


def test_a_document_that_comes_with_a_restricted_order_is_withheld() -> None:
    site = compiled()
    raw = hl7("MDM^T02", PID, PV1, *ORDERS[:2], "TXA|1|DS", "OBX|1|TX|1-8^x^LN||text", msh="P|2.6")
    assert code(site, raw, facts(site, *restriction("order: P1"))) == "restricted"
    assert code(site, raw, facts(site, *restriction("order: P9"))) == "granted"


def after(segment: str, field: int, value: str) -> str:
    return segment + "|" * (field - segment.count("|")) + value


@pytest.mark.parametrize(
    ("restricted", "order", "is_sent"),
    [
        ("P1", ("ORC|RE|P7|F7", after("OBR|1|P7|F7|L1^x^L", 29, "P1&HIS")), False),
        ("P1", ("ORC|RE|P7|F7", after("OBR|1|P7|F7|L1^x^L", 29, "P0~ P1 ")), False),
        ("F1", ("ORC|RE|P7|F7", after("OBR|1|P7|F7|L1^x^L", 29, "P0^F1&LAB")), False),
        ("P1", (after("ORC|RE|P7|F7", 8, "P1"), "OBR|1|P7|F7|L1^x^L"), False),
        ("F1^LAB", (after("ORC|RE|P7|F7", 8, "^F1&LAB"), "OBR|1|P7|F7|L1^x^L"), False),
        ("F1^LAB", (after("ORC|RE|P7|F7", 8, "^F1&ELSE"), "OBR|1|P7|F7|L1^x^L"), True),
        ("P1^LAB", (after("ORC|RE|P7|F7", 8, "P1&HIS"), "OBR|1|P7|F7|L1^x^L"), True),
        ("P2", (after("ORC|RE|P7|F7", 8, "P1"), after("OBR|1|P7|F7|L1^x^L", 29, "P1")), True),
    ],
)
def test_an_order_that_came_of_a_restricted_one_goes_too(
    restricted: str, order: tuple[str, str], is_sent: bool
) -> None:
    """Also where it comes without the order that it came of (B-9.2)."""
    site = compiled()
    known = facts(site, *restriction(f'order: "{restricted}"'))
    copy = sent(site, oru(*order, "OBX|1|NM|L1^x^L||1", *ORDERS[4:]), known)
    assert any("|P7|" in line for line in copy) is is_sent
    assert any("|P2|" in line for line in copy) is (restricted != "P2")


def test_an_order_of_no_number_of_its_own_is_not_told_by_its_parent_s() -> None:
    site = compiled()
    known = facts(site, *restriction("order: P9"))
    child = (after("OBR|1|||L1^x^L", 29, "P1"), "OBX|1|NM|L1^x^L||1")
    assert code(site, oru(*child), known) == "ambiguous-restriction"


def test_a_document_of_another_time_is_sent() -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1", ", from: 2026-02-01"))
    raw = hl7("MDM^T02", "EVN||20260101", PID, PV1, "TXA|1|DS" + "|" * 12 + "P1")
    assert code(site, raw, known) == "granted"
    assert code(site, raw.replace(b"EVN||20260101", b"EVN||20260201"), known) == "restricted"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("20251220^20260105", "restricted"),
        ("20260105^20251220", "restricted"),
        ("20251220^20251231", "granted"),
        ("20251220", "granted"),
        ("20251220^nodate", "restricted"),
        ("20260229", "restricted"),
        ("20251320", "restricted"),
        ('""', "granted"),  # then the admission's
    ],
)
def test_a_charge_is_restricted_on_each_of_its_days(days: str, expected: str) -> None:
    site = compiled()
    known = facts(site, *restriction("charge: T1", ", from: 2026-01-01, to: 2026-02-28"))
    raw = dft(f"FT1|1|T1||{days}||CG|99213").replace(
        PV1.encode(), f"{PV1}{'|' * 25}20251220".encode()
    )
    assert code(site, raw, known) == ("nothing-left" if expected == "restricted" else "granted")


@pytest.mark.parametrize(("end", "expected"), [("20260105", False), ("20251231", True), ("", True)])
def test_an_observation_is_restricted_on_each_of_its_days(end: str, expected: bool) -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1", ", from: 2026-01-01, to: 2026-02-28"))
    raw = oru(f"OBR|1|P1|F1|L^X^L|||20251230|{end}", "OBX|1|NM|L^X^L||1")
    assert bool(sent(site, raw, known)) is expected


@pytest.mark.parametrize(
    ("admitted", "expected"),
    [("20251220", "granted"), ("20260229", "restricted"), ("2026010", "restricted")],
)
def test_an_admission_whose_day_cannot_be_read_may_be_of_any(admitted: str, expected: str) -> None:
    site = compiled()
    known = facts(site, *restriction("visit: V1", ", from: 2026-02-01"))
    raw = adt(pv1=f"{PV1}{'|' * 25}{admitted}")
    assert code(site, raw, known) == expected


@pytest.mark.parametrize(
    ("expected_on", "expected"),
    [("20260215", "restricted"), ("20260329", "granted"), ("15.02.2026", "restricted")],
)
def test_a_planned_stay_whose_day_cannot_be_read_may_be_of_any(
    expected_on: str, expected: str
) -> None:
    site = compiled()
    known = facts(site, *restriction("visit: V1", ", from: 2026-02-01, to: 2026-02-28"))
    planned = f"PV2|{'|' * 7}{expected_on}"
    raw = hl7("ADT^A05", "EVN||20260105", PID, PV1, planned)
    assert code(site, raw, known) == expected


@pytest.mark.parametrize(
    ("occurred", "expected"),
    [("20260105", "granted"), ("20260205", "restricted"), ("05.01.2026", "restricted")],
)
def test_an_event_whose_day_cannot_be_read_may_be_of_any(occurred: str, expected: str) -> None:
    site = compiled()
    known = facts(site, *restriction("visit: V1", ", from: 2026-02-01, to: 2026-02-28"))
    raw = hl7("ADT^A01", f"EVN||20260105||||{occurred}", PID, PV1)
    assert code(site, raw, known) == expected


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (("20251230", "20251231"), True),
        (("20251230", "20260105"), False),
        (("20251230", "5.1.2026"), False),
        (("", "20251231"), True),
    ],
)
def test_an_order_without_a_day_is_of_every_day_of_its_results(
    observed: tuple[str, ...], expected: bool
) -> None:
    site = compiled()
    known = facts(site, *restriction("order: P1", ", from: 2026-01-01, to: 2026-02-28"))
    results = [f"OBX|{n}|NM|L^X^L||1{'|' * 9}{one}" for n, one in enumerate(observed, 1)]
    raw = oru("OBR|1|P1|F1|L^X^L", *results)
    assert bool(sent(site, raw, known)) is expected
