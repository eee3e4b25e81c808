"""The fine print of the language (docs/reference/rules.md), point by point, on whole decisions."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.decide import decide
from engine.policy.outcome import Verdict
from engine.privacy.coverage import coverage_keys, learn, needs_coverage
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Facts, Level
from tests.support.cutting import (
    NOW,
    channel,
    code,
    covered,
    disclosed,
    hl7,
    outcome,
    policy,
    rule,
    sent,
)

PID = "PID|1||A^^^H^MR||DOE^JANE||19800101|F|||1 MAIN ST^^SPRINGFIELD^IL^62701"
PV1 = "PV1|1|I|W^1||||||||||||||||V1"
OWN = "IN1|1|PA|ACME"
OTHER = "IN1|2|PB|BETA"
ANY = "coverage: any"
BOTH = (channel("acme"), channel("beta"))


def adt(*segments: str, event: str = "A01", msh: str = "P|2.5.1") -> bytes:
    return hl7(f"ADT^{event}^ADT_{event}", "EVN||20260101", PID, PV1, *segments, msh=msh)


def oru(*segments: str) -> bytes:
    return hl7("ORU^R01^ORU_R01", PID, PV1, *segments)


# --- is anything sent --------------------------------------------------------------------------


@pytest.mark.parametrize("processing", ["T", "D", "", "X"])
def test_only_production_messages_leave_a_production_engine(processing: str) -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: all")])
    raw = adt(msh=f"{processing}|2.5.1")
    assert code(compiled, raw) == "environment"
    assert outcome(compiled, raw).verdict is Verdict.WITHHOLD


def test_what_no_rule_grants_is_not_sent_unknown_and_z_segments_included() -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [3]")])
    assert sent(compiled, adt("ZZZ|1|x", "QQQ|1|x", "NK1|1|x")) == ["PID|||A^^^H^MR"]


def test_after_the_last_day_of_the_agreement_deliveries_hold() -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: all")])
    last = Facts(NOW.replace(year=2027, month=12, day=31, hour=23))
    after = Facts(NOW.replace(year=2028, month=1, day=1, hour=0))
    assert outcome(compiled, adt(), last).verdict is Verdict.DISCLOSE
    assert code(compiled, adt(), after) == "agreement-expired"
    assert outcome(compiled, adt(), after).verdict is Verdict.HOLD


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30"])
def test_an_agreement_may_last_to_the_end_of_the_calendar(day: str, zone: str) -> None:
    own = [channel("acme").replace("2027-12-31", day)]
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: all")], own, timezone=zone)
    assert outcome(compiled, adt(), Facts(NOW)).verdict is Verdict.DISCLOSE


def test_a_payer_receives_only_its_own_members() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], BOTH, to="[acme, beta]")
    raw = adt(OWN)
    assert sent(compiled, raw) == ["PID|||A^^^H^MR"]
    assert code(compiled, raw, of="beta") == "no-coverage"


@pytest.mark.parametrize("segment", ["IN2", "IN3"])
def test_an_in1_is_known_by_what_follows_it_too(segment: str) -> None:
    """rules.md §10.16: by its own IN2 and IN3, not by another's."""
    one = channel("acme").replace("IN1-3.1: ACME", f"{segment}-2.1: X")
    grants = f"IN1: {{fields: [1, 3], which: own}}, {segment}: [2]"
    compiled = policy([rule("r", "message: ADT", grants)], (one,))
    raw = adt(OTHER, f"{segment}|1|Y", OWN, f"{segment}|1|X")
    assert sent(compiled, raw) == ["IN1|1||ACME", f"{segment}||X"]


def test_one_in1_of_two_differently_named_payers_is_nobodys() -> None:
    twin = channel("beta").replace("IN1-3.1: BETA", "IN1-3.1: ACME")
    compiled = policy([rule("r", "message: ADT", "PID: all")], (channel("acme"), twin))
    assert code(compiled, adt(OWN)) == "ambiguous-coverage"
    assert outcome(compiled, adt(OWN)).verdict is Verdict.HOLD


def test_without_in1_the_registry_decides_and_its_silence_holds() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], BOTH, to="[acme, beta]")
    assert needs_coverage(Message.parse(adt()), compiled)
    assert not needs_coverage(Message.parse(adt(OWN)), compiled)
    assert code(compiled, adt()) == "unknown-payer"
    assert outcome(compiled, adt()).verdict is Verdict.HOLD
    assert sent(compiled, adt(), covered("acme", visit="V1")) == ["PID|||A^^^H^MR"]
    assert code(compiled, adt(), covered("acme", visit="V1"), of="beta") == "no-coverage"
    assert code(compiled, adt(), Facts(NOW, available=False)) == "facts-unavailable"


def test_the_narrowest_level_that_knows_decides_alone() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], BOTH, to="[acme, beta]")
    visit = CoverageKey(Level.VISIT, "A", "H", "V1")
    patient = CoverageKey(Level.PATIENT, "A", "H")
    facts = Facts(
        NOW,
        {visit: Coverages((CoverageRow("acme"),)), patient: Coverages((CoverageRow("beta"),))},
    )
    assert coverage_keys(Message.parse(adt())) == (visit, patient)
    assert sent(compiled, adt(), facts) == ["PID|||A^^^H^MR"]
    assert code(compiled, adt(), facts, of="beta") == "no-coverage"


