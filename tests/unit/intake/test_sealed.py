"""Names under which the store finds something again."""

from __future__ import annotations

from engine.intake.sealed import coverage_name
from engine.privacy.facts import CoverageKey, Level
from tests.support.key_ring import any_sealer


def test_a_patient_number_cannot_pass_for_another_by_an_escaped_separator() -> None:
    sealing = any_sealer()
    one = CoverageKey(Level.VISIT, "A\x1cB", "C", "D")
    another = CoverageKey(Level.VISIT, "A", "B\x1cC", "D")
    assert coverage_name(sealing, one) != coverage_name(sealing, another)
