"""What `check` says of a site that loads and may not mean what it says."""

from __future__ import annotations

import pytest

from engine.policy.language import Problems
from engine.policy.language.advice import advise
from engine.policy.language.structures import note_incomplete
from tests.support.site_texts import read_policy

CHANNEL = """
channel: acme
name: ACME
kind: payer
identified_by: [{IN1-3.1: ACME01}]
agreement: {expires: 2030-12-31}
purposes: [payment]
ceiling: {messages: [ADT, ORU], segments: {PID: all}}
deliver: {to: "tcp:127.0.0.1:1"}
"""
RULES = """
channels: [acme]
purpose: payment
basis: law
rules:
"""


def advice(channel: str, rules: str) -> list[str]:
    problems = Problems()
    advise(read_policy(channel, rules), problems)
    return [problem.code for problem in problems.sorted()]


@pytest.mark.parametrize(
    ("plainly", "masked", "expected"),
    [
        ("{message: ADT}", "{message: ADT}", True),
        ("{message: ADT^A01}", "{message: ADT}", True),
        ("{}", "{message: ADT}", True),
        ("{message: ADT}", "{}", True),
        ("{message: ORU}", "{message: ADT}", False),
    ],
)
def test_a_mask_in_vain_is_one_that_a_message_of_both_rules_would_lack(
    plainly: str, masked: str, expected: bool
) -> None:
    mask = "{PID: {fields: [3], mask: {3: last4}}}"
    two = f"""\
  - {{name: plainly, why: because, when: {plainly}, disclose: {{PID: [3]}}}}
  - {{name: masked, why: because, when: {masked}, disclose: {mask}}}
"""
    codes = advice(CHANNEL, RULES + two)
    assert ("mask-in-vain" in codes) is expected


@pytest.mark.parametrize(
    "granted",
    [
        *("AL1: [5]", "DG1: [4]", "FT1: [8]", "FT1: [9]", "NTE: [3]", "OBR: [13]", "OBR: [39]"),
        *("OBX: [5]", "PR1: [4]", "CON: [5]", "CON: [6]", "ACC: [5]", "DSP: [3]"),
    ],
)
def test_what_people_type_is_worth_a_second_look(granted: str) -> None:
    segment, _, _ = granted.partition(":")
    more = f"""\
  - {{name: one, why: because, when: {{message: ADT}}, disclose: {{PID: [3], {granted}}}}}
"""
    codes = advice(CHANNEL.replace("PID: all", f"PID: all, {segment}: all"), RULES + more)
    assert "free-text" in codes


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{OBX-2: [NM, SN]}", False),
        ("{OBX-2: [NM, TX]}", True),
        ("{OBX-2: {not: [TX, FT, ED, RP]}}", False),
        ("{OBX-2: {not: [TX, FT, ED, RP, ST]}}", False),
        ("{OBX-2: {not: [TX]}}", True),
        ("{OBX-11: F, OBX-2: NM}", False),
        ("{OBX-11: F}", True),
    ],
)
def test_results_of_which_no_text_is_sent_need_no_second_look(where: str, expected: bool) -> None:
    grants = f"PID: [3], OBR: [4], OBX: {{fields: [5], where: {where}}}"
    more = f"  - {{name: one, why: because, when: {{message: ORU}}, disclose: {{{grants}}}}}\n"
    site = CHANNEL.replace("PID: all", "PID: all, OBR: all, OBX: all")
    assert ("free-text" in advice(site, RULES + more)) is expected


@pytest.mark.parametrize(
    ("granted", "spared"),
    [
        ("PID: [6]", set()),
        ("PID: [9]", {"treatment"}),
        ("PID: [10]", {"operations", "research"}),
        ("PID: [17]", {"treatment"}),
        ("PID: [19]", set()),
        ("PID: [20]", set()),
        ("PID: [21]", {"treatment"}),
        ("PID: [22]", {"operations", "research"}),
        ("PID: [26]", set()),
        ("NK1: [37]", set()),
        ("GT1: [12]", set()),
        ("IN2: [2]", set()),
    ],
)
def test_what_tells_a_person_apart_is_advised_against_where_the_purpose_needs_it_not(
    granted: str, spared: set[str]
) -> None:
    segment, _, _ = granted.partition(":")
    more = f"  - {{name: one, why: because, when: {{message: ADT}}, disclose: {{{granted}}}}}\n"
    site = CHANNEL.replace("PID: all", f"{segment}: all")
    for purpose in ("payment", "operations", "research", "treatment"):
        codes = advice(
            site.replace("[payment]", f"[{purpose}]"), RULES.replace("payment", purpose) + more
        )
        assert ("needless-identifier" in codes) is (purpose not in spared), purpose


def test_what_a_type_requires_is_asked_of_the_rules_for_that_type_alone() -> None:
    """Whatever else a rule asks of the message."""
    rules = """\
  - {name: a, why: x, when: {message: ADT^A01, PV1-2: I}, disclose: {EVN: all, PID: [3], PV1: [2]}}
  - {name: b, why: x, when: {message: ADT^A04, PV1-2: O}, disclose: {EVN: all, PID: [3]}}
"""
    problems = Problems()
    site = CHANNEL.replace("PID: all", "EVN: all, PID: all, PV1: all")
    note_incomplete(read_policy(site, RULES + rules), problems)
    assert [problem.text for problem in problems.sorted()] == [
        "No rule grants acme what HL7 requires: PV1 of ADT^A04."
    ]