@pytest.mark.parametrize(
    ("since", "until", "sends"),
    [
        ("2026-01-01", "2026-01-01", True),
        ("2026-01-02", "", False),
        ("", "2025-12-31", False),
    ],
)
def test_coverage_counts_on_the_date_of_service_both_ends_included(
    since: str, until: str, sends: bool
) -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    facts = covered("acme", visit="V1", since=since, until=until)
    assert bool(sent(compiled, adt(), facts)) is sends


def test_a_permit_needs_the_authority_too() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    raw = adt().replace(b"A^^^H^MR", b"A")
    assert code(compiled, raw, covered("acme")) == "unknown-payer"


def test_what_a_message_teaches_is_what_a_later_one_is_decided_by() -> None:
    """The discharge of 2.3.1 names no insurance; the admission did (golden vector E-13)."""
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], BOTH, to="[acme, beta]")
    taught = dict(learn(Message.parse(adt(OWN)), compiled.identify))
    assert set(taught) == {CoverageKey(Level.VISIT, "A", "H", "V1")}
    discharge = adt(event="A03")
    assert sent(compiled, discharge, Facts(NOW, taught)) == ["PID|||A^^^H^MR"]
    assert code(compiled, discharge, Facts(NOW, taught), of="beta") == "no-coverage"
    assert code(compiled, discharge) == "unknown-payer"


def test_insurance_of_nobody_teaches_that_it_is_somebody_elses() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    taught = dict(learn(Message.parse(adt("IN1|1|PZ|ZETA")), compiled.identify))
    assert code(compiled, adt(event="A03"), Facts(NOW, taught)) == "no-coverage"


def test_a_consent_that_is_not_met_grants_nothing_but_withholds_all_the_same() -> None:
    more = "    withhold: [PV1]\n"
    compiled = policy(
        [rule("r", f"message: ADT, {ANY}", "PID: all", more)], head="consent: required\n"
    )
    assert code(compiled, adt()) == "no-consent"
    free = policy([rule("r", f"message: ADT, {ANY}", "PID: [3]")], head="consent: unless-refused\n")
    assert sent(free, adt()) == ["PID|||A^^^H^MR"]


def test_a_type_outside_the_ceiling_and_a_type_without_rule() -> None:
    compiled = policy([rule("r", ANY, "PID: all")])
    assert code(compiled, hl7("BAR^P01", PID)) == "above-ceiling"
    other = policy([rule("r", f"message: ORU, {ANY}", "PID: all")])
    assert code(other, adt()) == "no-rule"


def test_merges_are_sent_only_where_a_rule_names_them() -> None:
    raw = hl7("ADT^A40^ADT_A39", "EVN||20260101", PID, "MRG|B^^^H")
    assert code(policy([rule("r", f"message: ADT, {ANY}", "PID: [3], MRG: all")]), raw) == "no-rule"
    named = policy([rule("r", f"message: ADT^A40, {ANY}", "PID: [3], MRG: all")])
    assert sent(named, raw) == ["PID|||A^^^H^MR", "MRG|B^^^H"]
    half = policy([rule("r", f"message: ADT^A40, {ANY}", "PID: [3]")])
    assert code(half, raw) == "nothing-left"


@pytest.mark.parametrize(
    "event",
    ["A17", "A18", "A24", "A30", *(f"A{number}" for number in (*range(34, 38), *range(39, 52)))],
)
def test_9_no_rule_for_all_admissions_sends_a_merge_move_link_or_swap(event: str) -> None:
    raw = hl7(f"ADT^{event}", "EVN||20260101", PID, PV1, "MRG|B^^^H")
    grants = "PID: [3], PV1: [2], MRG: all"
    assert code(policy([rule("r", f"message: ADT, {ANY}", grants)]), raw) == "no-rule"
    assert code(policy([rule("r", f"message: ADT^{event}, {ANY}", grants)]), raw) == "granted"


def test_a_cancel_follows_what_it_cancels_and_nothing_else() -> None:
    compiled = policy([rule("r", "message: ADT^A01", "PID: all")])
    cancel = adt(event="A11")
    assert code(compiled, cancel) == "not-disclosed-before"
    assert sent(compiled, cancel, disclosed("V1")) == [
        "EVN||20260101",
        "PID|||A^^^H^MR",
        "PV1||I|||||||||||||||||V1",
    ]
    assert code(compiled, cancel, disclosed("V2")) == "not-disclosed-before"


def test_a_withheld_message_and_a_withheld_patient() -> None:
    for withheld in ("message", "[PID]", "{PID: {where: {PID-8: F}}}"):
        more = f"    withhold: {withheld}\n"
        rules = [
            rule("r", f"message: ADT, {ANY}", "PID: all, EVN: all"),
            rule("w", "PV1-2: [I]", "", more),
        ]
        assert code(policy(rules), adt()) == "withheld-by-rule"


