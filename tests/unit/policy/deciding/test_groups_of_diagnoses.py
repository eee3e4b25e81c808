"""A DRG tells of the diagnoses and procedures it was grouped from (standards.md B-9.2, B-9.5)."""

from __future__ import annotations

import pytest

from engine.policy.compile import CompiledPolicy
from tests.support.cutting import OPEN, channel, facts, policy, rule, sent
from tests.support.law_messages import ANY, GENERAL, adt, dft, restriction
from tests.support.random_sites import Site
from tests.support.random_sites import compiled as compiled_site

CEILING = OPEN[:-1] + ", DRG: all}"
GRANTS = "PID: [3], PV1: [2], DG1: [1, 3, 6, 7, 8], PR1: [1, 3], FT1: [1, 2, 4, 6, 7, 19]"
GROUP = "DRG|291^Heart failure^MSDRG|20260101"
PLAIN = "DG1|1||I10^HT^I10|||A"
GROUPED = f"{PLAIN}|19^^MDC|291^^MSDRG"
DEPRESSION = "DG1|2||F32.2^Depr^I10|||A"


def site(more: str = "", grants: str = f"{GRANTS}, DRG: [1, 2]") -> CompiledPolicy:
    florida = "protections: [us-fl]\n"
    channels = (channel("acme", ceiling=CEILING),)
    return policy([rule("r", ANY, grants, more)], channels, config=florida)


def told(compiled: CompiledPolicy, *segments: str) -> list[str]:
    return sent(compiled, adt(*segments), facts(compiled, GENERAL))[2:]


def test_a_labelled_diagnosis_takes_the_groups_along() -> None:
    assert told(site(), GROUPED, DEPRESSION, GROUP) == [PLAIN]
    assert told(site(), DEPRESSION, "DG1|1||I10^HT^I10|||A||291", GROUP) == [PLAIN]


def test_a_labelled_diagnosis_that_no_rule_grants_does() -> None:
    assert told(site(grants="PID: [3], PV1: [2], DRG: [1, 2]"), PLAIN, DEPRESSION, GROUP) == []


def test_a_labelled_procedure_does() -> None:
    therapy = "PR1|1||90834^Therapy^C4"
    assert told(site(), GROUPED, therapy, GROUP) == [PLAIN]
    assert told(site(), GROUPED, "PR1|1||93458^Cath^C4", GROUP) == [
        GROUPED,
        "PR1|1||93458^Cath^C4",
        GROUP,
    ]


@pytest.mark.parametrize(
    ("withheld", "copy"),
    [
        ("DG1: {where: {DG1-3.1: E11.9}}", [PLAIN]),
        ("DG1: {where: {DG1-3.1: E10.9}}", [GROUPED, "DG1|2||E11.9^DM^I10|||A", GROUP]),
        ("DG1: {fields: [6], where: {DG1-3.1: E11.9}}", [GROUPED, "DG1|2||E11.9^DM^I10", GROUP]),
        ("DG1: all", []),
        ("DG1: [3]", ["DG1|1|||||A", "DG1|2|||||A"]),
        ("DG1: [3.1-3.3]", ["DG1|1|||||A", "DG1|2|||||A"]),
        ("DG1: {fields: [3], where: {DG1-3.1: E11.9}}", [PLAIN, "DG1|2|||||A"]),
        (
            "DG1: {fields: [3], where: {DG1-3.1: E10.9}}",
            [GROUPED, "DG1|2||E11.9^DM^I10|||A", GROUP],
        ),
        ("DG1: [3.4]", [PLAIN, "DG1|2||E11.9^DM^I10|||A"]),
        # A text of what is told anyway is no secret.
        ("DG1: [3.2, 4]", [GROUPED.replace("^HT", "^"), "DG1|2||E11.9^^I10|||A", GROUP]),
    ],
)
def test_one_that_a_rule_withholds_does(withheld: str, copy: list[str]) -> None:
    compiled = site(f"    withhold: {{{withheld}}}\n")
    assert told(compiled, GROUPED, "DG1|2||E11.9^DM^I10|||A", GROUP) == copy


def test_a_procedure_whose_code_a_rule_withholds_does() -> None:
    compiled = site("    withhold: [PR1-3]\n")
    assert told(compiled, GROUPED, "PR1|1||93458^Cath^C4", GROUP) == [PLAIN]
    assert told(compiled, GROUPED, "PR1|1", GROUP) == [GROUPED, GROUP]


