"""What is known of source units: a mapping, and the programs among them."""

from __future__ import annotations

from engine.privacy.units import Unit, Units


def test_programs_are_told_apart_once_in_whichever_case() -> None:
    units = Units({"SUD1": Unit.PART2, "ed": Unit.GENERAL})
    assert dict(units) == {"SUD1": Unit.PART2, "ed": Unit.GENERAL}
    assert units.programs == {"sud1"}
    assert units.programs is units.programs
    assert units == Units({"ed": Unit.GENERAL, "SUD1": Unit.PART2})
    assert not Units()
    assert Units().programs == frozenset()