# --- what is cut -------------------------------------------------------------------------------


def test_empty_is_empty_and_never_the_delete_indicator() -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [3, 7, 11.3-11.4]")])
    assert sent(compiled, adt()) == ["PID|||A^^^H^MR||||19800101||||^^SPRINGFIELD^IL"]
    raw = adt().replace(b"19800101|F", b'""|""')
    assert sent(compiled, raw) == ['PID|||A^^^H^MR||||""||||^^SPRINGFIELD^IL']


def test_all_is_byte_for_byte_and_a_set_id_alone_is_nothing() -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "ZZZ: all, NK1: [1, 2]")])
    raw = hl7("ADT^A01", PID, r"ZZZ|\.br\ ||", "NK1|1||x", "ZZZ|goes with NK1")
    assert sent(compiled, raw) == [r"ZZZ|\.br\ ||"]


def test_grants_add_up_withholding_wins_and_the_ceiling_bounds() -> None:
    ceiling = "{PID: [1, 3, 5, 7]}"
    rules = [
        rule("one", f"message: ADT, {ANY}", "PID: [3]"),
        rule("two", f"message: ADT, {ANY}", "PID: [5, 7]", "    withhold: [PID-5.2]\n"),
    ]
    compiled = policy(rules, (channel("acme", ceiling=ceiling),))
    assert sent(compiled, adt()) == ["PID|||A^^^H^MR||DOE||19800101"]


def test_a_payer_sees_its_own_insurance_and_no_gap() -> None:
    """Golden vector E-3."""
    grants = "IN1: {fields: all, which: own}, IN2: all"
    compiled = policy([rule("r", "message: ADT", grants)], BOTH, to="[acme, beta]")
    raw = adt(OWN, "IN2|OFA", OTHER, "IN2|OFB")
    assert sent(compiled, raw) == [OWN, "IN2|OFA"]
    assert sent(compiled, raw, of="beta") == ["IN1|1|PB|BETA", "IN2|OFB"]


def test_set_ids_are_renumbered_for_the_channels_that_ask_for_it_alone() -> None:
    """rules.md §10.23: whatever else they have in common."""
    kept = channel("beta") + "renumber: false\n"
    grants = "DG1: {fields: [1, 3], where: {DG1-6: F}}"
    compiled = policy(
        [rule("r", f"message: ADT, {ANY}", grants)], (channel("acme"), kept), to="[acme, beta]"
    )
    raw = adt("DG1|1||I10|||A", "DG1|2||I20|||F")
    assert sent(compiled, raw) == ["DG1|1||I20"]
    assert sent(compiled, raw, of="beta") == ["DG1|2||I20"]


ORDER = (
    "ORC|RE|P1|F1",
    "OBR|1|P1|F1|L1",
    "OBX|1|ST|A||x||||||F",
    "NTE|1||n",
    "OBX|2|ST|B||y||||||P",
)


@pytest.mark.parametrize("lines", [("NK1|1||a|b|c|d", "NK1|2"), ("NK1|2", "NK1|1||a|b|c|d")])
def test_lines_of_any_length_are_cut_alike(lines: tuple[str, str]) -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [3], NK1: [1, 3, 5]")])
    assert sent(compiled, adt(*lines)) == ["PID|||A^^^H^MR", "NK1|1||a||c"]


def test_orders_of_any_length_are_looked_at_for_their_parents() -> None:
    compiled = policy([rule("r", f"message: ORU, {ANY}", "PID: [3], OBR: all, OBX: all")])
    orders = ("OBR|1|P1|F1|L1" + "|" * 30 + "x", ORDER[2], "OBR|2|P2|F2|L2", ORDER[4])
    assert sent(compiled, oru(*orders)) == ["PID|||A^^^H^MR", *orders]


def test_an_order_that_names_no_number_as_its_parent_belongs_to_none() -> None:
    """OBR-29 with assigning authorities alone."""
    compiled = policy([rule("r", f"message: ORU, {ANY}", "PID: [3], OBR: all, OBX: all")])
    order = "OBR|1|P1|F1|L1" + "|" * 25 + "&HIS^&LAB"
    assert sent(compiled, oru(order, ORDER[2])) == ["PID|||A^^^H^MR", order, ORDER[2]]


def test_nothing_outlives_what_it_belongs_to() -> None:
    grants = "PID: [3], ORC: all, OBR: all, NTE: all, OBX: {fields: all, where: {OBX-11: P}}"
    compiled = policy([rule("r", f"message: ORU, {ANY}", grants)])
    last = "OBX|1|ST|B||y||||||P"
    assert sent(compiled, oru(*ORDER)) == ["PID|||A^^^H^MR", *ORDER[:2], last]


