"""A diagnosis marked as confidential (DG1-18) is told by nothing else either (B-7.1, B-9.2)."""

from __future__ import annotations

import pytest

from engine.policy.compile import CompiledPolicy
from tests.support.cutting import OPEN, channel, facts, policy, rule, sent
from tests.support.law_messages import ANY, adt, dft, restriction

CEILING = OPEN[:-1] + ", PDA: all}"
GRANTS = (
    "PID: [3], PV1: [2], PV2: [3, 12], DG1: [1, 3, 6], PR1: [1, 3, 15], FT1: [1, 2, 4, 6, 7, 19],"
    " ORC: [1, 16], OBR: {fields: [1, 4, 31], alone: true}"
)
OPENLY = "DG1|1||S62.1^Wrist^I10|||F"
MARKED = "DG1|2||Q99.9^Chromosome^I10|||F" + "|" * 12 + "Y"
LINE = "FT1|1|T1||20260105||CG|99213^^C4" + "|" * 12


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return policy([rule("r", ANY, GRANTS)], [channel("acme", ceiling=CEILING)])


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ("Q99.9^Chromosome^I10~S62.1^Wrist^I10", "S62.1^Wrist^I10"),
        ("S62.1^Wrist^I10~Q999^x^I10C", "S62.1^Wrist^I10"),
        ("S62.1^Wrist^I10~q99.9", "S62.1^Wrist^I10"),
        ("77^x^99HOSP^Q99.9^x^I10~S62.1", "S62.1"),
        ("S62.1~Q99.9^x^I9", "S62.1~Q99.9^x^I9"),
    ],
)
def test_a_charge_points_to_no_confidential_diagnosis(
    site: CompiledPolicy, named: str, left: str
) -> None:
    copy = sent(site, dft(LINE + named, OPENLY, MARKED))
    assert copy[2:] == [LINE + left, OPENLY]


@pytest.mark.parametrize(
    ("segment", "left"),
    [
        ("PV2|||Q99.9^x^I10", []),
        ("PV2|||Q99.9^x^I10|||||||||fell", ["PV2||||||||||||fell"]),
        ("PR1|1||25600^Fracture^C4" + "|" * 12 + "Q99.9^x^I10", ["PR1|1||25600^Fracture^C4"]),
        ("OBR|1|||2345-7^Glucose^LN" + "|" * 27 + "Q99.9^x^I10", ["OBR|1|||2345-7^Glucose^LN"]),
        ("PV2|||S62.1^x^I10", ["PV2|||S62.1^x^I10"]),
    ],
)
def test_nothing_else_points_to_it(site: CompiledPolicy, segment: str, left: list[str]) -> None:
    copy = sent(site, adt(segment, OPENLY, MARKED))
    assert [line for line in copy[2:] if line != OPENLY] == left


def test_a_code_that_another_diagnosis_tells_openly_stays(site: CompiledPolicy) -> None:
    other = "DG1|1||Q99.9^Chromosome^I10|||F"
    assert sent(site, dft(LINE + "Q99.9", other, MARKED))[2:] == [LINE + "Q99.9", other]


def test_a_diagnosis_is_pointed_to_however_its_code_is_written(site: CompiledPolicy) -> None:
    """Where a line is not sent, a diagnosis goes with the lines that name it, dotted or not."""
    second = LINE.replace("|1|T1|", "|2|T2|") + "E119^^I10"
    raw = dft(LINE + "S621^^I10C", second, OPENLY, "DG1|2||E11.9^DM^I10|||F")
    copy = sent(site, raw, facts(site, *restriction("charge: T2")))
    assert copy[2:] == [LINE + "S621^^I10C", OPENLY]
