"""Names under which the store finds something again."""

from __future__ import annotations

import pytest

from engine.errors import EngineError
from engine.intake.sealed import Snapshots, coverage_name, seal_coverages
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Level
from tests.support.key_ring import any_sealer


def test_a_patient_number_cannot_pass_for_another_by_an_escaped_separator() -> None:
    sealing = any_sealer()
    one = CoverageKey(Level.VISIT, "A\x1cB", "C", "D")
    another = CoverageKey(Level.VISIT, "A", "B\x1cC", "D")
    assert coverage_name(sealing, one) != coverage_name(sealing, another)


def test_snapshots_read_what_the_store_answers_now_not_what_it_answered_before() -> None:
    sealing = any_sealer()
    snapshots = Snapshots(sealing)
    key = CoverageKey(Level.VISIT, "A", "B", "C")
    names = {key: snapshots.name(key)}
    first, then = (Coverages((CoverageRow(channel),)) for channel in ("alpha", "bravo"))
    for told in (first, first, then):
        sealed = seal_coverages(sealing, names[key], told)
        assert snapshots.read(names, (sealed,)) == {key: told}
        assert snapshots.read(names, (sealed,)) == {key: told}
    assert snapshots.read(names, (None,)) == {key: None}


def test_a_snapshot_opens_under_its_own_name_alone_also_once_it_is_known() -> None:
    sealing = any_sealer()
    snapshots = Snapshots(sealing)
    one, another = (CoverageKey(Level.VISIT, patient, "B", "C") for patient in "AD")
    sealed = seal_coverages(sealing, snapshots.name(one), Coverages((CoverageRow("alpha"),)))
    snapshots.read({one: snapshots.name(one)}, (sealed,))
    with pytest.raises(EngineError):
        snapshots.read({another: snapshots.name(another)}, (sealed,))