def test_an_order_without_its_results_goes_and_with_it_the_patient() -> None:
    """Golden vector E-4: the name of a test alone reveals it."""
    grants = "PID: [3], ORC: all, OBR: all, OBX: {fields: all, where: {OBR-4: L2}}"
    compiled = policy([rule("r", f"message: ORU, {ANY}", grants)])
    assert code(compiled, oru(*ORDER)) == "nothing-left"
    second = ("OBR|2|P2|F2|L2", "OBX|1|ST|C||z||||||F")
    assert sent(compiled, oru(*ORDER, *second)) == [
        "PID|||A^^^H^MR",
        "OBR|1|P2|F2|L2",
        "OBX|1|ST|C||z||||||F",
    ]
    alone = grants.replace("OBR: all", "OBR: {fields: all, alone: true}")
    kept = policy([rule("r", f"message: ORU, {ANY}", alone)])
    assert sent(kept, oru(*ORDER)) == ["PID|||A^^^H^MR", *ORDER[:2]]


def test_an_order_whose_results_all_stand_behind_its_specimens_goes_with_the_last_of_them() -> None:
    grants = "PID: [3], OBR: all, SPM: all, OBX: {fields: all, where: {OBX-3: B}}"
    compiled = policy([rule("r", f"message: ORU, {ANY}", grants)])
    order = ("OBR|1|P1|F1|L1", "SPM|1|||BLD", "OBX|1|ST|A||x")
    second = ("SPM|2|||URN", "OBX|1|ST|B||y")
    assert code(compiled, oru(*order)) == "nothing-left"
    assert sent(compiled, oru(*order, *second))[1:] == [*order[:2], *second]
    # Beside results of its own, what a specimen was like is no result of the order.
    own = ("OBR|1|P1|F1|L1", "OBX|1|ST|A||x", *second)
    assert code(compiled, oru(*own)) == "nothing-left"
    without = grants.replace("SPM: all, ", "")
    assert code(policy([rule("r", f"message: ORU, {ANY}", without)]), oru(*order)) == "nothing-left"


def test_a_charge_takes_its_orders_along_and_they_what_stands_before_them() -> None:
    grants = "PID: [3], FT1: {fields: [4, 7], where: {FT1-7: A}}, ORC: all, OBR: all"
    compiled = policy([rule("r", f"message: DFT, {ANY}", grants)])
    order = ("ORC|RE|P1|F1", "OBR|1|P1|F1|L1")
    raw = hl7("DFT^P03", PID, "FT1|1|||20260101|||A", "FT1|2|||20260101|||B", *order)
    assert sent(compiled, raw)[1:] == ["FT1||||20260101|||A"]


def test_a_child_order_goes_with_the_order_that_it_names() -> None:
    grants = "PID: [3], OBR: all, OBX: {fields: all, where: {OBX-3: [B, C]}}"
    compiled = policy([rule("r", f"message: ORU, {ANY}", grants)])
    parent = ("OBR|1|P1|F1|CULTURE", "OBX|1|ST|A||x")
    child = ("OBR|2|P1|F2|SUSC" + "|" * 25 + "P1^F1", "OBX|1|ST|B||y")
    free = ("OBR|3|P3|F3|LIPID", "OBX|1|ST|C||z")
    assert sent(compiled, oru(*parent, *child, *free)) == [
        "PID|||A^^^H^MR",
        "OBR|1|P3|F3|LIPID",
        "OBX|1|ST|C||z",
    ]


def test_an_order_stands_alone_only_where_the_grant_that_says_so_holds() -> None:
    rules = [
        rule("a", f"message: ORU, {ANY}", "PID: [3], OBR: [4]"),
        rule("b", f"message: ORU, {ANY}", "OBR: {fields: [4], alone: true, where: {OBR-4: L1}}"),
    ]
    second = ("OBR|2|P2|F2|L2", "OBX|1|ST|C||z||||||F")
    assert sent(policy(rules), oru(*ORDER, *second))[1:] == ["OBR||||L1"]
    assert sent(policy(rules[::-1]), oru(*ORDER, *second))[1:] == ["OBR||||L1"]


def test_a_patient_that_no_rule_grants_is_no_parent_and_one_that_fails_its_condition_is() -> None:
    """rules.md §10.18, in an ADT or DFT; elsewhere a PID is always a parent."""
    raw = adt("DG1|1||I10")
    grants = "EVN: all, PV1: [2], DG1: [3]"
    assert sent(policy([rule("r", f"message: ADT, {ANY}", grants)]), raw)[1:] == [
        "PV1||I",
        "DG1|||I10",
    ]
    for sex, whole in (("F", True), ("M", False)):
        where = f"{grants}, PID: {{fields: [3], where: {{PID-8: {sex}}}}}"
        compiled = policy([rule("r", f"message: ADT, {ANY}", where)])
        copy = ["PID|||A^^^H^MR", "PV1||I", "DG1|||I10"] if whole else []
        assert sent(compiled, raw)[1:] == copy
    assert code(compiled, raw) == "nothing-left"
    empty = policy([rule("r", f"message: ADT, {ANY}", f"{grants}, PID: [13]")])
    assert sent(empty, raw)[1:] == ["PV1||I", "DG1|||I10"]


