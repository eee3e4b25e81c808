"""Names under which the store finds something again."""

from __future__ import annotations

from engine.intake.sealed import coverage_name
from engine.privacy.facts import CoverageKey, Level
from engine.store.keyfile import Keys
from engine.store.sealing import Sealer


def test_a_patient_number_cannot_pass_for_another_by_an_escaped_separator() -> None:
    sealing = Sealer(Keys({b"1234": bytes(32)}, b"1234", bytes(32)))
    one = CoverageKey(Level.VISIT, "A\x1cB", "C", "D")
    another = CoverageKey(Level.VISIT, "A", "B\x1cC", "D")
    assert coverage_name(sealing, one) != coverage_name(sealing, another)
