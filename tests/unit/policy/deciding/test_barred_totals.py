"""Emptying a visit's totals gives nothing back that the law has taken from the visit."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.load import load_site
from engine.policy.compile import compile_policy
from tests.support.cutting import channel, facts, hl7, policy, rule, sent

OWN = "IN1: {fields: all, which: own}, FT1: {fields: all, which: own}"
CONSENT = (
    "  - {patient: {id: A, authority: H}, kind: authorization, purposes: [treatment],"
    " channels: [acme], labels: [psychotherapy-notes]}"
)


@pytest.mark.parametrize(
    ("charges", "visit"),
    [
        (("FT1|1|||20260101||CG|99213|||||||PA",), "PV1|1|I" + "|" * 44 + "900"),
        (
            (
                "FT1|1|||20260101||CG|99213|||||||PA",
                "FT1|2|||20260101||CG|99214|||||||PB",
            ),
            "PV1|1|I",
        ),
    ],
)
def test_a_labelled_visit_stays_cut_where_its_totals_are_emptied(
    tmp_path: Path, charges: tuple[str, ...], visit: str
) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.yaml").write_text(
        "engine: {name: east, environment: production}\ntimezone: UTC\n"
        "psychotherapy_notes: {PV1-10: [PSY]}\n"
    )
    (tmp_path / "channels" / "acme.yaml").write_text(channel("acme"))
    for purpose, fields in (("payment", "all"), ("treatment", "[1, 2, 46]")):
        (tmp_path / "rules" / f"{purpose}.yaml").write_text(
            f'channels: [acme]\npurpose: {purpose}\nbasis: "45 CFR 164.506(c)(3)"\nrules:\n'
            + rule(purpose, "message: DFT", f"PID: [3], PV1: {fields}, {OWN}")
        )
    compiled = compile_policy(load_site(tmp_path).policy)
    raw = hl7(
        "DFT^P03",
        "PID|1||A^^^H",
        "PV1|1|I|SECRETWARD|||||||PSY" + "|" * 36 + "900",
        *charges,
        "IN1|1|PA|ACME",
        "IN1|2|PB|BETA",
    )
    assert visit in sent(compiled, raw, facts(compiled, "consents:", CONSENT))


def test_a_charge_that_said_nothing_but_of_which_other_it_is_goes_with_that_one() -> None:
    """FT1-31 names a line that is not sent; without it nothing of the charge is left."""
    compiled = policy([rule("r", "message: DFT", "PID: [3], FT1: {fields: [14, 31], which: own}")])
    raw = hl7(
        "DFT^P03",
        "PID|1||A^^^H",
        "FT1|1|||20260101||CG|99213|||||||PB",
        "FT1|2|||20260101||CG|99214" + "|" * 24 + "1",
        "FT1|3|||20260101||CG|99215|||||||PA",
        "IN1|1|PA|ACME",
        "IN1|2|PB|BETA",
    )
    assert sent(compiled, raw) == ["PID|||A^^^H", "FT1" + "|" * 14 + "PA"]