def test_each_patient_of_a_result_goes_alone() -> None:
    """Golden vector E-12."""
    raw = oru(*ORDER[1:3], "PID|2||B^^^H^MR", "OBR|1|P9|F9|L9", "OBX|1|ST|Z||q")
    compiled = policy([rule("r", f"message: ORU, {ANY}", "PID: [1, 3], OBR: all, OBX: all")])
    copies = outcome(compiled, raw).payloads
    assert [copy.control_id for copy in copies] == [b"M1", b"M1-2"]
    assert b"B^^^H" not in copies[0].data
    assert copies[1].data.split(b"\r")[1:] == [
        b"PID|1||B^^^H^MR", b"OBR|1|P9|F9|L9", b"OBX|1|ST|Z||q", b"",
    ]  # fmt: skip


def test_results_under_a_patient_in_lower_case_join_nobody_elses() -> None:
    raw = oru(*ORDER[1:3], "pid|2||B^^^H^MR", "OBR|1|P9|F9|L9", "OBX|1|ST|Z||q")
    compiled = policy([rule("r", f"message: ORU, {ANY}", "PID: [1, 3], OBR: all, OBX: all")])
    assert b"F9" not in b"".join(copy.data for copy in outcome(compiled, raw).payloads)


def test_other_messages_about_several_patients_hold() -> None:
    compiled = policy([rule("r", f"message: ADT^A17, {ANY}", "PID: all")])
    raw = hl7("ADT^A17", "EVN||20260101", PID, PV1, "PID|2||B^^^H^MR", PV1)
    assert code(compiled, raw) == "structure"


def test_the_header_is_the_channels_own() -> None:
    raw = (
        b"MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|20260101||SECRET|M1|P|2.5.1".replace(
            b"||SECRET", b"|SEC|ADT^A01"
        )
        + b"|13|14|AL|NE|USA|UNICODE UTF-8|EN|20\r"
        + PID.encode()
        + b"\r"
    )
    one = channel("acme", more="rewrite: {MSH-5: 'A|B'}")
    header = outcome(policy([rule("r", f"message: ADT, {ANY}", "PID: all")], (one,)), raw)
    assert header.payloads[0].data.split(b"\r")[0] == (
        rb"MSH|^~\&|HIS|HOSP|A\F\B|PAYHUB|20260101||ADT^A01|M1|P|2.5.1|||||USA|UNICODE UTF-8"
    )
    more = outcome(
        policy([rule("r", f"message: ADT, {ANY}", "MSH: [8, 13], PID: all")], (one,)), raw
    )
    assert more.payloads[0].data.split(b"\r")[0] == (
        rb"MSH|^~\&|HIS|HOSP|A\F\B|PAYHUB|20260101|SEC|ADT^A01|M1|P|2.5.1|13||||USA|UNICODE UTF-8"
    )


def test_line_ends_do_not_change_a_decision() -> None:
    """Golden vector E-11."""
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: all, PV1: all")])
    wanted = outcome(compiled, adt()).payloads
    for end in (b"\n", b"\r\n"):
        assert outcome(compiled, adt().replace(b"\r", end)).payloads == wanted


def test_a_character_that_holds_a_delimiter_is_not_cut_in_two() -> None:
    """Golden vector E-9: the second byte of this character is the escape character's."""
    raw = adt(msh="P|2.5.1||||||GB 18030-2000").replace(b"DOE^JANE", b"\xa9\x5c^\xa9\x7c")
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [5.1, 7]")])
    assert sent(compiled, raw) == ["PID|||||\xa9\x5c||19800101"]


# --- charges -----------------------------------------------------------------------------------

CHARGES = (
    "FT1|1|T1||20260101||CG|99213|||||||PA|||||I10",
    "FT1|2|T2||20260101||CG|86703|||||||PB|||||Z11.4",
    "DG1|1||I10",
    "DG1|2||Z11.4",
    OWN,
    OTHER,
)
CHARGE_RULE = rule(
    "r", "message: DFT",
    "PID: [3], PV1: all, FT1: {fields: all, which: own}, DG1: all, IN1: {fields: all, which: own}",
)  # fmt: skip
VISIT = "PV1|1|I" + "|" * 44 + "10|20|30|40"


def test_each_payer_receives_its_own_lines_and_no_trace_of_others() -> None:
    """Golden vector E-5: diagnoses, totals and set ids betray nothing."""
    compiled = policy([CHARGE_RULE], BOTH, to="[acme, beta]")
    raw = hl7("DFT^P03", "EVN||20260101", PID, VISIT, *CHARGES)
    assert sent(compiled, raw) == ["PID|||A^^^H^MR", "PV1|1|I", CHARGES[0], "DG1|1||I10", OWN]
    assert sent(compiled, raw, of="beta") == [
        "PID|||A^^^H^MR",
        "PV1|1|I",
        CHARGES[1].replace("FT1|2", "FT1|1"),
        "DG1|1||Z11.4",
        OTHER.replace("IN1|2", "IN1|1"),
    ]


def test_where_all_lines_are_sent_nothing_changes() -> None:
    raw = hl7("DFT^P03", "EVN||20260101", PID, VISIT, CHARGES[0], *CHARGES[2:4], OWN)
    assert sent(policy([CHARGE_RULE]), raw)[1:] == [VISIT, CHARGES[0], *CHARGES[2:4], OWN]


