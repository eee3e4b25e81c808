"""What is told of labels, restrictions and consents (rules.md §9): causes, never values."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.telling.explain import Story, explain
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, facts, hl7
from tests.support.law_messages import (
    ORDERS,
    PID,
    PV1,
    adt,
    compiled,
    consent,
    oru,
    part2,
    restriction,
)


def story(site: CompiledPolicy, raw: bytes, known: Facts | None = None) -> Story:
    return explain(Message.parse(raw), site, known or Facts(NOW))["acme"]


def because(told: Story, index: int) -> set[tuple[str, str]]:
    return {(one.code, one.rule) for one in told.segments[index - 1].because}


def test_a_restricted_order_and_its_results_say_so() -> None:
    site = compiled()
    told = story(site, oru(*ORDERS), facts(site, *restriction("order: P1")))
    assert [because(told, index) for index in (5, 6, 7)] == [{("restricted", "")}] * 3
    assert because(told, 8) == {("granted", "r")}


def test_a_label_says_so_and_a_rule_that_withholds_it_is_named() -> None:
    raw = adt("DG1|1||B20^x^I10", "DG1|2||I10^x^I10")
    by_law = story(compiled(config="protections: [us-fl]\n"), raw)
    assert because(by_law, 5) == {("labelled-hiv", "")}
    by_rule = story(compiled(more="    withhold: {labels: [hiv]}\n"), raw)
    assert because(by_rule, 5) == {("withheld-by-rule", "r")}
    assert by_rule.segments[4].verdict == "withheld"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (["units: {SUD1: part2}"], "labelled-sud"),
        (list(restriction("everything: true")), "restricted"),
    ],
)
def test_what_is_said_of_the_message_is_said_of_every_segment(
    known: list[str], expected: str
) -> None:
    site = compiled()
    told = story(site, part2(), facts(site, *known))
    assert {code for one in told.segments for code in {b.code for b in one.because}} == {expected}


def test_a_consent_is_a_cause_with_its_rule_and_reason() -> None:
    site = compiled(consent="required")
    known = facts(site, "consents:", consent(more=", revoked: 2026-02-01"))
    told = story(site, adt(), known)
    (reason,) = told.outcome.reasons
    assert (reason.code.value, reason.rule) == ("consent-revoked", "r")
    assert "revoked" in reason.text


def test_no_reason_repeats_a_value_of_the_message() -> None:
    site = compiled(config="protections: [us-fl]\n", more="    withhold: [DG1]\n")
    raw = hl7("ADT^A01", PID, PV1, "NTE|1||B20.9", "DG1|1||B20.9^SECRET^I10")
    for known in (Facts(NOW), facts(site, *restriction("visit: V1"))):
        told = story(site, raw, known)
        text = " ".join(reason.text for reason in told.outcome.reasons)
        assert not any(value in text for value in ("B20.9", "SECRET", "V1", "DOE"))
