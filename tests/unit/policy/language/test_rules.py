"""Channels, grants, withholdings and their meeting, as rules.md §3, §4 and §10 say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.config.yaml_source import read_yaml
from engine.hl7.path import Path
from engine.policy.language import Problems, policy_of
from engine.policy.language.ceilings import above, cut_to_ceiling, under
from engine.policy.model import (
    Consent,
    Coverage,
    Grant,
    Kind,
    PayerType,
    Policy,
    Purpose,
    Withholding,
)
from engine.policy.vocabulary.conditions import Compare, MessageType, OneOf

CHANNEL = """
channel: acme
name: ACME
kind: payer
identified_by: [{IN1-3.1: ACME01}]
agreement: {reference: A-1, expires: 2030-12-31}
purposes: [payment, research]
ceiling:
  messages: [ADT, ORU^R01]
  segments: {PID: [3, 5, 11.3-11.5], PV1: all, IN1: all, OBR: all, DG1: [3]}
deliver: {to: "tcp:127.0.0.1:1", rewrite: {MSH-5: X}}
"""
RULES = """
channels: [acme]
purpose: payment
basis: law
rules:
  - {name: one, why: because, when: {message: ADT}, disclose: {PID: [3]}}
"""


def policy(*files: str) -> tuple[Policy, list[str]]:
    """The policy of some channel and rules files, and the codes of its problems."""
    problems = Problems()
    nodes = [
        read_yaml(text.encode(), f"file{number}.yaml", problems)
        for number, text in enumerate(files)
    ]
    channels = [node for node, text in zip(nodes, files, strict=True) if "ceiling:\n" in text]
    rules = [node for node, text in zip(nodes, files, strict=True) if "rules:" in text]
    read = policy_of(
        [node for node in channels if node is not None],
        [node for node in rules if node is not None],
        every_channel_read=True,
        environment="test",
        timezone="UTC",
        problems=problems,
    )
    return read.policy, [problem.code for problem in problems.sorted()]


def with_disclose(disclose: str) -> tuple[Any, list[str]]:
    found, codes = policy(CHANNEL, RULES.replace("{PID: [3]}", disclose))
    return {grant.segment: grant for grant in found.rules[0].grants}, codes


def with_withhold(withhold: str) -> tuple[list[Withholding], list[str]]:
    rules = RULES.replace("disclose: {PID: [3]}", f"withhold: {withhold}")
    found, codes = policy(CHANNEL, rules)
    return list(found.rules[0].withholdings), codes


def test_a_channel_is_read_whole() -> None:
    found, codes = policy(CHANNEL)
    acme = found.channels["acme"]
    assert codes == []
    assert (acme.kind, acme.payer_type) == (Kind.PAYER, PayerType.HEALTH_PLAN)
    assert acme.purposes == {Purpose.PAYMENT, Purpose.RESEARCH}
    assert acme.ceiling_messages == {MessageType("ADT"), MessageType("ORU", "R01")}
    assert acme.ceiling["PID"] == {3: None, 5: None, 11: frozenset({3, 4, 5})}
    assert acme.ceiling["PV1"] is None
    assert acme.identified_by == (Compare(Path("IN1", 3, 1), OneOf(frozenset({"ACME01"}))),)
    assert (acme.agreement_reference, acme.agreement_expires) == ("A-1", "2030-12-31")
    assert acme.rewrite == {5: "X"}


def test_a_rule_is_read_whole() -> None:
    found, codes = policy(CHANNEL, RULES)
    (rule,) = found.rules
    assert codes == []
    assert (rule.name, rule.why, rule.basis) == ("one", "because", "law")
    assert (rule.purpose, rule.consent) == (Purpose.PAYMENT, Consent.NOT_REQUIRED)
    assert (rule.channels, rule.coverage) == (frozenset({"acme"}), None)


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("{reference: A-1, expires: 2030-12-31}", "A-1"),
        ("{name: one, why: because, when: {message: ADT}, disclose: {PID: [3]}}", "one"),
    ],
)
def test_a_text_is_no_mapping(what: str, instead: str) -> None:
    _, codes = policy(CHANNEL.replace(what, instead), RULES.replace(what, instead))
    assert "wrong-type" in codes


@pytest.mark.parametrize(
    ("fields", "mask"),
    [
        ("[3]", {3: None}),
        ("[3, 3.1]", {3: None}),
        ("[5.1, 5.3-5.4]", {5: frozenset({1, 3, 4})}),
        ("[1-3, 2]", {1: None, 2: None, 3: None}),
        ("all", None),
    ],
)
def test_lists_of_fields(fields: str, mask: object) -> None:
    grants, codes = with_disclose(f"{{PV1: {fields}}}")
    assert codes == []
    assert grants["PV1"].mask == mask


@pytest.mark.parametrize("fields", ["[3-1]", "[3.1-4.2]", "[3-3.2]", "[1-1000]", "[x]", "[1.2.3]"])
def test_a_range_that_is_none(fields: str) -> None:
    assert with_disclose(f"{{ZPV: {fields}}}")[1] == ["bad-value"]


def test_msh_8_is_granted_by_name_alone() -> None:
    channel = CHANNEL.replace("{PID:", "{MSH: all, PID:")
    ranged, _ = policy(channel, RULES.replace("{PID: [3]}", "{MSH: [7-14]}"))
    named, _ = policy(channel, RULES.replace("{PID: [3]}", "{MSH: [8]}"))
    assert 8 not in (ranged.rules[0].grants[0].mask or {})
    assert 13 in (ranged.rules[0].grants[0].mask or {})
    assert named.rules[0].grants[0].mask == {8: None}


def test_msh_fields_that_every_copy_carries_need_no_ceiling() -> None:
    assert with_disclose("{MSH: [3, 9-12, 18]}")[1] == []
    assert with_disclose("{MSH: [13]}")[1] == ["above-ceiling"]
    assert with_disclose("{MSH: all}")[1] == ["above-ceiling"]


def test_a_grant_with_conditions() -> None:
    grants, codes = with_disclose(
        "{DG1: {fields: [3], where: {DG1-6: A}}, IN1: {fields: all, which: own},"
        " OBR: {fields: all, alone: true}}"
    )
    assert codes == []
    assert grants["DG1"].where == Compare(Path("DG1", 6), OneOf(frozenset({"A"})))
    assert (grants["IN1"].which_own, grants["OBR"].alone) == (True, True)


@pytest.mark.parametrize(
    ("withhold", "expected"),
    [
        ("message", [("", None, True)]),
        ("[message]", [("", None, True)]),
        ("[DG1, NTE]", [("DG1", None, False), ("NTE", None, False)]),
        ("PV1-10", [("PV1", {10: None}, False)]),
        ("[PID-11.1]", [("PID", {11: frozenset({1})}, False)]),
        ("{PID: [11, 13]}", [("PID", {11: None, 13: None}, False)]),
    ],
)
def test_withholdings(withhold: str, expected: object) -> None:
    found, codes = with_withhold(withhold)
    assert codes == []
    assert [(item.segment, item.mask, item.message) for item in found] == expected


def test_withholdings_with_a_condition() -> None:
    found, codes = with_withhold("{DG1: {where: {DG1-6: A}}, PID-11: {where: {PID-11.7: C}}}")
    assert codes == []
    assert [(item.segment, item.mask) for item in found] == [("DG1", None), ("PID", {11: None})]
    assert all(item.where is not None for item in found)


@pytest.mark.parametrize(
    ("grant", "ceiling", "names"),
    [
        ({3: None}, {3: None}, ()),
        ({3: frozenset({1})}, {3: None}, ()),
        ({3: None}, {3: frozenset({1})}, ("PID-3",)),
        ({3: frozenset({1, 2})}, {3: frozenset({1, 3})}, ("PID-3.2",)),
        ({3: None, 4: None}, {3: None}, ("PID-4",)),
        (None, {3: None}, ("PID",)),
        (None, None, ()),
        ({3: None}, None, ()),
    ],
)
def test_what_is_above_a_ceiling(grant: Any, ceiling: Any, names: object) -> None:
    assert above("PID", grant, {"PID": ceiling}) == names
    cut = under("PID", grant, {"PID": ceiling})
    assert above("PID", cut, {"PID": ceiling}) == ()


def test_all_of_msh_under_a_ceiling_does_not_bring_msh_8_along() -> None:
    assert 8 not in (under("MSH", None, {"MSH": {8: None, 13: None}}) or {})


def test_within_ceiling_gives_each_channel_its_own_cut() -> None:
    beta = CHANNEL.replace("acme", "beta").replace("PID: [3, 5, 11.3-11.5]", "PID: [3]")
    rules = RULES.replace("[acme]", "all payers").replace("{PID: [3]}", "{PID: [3, 11], PV1: [2]}")
    found, codes = policy(CHANNEL, beta, rules.replace("basis:", "within: ceiling\nbasis:"))
    masks = {tuple(rule.channels): rule.grants[0].mask for rule in found.rules}
    assert codes == ["ceiling-cut", "ceiling-cut"]
    assert masks == {
        ("acme",): {3: None, 11: frozenset({3, 4, 5})},
        ("beta",): {3: None},
    }


def test_above_ceiling_names_both_lines() -> None:
    problems = Problems()
    nodes = [
        read_yaml(text.encode(), name, problems)
        for name, text in (
            ("channels/acme.yaml", CHANNEL),
            ("rules/r.yaml", RULES.replace("{PID: [3]}", "{PID: [4]}")),
        )
    ]
    assert nodes[0] is not None
    assert nodes[1] is not None
    policy_of(
        nodes[:1],  # type: ignore[arg-type]  # asserted just above
        nodes[1:],  # type: ignore[arg-type]
        every_channel_read=True,
        environment="test",
        timezone="UTC",
        problems=problems,
    )
    (problem,) = problems.sorted()
    assert str(problem.place) == "rules/r.yaml:6:64"
    assert "channels/acme.yaml:10:14" in problem.text
    assert "PID-4" in problem.text


@pytest.mark.parametrize(
    ("purpose", "consent", "meant", "codes"),
    [
        ("payment", None, Consent.NOT_REQUIRED, []),
        ("research", None, Consent.REQUIRED, []),
        ("research", "required", Consent.REQUIRED, []),
        ("research", "not-required", Consent.NOT_REQUIRED, ["needs-consent"]),
        ("research", "unless-refused", Consent.UNLESS_REFUSED, ["needs-consent"]),
        ("payment", "unless-refused", Consent.UNLESS_REFUSED, []),
        ("operations", None, Consent.NOT_REQUIRED, ["purpose-not-allowed"]),
    ],
)
def test_purposes_and_consent(
    purpose: str, consent: str | None, meant: Consent, codes: list[str]
) -> None:
    line = f"purpose: {purpose}" + (f"\nconsent: {consent}" if consent else "")
    found, noted = policy(CHANNEL, RULES.replace("purpose: payment", line))
    assert noted == codes
    assert found.rules[0].consent is meant


@pytest.mark.parametrize(
    ("when", "codes"),
    [
        ("{message: ADT, coverage: own}", []),
        ("{message: ADT, coverage: none}", []),
        ("{message: ADT, coverage: any}", ["coverage-any"]),
        ("{message: ADT, coverage: others}", ["bad-value"]),
        ("{message: [ADT^A01, ORU^R01, ORU]}", []),
        ("{message: [ADT^A01, DFT]}", ["never-applies"]),
        ("{message: ORU^R30}", ["never-applies"]),
        ("{}", []),
    ],
)
def test_what_a_rule_never_reaches_is_a_warning(when: str, codes: list[str]) -> None:
    found, noted = policy(CHANNEL, RULES.replace("{message: ADT}", when))
    assert noted == codes
    assert isinstance(found.rules[0].grants[0], Grant)


def test_coverage_is_kept_apart_from_the_condition() -> None:
    found, _ = policy(CHANNEL, RULES.replace("{message: ADT}", "{coverage: none, PID-8: F}"))
    assert found.rules[0].coverage is Coverage.NONE
    assert found.rules[0].when == Compare(Path("PID", 8), OneOf(frozenset({"F"})))


def test_a_rule_that_only_withholds_may_name_types_that_some_channel_never_gets() -> None:
    beta = CHANNEL.replace("acme", "beta").replace("[ADT, ORU^R01]", "[ORU]")
    rules = RULES.replace("[acme]", "all payers").replace("disclose: {PID: [3]}", "withhold: DG1")
    assert policy(CHANNEL, beta, rules)[1] == []
    assert policy(CHANNEL, beta, rules.replace("message: ADT", "message: DFT"))[1] == [
        "never-applies"
    ]


def test_the_order_of_files_and_rules_does_not_matter() -> None:
    two = RULES.replace("name: one", "name: two")
    assert policy(CHANNEL, RULES, two)[0].rules[0].name == "one"
    assert policy(two, RULES, CHANNEL)[0].rules[0].name == "one"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 17, 18])
def test_what_every_copy_carries_can_be_neither_masked_nor_withheld(number: int) -> None:
    """rules.md §10.20."""
    assert with_withhold(f"[MSH-{number}]")[1] == ["bad-value"]
    masked = f"{{MSH: {{fields: [13], mask: {{{number}: year}}}}}}"
    assert "bad-value" in with_disclose(masked)[1]


@pytest.mark.parametrize("written", ["{a: b}", "acme", "all vendors"])
def test_channels_are_a_list_of_ids_or_all_payers(written: str) -> None:
    _, codes = policy(CHANNEL, re.sub(r"channels: .*", f"channels: {written}", RULES, count=1))
    assert "wrong-type" in codes


def test_what_cannot_be_chosen_from_is_not_chosen_from() -> None:
    grants, codes = with_disclose("{MSH: {fields: [13], repetitions: {12: {MSH-12.1: X}}}}")
    assert codes == ["above-ceiling", "bad-value"]
    assert grants["MSH"].repetitions == {}


def test_a_channel_that_cannot_be_read_hides_no_other() -> None:
    nameless = CHANNEL.replace("channel: acme\n", "")
    found, codes = policy(nameless, CHANNEL, RULES)
    assert list(found.channels) == ["acme"]
    assert codes.count("missing-key") == 1


def test_a_ceiling_of_all_takes_no_mask_away() -> None:
    wide = CHANNEL.replace("PID: [3, 5, 11.3-11.5]", "PID: all")
    masked = RULES.replace("PID: [3]", "PID: {fields: all, mask: {7: year}}")
    found, codes = policy(wide, masked.replace("basis: law", "basis: law\nwithin: ceiling"))
    assert codes == []
    assert (7, 0) in found.rules[0].grants[0].maskings


def test_what_a_ceiling_of_all_holds_is_left_as_it_is() -> None:
    wide = CHANNEL.replace("PID: [3, 5, 11.3-11.5]", "PID: all")
    found, _ = policy(wide, RULES.replace("PID: [3]", "PID: {fields: all, mask: {7: year}}"))
    (grant,) = found.rules[0].grants
    assert cut_to_ceiling(grant, found.channels["acme"].ceiling) == grant