def test_charges_that_are_not_sent_at_all_betray_themselves_no_more_than_some() -> None:
    """Results may carry charges (2.8): a larger grant never sends less."""
    raw = hl7("ORU^R01", PID, VISIT, "DG1|1||I10", "OBR|1|P1|F1|L1", "OBX|1|ST|A||x", CHARGES[0])
    grants = "PID: [3], PV1: [2, 47], DG1: all, OBR: all, OBX: all"
    none = sent(policy([rule("r", f"message: ORU, {ANY}", grants)]), raw)
    assert none == ["PID|||A^^^H^MR", "PV1||I", "OBR|1|P1|F1|L1", "OBX|1|ST|A||x"]
    every = sent(policy([rule("r", f"message: ORU, {ANY}", f"{grants}, FT1: all")]), raw)
    assert every[1:3] == ["PV1||I" + "|" * 45 + "20", "DG1|1||I10"]


def test_a_procedure_that_is_no_kept_line_s_keeps_no_diagnosis() -> None:
    before = "PR1|1||P1" + "|" * 12 + "Z11.4"
    compiled = policy([rule("r", f"message: DFT, {ANY}", "PID: [3], DG1: all, PR1: all,"
                            " FT1: {fields: all, where: {FT1-2: T1}}")])  # fmt: skip
    raw = hl7("DFT^P03", PID, before, *CHARGES[:4])
    assert sent(compiled, raw)[1:] == [before, CHARGES[0], "DG1|1||I10"]
    below = "PR1|1||P1" + "|" * 12 + "Z11.4"
    raw = hl7("DFT^P03", PID, CHARGES[0], below, *CHARGES[1:4])
    assert sent(compiled, raw)[1:] == [CHARGES[0], below, "DG1|1||I10", "DG1|2||Z11.4"]


def test_a_line_of_an_unknown_plan_holds_and_one_of_none_is_the_first_insurers() -> None:
    compiled = policy([CHARGE_RULE], BOTH, to="[acme, beta]")
    lost = CHARGES[0].replace("|PA|", "|PX|")
    raw = hl7("DFT^P03", "EVN||20260101", PID, lost, OWN, OTHER)
    assert code(compiled, raw) == "ambiguous-coverage"
    blank = CHARGES[0].replace("|PA|", "||")
    raw = hl7("DFT^P03", "EVN||20260101", PID, blank, OWN, OTHER)
    assert sent(compiled, raw)[1:] == [blank, OWN]
    first = OTHER + "|" * 19 + "1"
    raw = hl7("DFT^P03", "EVN||20260101", PID, blank, OWN + "|" * 19 + "2", first)
    assert sent(compiled, raw, of="beta")[1] == blank


def test_insurance_of_a_charge_goes_before_the_messages() -> None:
    """Golden vector E-6 (DFT^P11)."""
    compiled = policy([CHARGE_RULE], BOTH, to="[acme, beta]")
    line = "FT1|{0}|T{0}||20260101||CG|99213"
    raw = hl7("DFT^P11", "EVN||20260101", PID, OWN, line.format(1), line.format(2), OTHER)
    assert [one for one in sent(compiled, raw) if "FT1" in one] == [line.format(1)]
    beta = [one for one in sent(compiled, raw, of="beta") if "FT1" in one]
    assert beta == [line.format(2).replace("FT1|2", "FT1|1")]


def test_numbers_that_lines_refer_to_stay() -> None:
    grants = "FT1: {fields: all, where: {FT1-6: CG}}"
    compiled = policy([rule("r", f"message: DFT, {ANY}", grants)])
    refers = "FT1|3|T3||20260101||CG" + "|" * 25 + "1~2"
    raw = hl7("DFT^P03", PID, "FT1|1|T1||2026||PY", "FT1|2|T2||2026||CG", refers)
    assert sent(compiled, raw) == ["FT1|2|T2||2026||CG", refers.replace("1~2", "2")]


def test_a_channel_that_does_not_renumber_keeps_set_ids() -> None:
    one = channel("acme") + "renumber: false\n"
    compiled = policy([rule("r", "message: ADT", "IN1: {fields: all, which: own}")], (one,))
    raw = adt(OTHER.replace("|2|", "|1|"), OWN.replace("|1|", "|2|"))
    assert sent(compiled, raw) == [OWN.replace("|1|", "|2|")]


# --- laws --------------------------------------------------------------------------------------


def test_the_order_of_rules_and_channels_does_not_matter() -> None:
    rules = [
        rule("a", f"message: ADT, {ANY}", "PID: [3]"),
        rule("b", f"message: ADT, {ANY}", "PID: [5], EVN: all", "    withhold: [PID-5.2]\n"),
        rule("c", "PV1-2: [O]", "", "    withhold: message\n"),
    ]
    message = Message.parse(adt(OWN))
    one = decide(message, policy(rules, BOTH, to="[acme, beta]"), Facts(NOW))
    two = decide(message, policy(rules[::-1], BOTH[::-1], to="[beta, acme]"), Facts(NOW))
    assert {name: result.payloads for name, result in one.items()} == {
        name: result.payloads for name, result in two.items()
    }
    assert {name: result.rules for name, result in one.items()} == {
        name: result.rules for name, result in two.items()
    }


