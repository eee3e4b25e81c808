"""An ORU of several patients is decided, and sent, patient by patient (rules.md §4, §10.27)."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from tests.support.cutting import hl7, outcome, policy, rule

ANY = "message: ORU, coverage: any"
GRANTS = "PID: [3], OBR: all, OBX: all"


def patient(name: str, sex: str) -> tuple[str, ...]:
    return (f"PID|1||{name}^^^H^MR|||||{sex}", "OBR|1|P1|F1|L1", "OBX|1|ST|A||x||||||F")


BOTH = (*patient("A", "F"), *patient("B", "M"))


@pytest.mark.parametrize(
    ("version", "longest"),
    [
        ("2.5.1", 20),
        ("2.6", 20),
        ("2.7", 199),
        ("2.8^USA", 199),
        ("3.0", 199),
        ("2", 20),
        ("", 20),
        ("new", 20),
    ],
)
def test_a_control_id_with_its_number_is_no_longer_than_its_version_allows(
    version: str, longest: int
) -> None:
    compiled = policy([rule("r", ANY, GRANTS)])
    raw = hl7("ORU^R01", *BOTH, msh=f"P|{version}").replace(b"|M1|", b"|" + b"C" * 250 + b"|")
    _, second = outcome(compiled, raw).payloads
    assert second.control_id == b"C" * (longest - 2) + b"-2"
    assert Message.parse(second.data).msh.field(10) == second.control_id


def test_the_reasons_and_rules_of_all_patients_are_told() -> None:
    rules = [rule(sex, f"{ANY}, PID-8: {sex.upper()}", GRANTS) for sex in "fm"]
    compiled = policy(rules)
    found = outcome(compiled, hl7("ORU^R01", *BOTH))
    assert [one.rule for one in found.reasons] == ["f", "m"]
    assert found.rules == ("f", "m")


def test_a_patient_whose_part_is_withheld_stops_no_other() -> None:
    compiled = policy([rule("m", f"{ANY}, PID-8: M", GRANTS)])
    found = outcome(compiled, hl7("ORU^R01", *BOTH))
    (only,) = found.payloads
    assert b"|B^^^H^MR" in only.data
    assert [one.rule for one in found.reasons] == ["m"]
    assert found.rules == ("m",)
