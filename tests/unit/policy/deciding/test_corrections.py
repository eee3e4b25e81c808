"""Corrections and credits go where the original went, and nowhere else (rules.md §4, §10.9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.hl7.wire import Message
from engine.policy.outcome import Verdict
from engine.privacy.facts import Disclosed, Facts
from tests.support.cutting import (
    NOW,
    channel,
    code,
    covered,
    disclosed,
    facts,
    hl7,
    outcome,
    policy,
    rule,
    sent,
)

PID = "PID|1||A^^^H^MR"
PV1 = "PV1|1|I|W^1||||||||||||||||V1"
GRANTS = "PID: [3], PV1: [2, 19], OBR: all, OBX: all, NTE: all, FT1: all, DG1: all"
OWN_RULE = (rule("r", "message: [ORU, DFT]", GRANTS),)
ANY_RULE = (rule("r", "message: [ORU, DFT], coverage: any", GRANTS),)
HEAD = ["PID|||A^^^H^MR", "PV1||I|||||||||||||||||V1"]


def obx(number: int, name: str, status: str) -> str:
    return f"OBX|{number}|ST|{name}||x||||||{status}"


def obr(number: int, status: str = "F") -> str:
    return f"OBR|{number}|P{number}|F{number}|L{number}" + "|" * 21 + status


def oru(*segments: str) -> bytes:
    return hl7("ORU^R01", PID, PV1, *segments)


def had(*facts: Facts) -> Facts:
    """Acme received the visit before; whom the registry knows besides."""
    known = facts[0] if facts else Facts(NOW)
    return replace(known, disclosed=disclosed("V1").disclosed)


MIXED = (obr(1), obx(1, "A", "F"), obx(2, "B", "C"), "NTE|1||of B", obr(2), obx(1, "C", "D"))


@pytest.mark.parametrize("status", ["C", "D", "W"])
def test_a_corrected_or_deleted_result_follows_the_original(status: str) -> None:
    raw = oru(obr(1), obx(1, "A", status))
    assert code(policy(ANY_RULE), raw) == "not-disclosed-before"
    assert outcome(policy(ANY_RULE), raw).verdict is Verdict.WITHHOLD
    assert sent(policy(ANY_RULE), raw, had()) == [*HEAD, obr(1), obx(1, "A", status)]


@pytest.mark.parametrize("status", ["F", "P", "X", "R", ""])
def test_a_result_of_any_other_status_follows_nothing(status: str) -> None:
    raw = oru(obr(1), obx(1, "A", status))
    assert sent(policy(ANY_RULE), raw)[3:] == [obx(1, "A", status)]
    assert not policy(ANY_RULE).asks_disclosed(Message.parse(raw))


def test_new_results_beside_corrected_ones_are_as_if_they_came_alone() -> None:
    assert sent(policy(ANY_RULE), oru(*MIXED)) == [*HEAD, *MIXED[:2]]
    assert sent(policy(ANY_RULE), oru(*MIXED), had()) == [*HEAD, *MIXED]


def test_a_corrected_report_is_a_correction_of_all_its_results() -> None:
    raw = oru(obr(1, "C"), obx(1, "A", "F"), "NTE|1||n", obr(2), obx(1, "B", "F"))
    assert sent(policy(ANY_RULE), raw)[2:] == [
        obr(2).replace("OBR|2", "OBR|1"),
        obx(1, "B", "F"),
    ]
    assert len(sent(policy(ANY_RULE), raw, had())) == 7


def test_an_insurer_that_was_replaced_gets_the_correction_and_nothing_new() -> None:
    both = (channel("acme"), channel("beta"))
    compiled = policy(OWN_RULE, both, to="[acme, beta]")
    facts = had(covered("beta", visit="V1"))
    kept = [obr(1), obx(1, "B", "C"), "NTE|1||of B", obr(2), obx(1, "C", "D")]
    assert sent(compiled, oru(*MIXED), facts) == [*HEAD, *kept]
    new = [obr(1), obx(1, "A", "F")]
    assert sent(compiled, oru(*MIXED), facts, of="beta") == [*HEAD, *new]
    assert code(compiled, oru(*new), facts) == "no-coverage"
    assert code(compiled, oru(*MIXED), covered("beta", visit="V1")) == "no-coverage"


def test_what_the_original_may_no_longer_have_its_correction_has_not() -> None:
    narrow = rule("r", "message: ORU", "PID: [3], OBR: [4], OBX: {fields: [3], where: {OBX-3: A}}")
    compiled = policy([narrow])
    gone = had(covered("beta", visit="V1"))
    assert sent(compiled, oru(*MIXED), gone) == []
    assert code(compiled, oru(*MIXED), gone) == "no-coverage"
    withheld = rule("w", "PV1-2: I", "", "    withhold: message\n")
    assert code(policy([*OWN_RULE, withheld]), oru(*MIXED), had()) == "withheld-by-rule"


def test_without_an_answer_of_the_registry_it_waits() -> None:
    away = Facts(NOW, available=False)
    assert code(policy(ANY_RULE), oru(*MIXED), away) == "facts-unavailable"
    assert code(policy(ANY_RULE), oru(*MIXED[:2]), away) == "facts-unavailable"


def test_others_than_payers_are_not_asked_what_they_had() -> None:
    one = channel("acme", kind="vendor")
    assert sent(policy(ANY_RULE, (one,)), oru(*MIXED)) == [*HEAD, *MIXED]


def test_the_same_control_id_counts_as_the_same_visit_does() -> None:
    facts = Facts(NOW, disclosed=frozenset({Disclosed("acme", control_id="M1")}))
    assert sent(policy(ANY_RULE), oru(*MIXED), facts) == [*HEAD, *MIXED]
    others = Facts(NOW, disclosed=frozenset({Disclosed("beta", visit="V1")}))
    assert sent(policy(ANY_RULE), oru(*MIXED), others) == [*HEAD, *MIXED[:2]]


CHARGE = "FT1|1|T1||20260101||CG|99213" + "|" * 12 + "I10"
CREDIT = "FT1|2|T2||20260101||{0}|86703" + "|" * 12 + "Z11.4"


@pytest.mark.parametrize("kind", ["CD", "CR"])
def test_a_credit_follows_the_charge(kind: str) -> None:
    raw = hl7("DFT^P03", PID, PV1, CHARGE, CREDIT.format(kind), "DG1|1||I10", "DG1|2||Z11.4")
    assert sent(policy(ANY_RULE), raw) == [*HEAD, CHARGE, "DG1|1||I10"]
    assert len(sent(policy(ANY_RULE), raw, had())) == 6
    alone = hl7("DFT^P03", PID, PV1, CREDIT.format(kind))
    assert code(policy(ANY_RULE), alone) == "not-disclosed-before"


@pytest.mark.parametrize("kind", ["CG", "PY", "AJ", "CO"])
def test_no_other_transaction_is_a_credit(kind: str) -> None:
    raw = hl7("DFT^P03", PID, PV1, CREDIT.format(kind))
    assert len(sent(policy(ANY_RULE), raw)) == 3


def test_the_registry_of_disclosures_is_asked_where_something_follows() -> None:
    compiled = policy(ANY_RULE)
    for raw, asks in (
        (hl7("ADT^A11", PID, PV1), True),
        (hl7("ADT^A01", PID, PV1), False),
        (oru(*MIXED), True),
        (oru(*MIXED[:2]), False),
        (hl7("DFT^P03", PID, CREDIT.format("CD")), True),
    ):
        assert compiled.asks_disclosed(Message.parse(raw)) is asks


CANCEL = hl7("ADT^A11", "EVN|A11", "PID|1||A^^^H^MR||DOE^J", PV1, "DG1|1||F32")


@pytest.mark.parametrize("coverage", ["coverage: own", "coverage: any", "coverage: none"])
@pytest.mark.parametrize("kind", ["vendor", "provider"])
def test_a_cancel_follows_to_who_is_no_payer_beside_what_its_rules_say(
    kind: str, coverage: str
) -> None:
    compiled = policy(
        [rule("r", f"message: ADT^A01, {coverage}", "PID: all, PV1: all, DG1: all")],
        [channel("acme", kind=kind)],
    )
    assert code(compiled, CANCEL) == "no-rule"
    shortest = ["EVN|A11", "PID|||A^^^H^MR", "PV1||I|||||||||||||||||V1"]
    assert sent(compiled, CANCEL, had()) == shortest


@pytest.mark.parametrize(
    ("purposes", "goes"),
    [("payment, treatment", True), ("payment, operations", True), ("operations", False)],
)
def test_a_cancel_follows_for_a_purpose_of_the_channel_only(purposes: str, goes: bool) -> None:
    """Who opts out lets nothing go for operations, a cancel neither (ARV-3)."""
    one = channel("acme", kind="vendor").replace("payment, treatment", purposes)
    purpose, *_ = purposes.split(",")
    compiled = policy([rule("r", "message: ADT^A01", "PID: all")], [one], purpose=purpose)
    raw = hl7("ADT^A11", "EVN|A11", PID, "ARV|1|A|OPTOUT", PV1)
    assert bool(outcome(compiled, raw, had()).payloads) is goes
    assert outcome(compiled, CANCEL, had()).payloads


def test_a_cancel_that_a_rule_grants_to_a_vendor_needs_no_earlier_disclosure() -> None:
    compiled = policy(
        [rule("r", "message: ADT, coverage: any", "PID: [3], DG1: all")],
        [channel("acme", kind="vendor")],
    )
    assert sent(compiled, CANCEL) == ["PID|||A^^^H^MR", "DG1|1||F32"]
    assert sent(compiled, CANCEL, had()) == [
        "EVN|A11",
        "PID|||A^^^H^MR",
        "PV1||I|||||||||||||||||V1",
        "DG1|1||F32",
    ]


def test_a_restricted_visit_s_cancel_goes_to_nobody() -> None:
    compiled = policy([rule("r", "message: ADT^A01", "PID: all")], [channel("acme", kind="vendor")])
    restricted = facts(
        compiled,
        "restrictions:",
        "  - {patient: {id: A, authority: H}, channels: [acme], items: {visit: V1},"
        " reason: patient-request, from: 2020-01-01}",
    )
    assert outcome(compiled, CANCEL, had(restricted)).payloads == ()