def test_one_whose_code_the_law_takes_does_though_a_rule_may_send_the_rest_of_it() -> None:
    """Illinois lets HIV go for payment, and here payment asks for no code."""
    acme = {
        "channel": "acme",
        "name": "acme plan",
        "kind": "payer",
        "purposes": ["payment", "operations"],
        "identified_by": [{"IN1-3.1": "ACME"}],
        "agreement": {"expires": "2030-12-31"},
        "ceiling": {"messages": ["ADT"], "segments": {"PID": "all", "DG1": "all", "DRG": "all"}},
        "deliver": {"to": "tcp:127.0.0.1:6661"},
    }
    files = [
        {
            "channels": ["acme"],
            "purpose": purpose,
            "basis": "a test",
            "rules": [
                {"name": purpose, "why": "x", "when": {"coverage": "any"}, "disclose": disclose}
            ],
        }
        for purpose, disclose in (
            ("payment", {"PID": ["3"], "DG1": ["6"], "DRG": ["1"]}),
            ("operations", {"DG1": ["3", "6", "7", "8"]}),
        )
    ]
    compiled = compiled_site(Site([acme], files, packs=frozenset({"us-federal", "us-il"})))
    group = "DRG|291^Heart failure^MSDRG"
    assert sent(compiled, adt("DG1|1||B20^x^I10|||F||291", group))[1:] == ["DG1||||||F"]
    plain = "DG1|||I10^x^I10|||F||291"
    assert sent(compiled, adt("DG1|1||I10^x^I10|||F||291", group))[1:] == [plain, group]


def test_one_that_is_merely_not_granted_does_not() -> None:
    grants = "PID: [3], PV1: [2], DG1: {fields: [1, 3, 6, 7, 8], where: {DG1-6: A}}, DRG: [1, 2]"
    working = "DG1|2||E11.9^DM^I10|||W"
    assert told(site(grants=grants), GROUPED, working, GROUP) == [GROUPED, GROUP]


def test_a_confidential_diagnosis_does() -> None:
    assert told(site(), GROUPED, "DG1|2||E11.9^DM^I10|||A||||||||||||Y", GROUP) == [PLAIN]


@pytest.mark.parametrize(
    ("second", "copy"),
    [
        ("Z23", ["DG1|1||I10^^I10"]),
        ("I10", ["DG1|1||I10^^I10", GROUP]),
    ],
)
def test_one_that_goes_with_its_charge_does(second: str, copy: list[str]) -> None:
    compiled = site()
    known = facts(compiled, GENERAL, *restriction("charge: T2"))
    first = "FT1|1|T1||20260105||CG|99213" + "|" * 12 + "I10^^I10"
    other = "FT1|2|T2||20260105||CG|99214" + "|" * 12 + f"{second}^^I10"
    diagnoses = ["DG1|1||I10^^I10", *(["DG1|2||Z23^^I10"] if second == "Z23" else [])]
    raw = dft(first, other, *diagnoses, GROUP)
    assert sent(compiled, raw, known)[2:] == [first, *copy]


def test_a_diagnosis_of_groups_alone_goes_with_them() -> None:
    grants = "PID: [3], PV1: [2], DG1: [7, 8]"
    assert told(site(grants=grants), GROUPED, DEPRESSION) == []
    assert told(site(grants=grants), GROUPED) == ["DG1|||||||19^^MDC|291^^MSDRG"]


@pytest.mark.parametrize(
    ("group", "goes"),
    [
        ("885^Psychoses^MSDRG", False),
        ("885^Psychoses^MS-DRG", False),
        ("885", False),
        ("0885^x^APRDRG", True),
        ("885^x^APRDRG", False),
        ("976^HIV", False),
        ("291^Heart failure^MSDRG", True),
        ("291", True),
    ],
)
def test_a_group_that_tells_of_itself_what_is_protected_does_not_go(group: str, goes: bool) -> None:
    copy = told(site(), GROUPED, f"DRG|{group}|20260101")
    assert any(line.startswith("DRG") for line in copy) is goes
    assert (GROUPED if goes else PLAIN) in copy


def test_the_number_of_a_group_is_none_of_a_charge() -> None:
    charge = "FT1|1|T1||20260105||CG|885"
    compiled = site()
    assert charge in sent(compiled, dft(charge), facts(compiled, GENERAL))