def test_a_cancel_follows_though_two_payers_claim_its_insurance() -> None:
    """What was disclosed is always cancelled; the contested IN1 itself is nobody's (§10.9)."""
    own = rule("r", "message: [ADT]", "PID: [3], IN1: {fields: [3], which: own}")
    compiled = policy([own], BOTH, to="[acme, beta]")
    claimed = "IN1|1|P|ACME~BETA"
    assert code(compiled, adt(claimed)) == "ambiguous-coverage"
    left = sent(compiled, adt(claimed, event="A11"), disclosed("V1"))
    assert [segment[:3] for segment in left] == ["EVN", "PID", "PV1"]


def test_20_the_security_field_goes_only_by_name() -> None:
    raw = hl7("ADT^A01", "PID|1||A").replace(b"20260101120000||", b"20260101120000|SEC|")
    for grant, expected in (("MSH: all", b""), ("MSH: [8]", b"SEC"), ("MSH: [13]", b"")):
        compiled = policy([rule("r", "coverage: any", f"PID: [3], {grant}")])
        (copy,) = outcome(compiled, raw).payloads
        assert copy.data.split(b"|")[7] == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-01-01", "", "granted"),
        ("2026-01-02", "", "unknown-payer"),
        ("", "2026-01-01", "granted"),
        ("", "2025-12-31", "unknown-payer"),
        ("2026-01-01", "2026-01-01", "granted"),
    ],
)
def test_6_a_coverage_may_be_open_at_either_end(since: str, until: str, expected: str) -> None:
    """The order is of 2026-01-01; a row of another time knows nothing of it (§10.6)."""
    compiled = policy([rule("r", "message: ORU", "PID: [3], OBR: all, OBX: all")])
    raw = hl7("ORU^R01", "PID|1||A^^^H", "OBR|1|P1||L|||20260101", "OBX|1|ST|X||v")
    assert code(compiled, raw, covered("acme", since=since, until=until)) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (covered("acme", visit="V1"), "granted"),
        (covered("acme", "beta", visit="V1"), "ambiguous-coverage"),
        (covered("acme", "twin", visit="V1"), "granted"),  # the same insurer's other channel
        (covered("acme", "agency", visit="V1"), "granted"),  # a vendor insures nobody
        (
            Facts(
                NOW,
                {
                    CoverageKey(Level.VISIT, "A", "H", "V1"): Coverages(
                        (CoverageRow("acme"),), others=True
                    )
                },
            ),
            "ambiguous-coverage",
        ),
    ],
)
def test_charges_without_insurance_are_the_only_known_insurer_s(
    known: Facts, expected: str
) -> None:
    """Where the registry knows another one, nobody can tell whose each line is (§10.10)."""
    twin = channel("twin").replace("name: twin plan", "name: acme plan")
    channels = [channel("acme"), channel("beta"), twin, channel("agency", kind="vendor")]
    grants = "PID: [3], FT1: {fields: all, which: own}"
    compiled = policy([rule("r", "message: DFT", grants)], channels)
    raw = hl7("DFT^P03", "EVN||20260101", PID, "PV1|1|I" + "|" * 17 + "V1", "FT1|1|T1||20260101")
    assert code(compiled, raw, known) == expected


@pytest.mark.parametrize(
    "known",
    [
        Facts(NOW),
        Facts(NOW, {CoverageKey(Level.VISIT, "A", "H", "V1"): Coverages()}),
        covered("beta", visit="V1"),
    ],
)
def test_own_charges_without_insurance_or_coverage_hold(known: Facts) -> None:
    """Coverage is not asked of the message, and whose each line is nobody can tell."""
    grants = "PID: [3], FT1: {fields: all, which: own}"
    compiled = policy([rule("r", f"message: DFT, {ANY}", grants)], BOTH)
    raw = hl7("DFT^P03", "EVN||20260101", PID, "PV1|1|I" + "|" * 17 + "V1", "FT1|1|T1||20260101")
    assert code(compiled, raw, known) == "ambiguous-coverage"


@pytest.mark.parametrize("mode", ["A", "R", "I", "i", " R "])
def test_what_is_no_news_is_disclosed_to_nobody(mode: str) -> None:
    """An initial load would tell an insurer a hospital's history (table 0207; B-4)."""
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [3]")])
    assert code(compiled, adt(msh=f"P^{mode}|2.5.1")) == "environment"
    for current in ("P^T", "P^", "P^^I"):
        assert code(compiled, adt(msh=f"{current}|2.5.1")) == "granted"
    assert code(compiled, adt(msh="T^T|2.5.1")) == "environment"


def test_22_repetitions_may_be_chosen_by_what_they_lack() -> None:
    grants = "PID: {fields: [3], repetitions: {3: {PID-3.5: {exists: false}}}}"
    compiled = policy([rule("r", ANY, grants)])
    raw = hl7("ADT^A01", "PID|1||A^^^H^MR~B^^^H~C^^^H^MB")
    assert sent(compiled, raw) == ["PID|||B^^^H"]


