"""Messages that are made, by accident or on purpose, so that more would leave than was granted."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, code, covered, hl7, policy, rule, sent
from tests.support.reference_site import reference_site, sample

PID = "PID|1||A^^^H||DOE^JO"
OTHER_PID = "PID|2||B^^^H||ROE^RI"
RESULTS = "PID: [1, 3, 5], OBR: [1, 4], OBX: [1, 3, 5], NTE: [1, 3]"

#: What may stand before a segment's name without being seen: marks, blanks and marks of quotation.
UNSEEN = ["\ufeff", "\x00", " ", "\t", "\u00a0", "\u200b", '"', "> "]


@pytest.mark.parametrize("mark", UNSEEN)
@pytest.mark.parametrize("name", ["PID|", "pid|", "PID |", "PID\u00a0|"])
def test_results_behind_a_hidden_pid_are_not_the_former_patients(mark: str, name: str) -> None:
    compiled = policy([rule("r", "coverage: any", RESULTS)])
    raw = hl7(
        "ORU^R01",
        PID,
        "OBR|1|||X",
        "OBX|1||c||mine",
        f"{mark}{name}2||B^^^H||ROE^RI",
        "OBR|2|||Y",
        "OBX|1||c||OTHERS",
    )
    assert sent(compiled, raw) == [PID, "OBR|1|||X", "OBX|1||c||mine"]


@pytest.mark.parametrize("mark", UNSEEN)
def test_what_follows_a_hidden_insurance_is_not_the_former_ones(mark: str) -> None:
    compiled = policy([rule("r", "coverage: own", "IN1: {fields: [1, 3], which: own}, IN2: [3]")])
    raw = hl7("ADT^A01", PID, "IN1|1||ACME", "IN2|1||M1", f"{mark}IN1|2||OTHER", "IN2|2||SECRET")
    assert sent(compiled, raw) == ["IN1|1||ACME", "IN2|||M1"]


@pytest.mark.parametrize("name", [*(f"{mark}IN1" for mark in UNSEEN), "in1"])
def test_a_message_that_names_insurance_badly_is_not_left_to_the_registry(name: str) -> None:
    compiled = policy([rule("r", "coverage: own", "PID: [1, 3]")])
    raw = hl7("ADT^A01", PID, f"{name}|1||OTHER")
    assert code(compiled, raw, covered("acme")) == "ambiguous-coverage"


def test_a_charge_is_nobodys_while_an_insurance_cannot_be_read() -> None:
    compiled = policy([rule("r", "coverage: own", "PID: [3], FT1: {fields: [4], which: own}")])
    lines = ("FT1|1|||20260101", " IN1|1||OTHER", "IN1|2||ACME")
    assert code(compiled, hl7("DFT^P03", PID, *lines)) == "ambiguous-coverage"


def test_text_that_was_broken_off_is_no_segment() -> None:
    compiled = policy([rule("r", "coverage: any", RESULTS)])
    lines = ("OBR|1|||X", "OBX|1||c||one", "pid: seen; obr of today", "OBX|2||c||two")
    assert sent(compiled, hl7("ORU^R01", PID, *lines)) == [
        PID,
        "OBR|1|||X",
        "OBX|1||c||one",
        "OBX|2||c||two",
    ]


def test_what_stands_before_all_patients_is_not_told_of_each() -> None:
    compiled = policy([rule("r", "coverage: any", f"{RESULTS}, PD1: [4]")])
    lines = ("NTE|1||of whom?", "PD1||||DOC", PID, "OBR|1|||X", OTHER_PID, "OBR|1|||Y")
    assert sent(compiled, hl7("ORU^R01", *lines)) == [
        PID,
        "OBR|1|||X",
        "PID|1||B^^^H||ROE^RI",
        "OBR|1|||Y",
    ]


@pytest.mark.parametrize(
    "value", ["PSY", "PSY^", "PSY^^", "PSY&", "PSY&^", "X~PSY^", r"\X505359\^"]
)
def test_trailing_delimiters_do_not_lift_a_withholding(value: str) -> None:
    withholding = rule("w", "PV1-10: PSY", "", "    withhold: message\n")
    compiled = policy([rule("r", "coverage: any", "PV1: [2]"), withholding])
    raw = hl7("ADT^A01", PID, f"PV1|1|I||||||||{value}")
    assert code(compiled, raw) == "withheld-by-rule"


def test_the_reference_site_knows_a_psychiatric_stay_by_the_code_alone() -> None:
    raw = sample("adt-a01-psychiatric").replace(b"|PSY|", b"|PSY^Psychiatry^HL70069|")
    assert b"|PSY^" in raw
    compiled = compile_policy(reference_site().policy)
    (copy,) = decide(Message.parse(raw), compiled, Facts(NOW))["acme"].payloads
    assert b"\rDG1|" not in copy.data
