"""`structure: strict`: a copy keeps what its message structure requires, or it is held (§10.29)."""

from __future__ import annotations

import pytest

from engine.policy.outcome import Verdict
from tests.support.cutting import channel, code, hl7, outcome, policy, rule

STRICT = channel("acme").replace("[ADT, ORU, DFT, MDM]", "[ADT, ORU, DFT, MDM, SIU]") + (
    "structure: strict\n"
)
PID = "PID|1||A^^^H^MR"
GRANTS = "EVN: all, PID: [3], PV1: [2], IN1: all, IN2: all, OBR: all, OBX: all, MRG: all"


def codes(kind: str, *segments: str, grants: str = GRANTS, version: str = "2.5.1") -> str:
    types = kind[:7] if kind.startswith("ADT^A4") else kind[:3]
    compiled = policy([rule("r", f"message: {types}, coverage: any", grants)], (STRICT,))
    raw = hl7(kind, *segments, msh=f"P|{version}")
    assert outcome(compiled, raw).verdict in {Verdict.DISCLOSE, Verdict.HOLD}
    return code(compiled, raw)


@pytest.mark.parametrize(
    ("kind", "segments", "reason"),
    [
        ("ADT^A01", ("EVN||1", PID, "PV1|1|I"), "granted"),
        ("ADT^A01", (PID, "PV1|1|I"), "structure"),  # it came without
        ("ADT^A01", ("EVN||1", PID, "PV1|1||W"), "structure"),  # nothing granted was left of it
        ("ADT^A08^ADT_A01", ("EVN||1", PID, "PV1|1|I"), "granted"),
        ("ADT^A01", ("EVN||1", PID, "PV1|1|I", "IN2|1"), "structure"),
        ("ADT^A40", ("EVN||1", PID, "MRG|B"), "granted"),
        ("ADT^Z99", ("EVN||1", PID, "PV1|1|I"), "structure"),
        ("ORU^R01", (PID, "OBR|1||F1|L1"), "granted"),
        ("ORU^R30", (PID, "OBR|1||F1|L1", "OBX|1|ST|A||x"), "structure"),
        ("SIU^S12", (PID,), "structure"),
    ],
)
def test_a_copy_without_what_its_structure_requires_is_held(
    kind: str, segments: tuple[str, ...], reason: str
) -> None:
    assert codes(kind, *segments) == reason


def test_what_the_cut_took_is_missed_as_well_as_what_never_came() -> None:
    segments = ("EVN||1", PID, "PV1|1|I")
    assert codes("ADT^A01", *segments, grants="EVN: all, PID: [3]") == "structure"
    assert codes("ADT^A01", *segments, grants="PID: [3], PV1: all") == "structure"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("2.1", "structure"), ("2.2", "granted"), ("2.9.1", "granted"), ("", "structure")],
)
def test_the_version_s_table_judges_else_the_nearest(version: str, reason: str) -> None:
    """HL7 2.1 asks an NK1 of every admission."""
    assert codes("ADT^A01", "EVN||1", PID, "PV1|1|I", version=version) == reason


def test_a_lenient_channel_takes_what_there_is() -> None:
    compiled = policy([rule("r", "message: ADT, coverage: any", "PID: [3]")])
    assert code(compiled, hl7("ADT^A01", "EVN||1", PID, "PV1|1|I")) == "granted"