def test_every_channel_is_told_that_a_message_is_of_another_environment() -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [3]")], BOTH, to="[acme, beta]")
    for name in ("acme", "beta"):
        assert code(compiled, adt(msh="T|2.5.1"), of=name) == "environment"


def test_10_a_plan_without_a_coding_system_is_the_one_with_any() -> None:
    compiled = policy([CHARGE_RULE], BOTH, to="[acme, beta]")
    line = CHARGES[0].replace("|PA|", "|PA^Plan^L|")
    raw = hl7("DFT^P03", "EVN||20260101", PID, line, OWN, OTHER)
    assert sent(compiled, raw)[1:] == [line, OWN]
    named = OWN.replace("|PA|", "|PA^Plan^OTHER|")
    raw = hl7("DFT^P03", "EVN||20260101", PID, line, named, OTHER)
    assert code(compiled, raw) == "ambiguous-coverage"


def test_10_what_belongs_to_a_diagnosis_of_another_line_goes_with_it() -> None:
    """Though nothing else of the visit, whose totals are emptied, falls after it."""
    grants = "PID: [3], PV1: [2, 47], DG1: all, ZDG: all, FT1: {fields: all, where: {FT1-2: T1}}"
    ceiling = "{PID: all, PV1: all, DG1: all, ZDG: all, FT1: all}"
    channels = [channel("acme", ceiling=ceiling)]
    compiled = policy([rule("r", f"message: DFT, {ANY}", grants)], channels)
    raw = hl7("DFT^P03", PID, VISIT, *CHARGES[:3], "ZDG|kept", CHARGES[3], "ZDG|gone")
    assert sent(compiled, raw)[1:] == ["PV1||I", CHARGES[0], CHARGES[2], "ZDG|kept"]


def test_19_own_insurance_takes_its_own_additions_along_and_own_charges_none() -> None:
    beside = ("IN2|1|stray", OWN, "IN2|1|mine", OTHER, "IN2|1|theirs")
    raw = adt(*beside)
    own = "PID: [3], IN1: {fields: [3], which: own}, IN2: [2]"
    assert sent(policy([rule("r", "message: ADT", own)]), raw)[1:] == ["IN1|||ACME", "IN2||mine"]
    every = "PID: [3], IN1: [3], IN2: [2], FT1: {fields: all, which: own}"
    assert sent(policy([rule("r", "message: ADT", every)]), raw)[1:] == [
        *("IN2||stray", "IN1|||ACME", "IN2||mine", "IN1|||BETA", "IN2||theirs")
    ]


def test_two_withholdings_of_one_segment_both_take() -> None:
    more = "    withhold: {PID: [5, 7]}\n"
    other = rule("s", "PV1-2: I", "", "    withhold: [PID-8]\n")
    third = rule("t", "PV1-2: I", "", "    withhold: {PID-11: {where: {PID-8: F}}}\n")
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: all", more), other, third])
    assert sent(compiled, adt()) == ["PID|1||A^^^H^MR"]


def test_21_empty_parts_at_the_end_go_and_inner_ones_stay() -> None:
    grants = "PID: [3, 5.1, 5.3, 11.4-11.5, 13]"
    raw = adt().replace(b"DOE^JANE", b"DOE^JANE^^^MS~^ROE~").replace(b"A^^^H^MR", b"^^^H^~")
    compiled = policy([rule("r", f"message: ADT, {ANY}", grants)])
    assert sent(compiled, raw) == ["PID|||^^^H^~||DOE||||||^^^IL^62701"]


def test_23_only_siblings_of_what_was_removed_are_numbered_anew() -> None:
    grants = "PID: all, OBR: all, OBX: {fields: all, where: {OBX-11: F}}"
    compiled = policy([rule("r", f"message: ORU, {ANY}", grants)])
    first = ("OBR|7|P1", "OBX|3|ST|A||x||||||P", "OBX|5|ST|B||x||||||F", "OBX||ST|C||x||||||F")
    second = ("OBR|9|P2", "OBX|4|ST|A||x||||||F")
    assert sent(compiled, oru(*first, *second))[1:] == [
        *("OBR|7|P1", "OBX|1|ST|B||x||||||F", "OBX||ST|C||x||||||F"),
        *second,
    ]


def test_24_a_segment_of_the_site_s_own_goes_with_what_it_follows() -> None:
    ceiling = "{PID: all, DG1: all, ZDG: all}"
    grants = "PID: [3], ZDG: [1, 70], DG1: {fields: [3], where: {DG1-3: I10}}"
    compiled = policy(
        [rule("r", f"message: ADT, {ANY}", grants)], [channel("acme", ceiling=ceiling)]
    )
    raw = adt("DG1|1||I10", "ZDG|kept", "DG1|2||Z11.4", "ZDG|gone", "ZXX|never")
    assert sent(compiled, raw)[1:] == ["DG1|||I10", "ZDG|kept"]
