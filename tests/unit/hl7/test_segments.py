"""The table of segments, against what a library knows of the versions that it knows."""

from __future__ import annotations

import hl7apy
import pytest

from engine.hl7.path import Path
from engine.hl7.segments import HIGHEST_FIELD, SET_ID_SEGMENTS


@pytest.mark.parametrize("version", ["2.3", "2.5.1", "2.8.2"])
def test_no_version_has_more_fields_than_the_table(version: str) -> None:
    for name, structure in hl7apy.load_library(version).SEGMENTS.items():
        if len(name) != 3 or name == "HXX" or name.startswith("Z") or structure[0] != "sequence":
            continue
        fields = [str(field[0]).rpartition("_")[2] for field in structure[1]]
        highest = max((int(number) for number in fields if number.isdigit()), default=0)
        assert HIGHEST_FIELD[name] >= highest, name


@pytest.mark.parametrize(
    ("segment", "number"),
    [
        *(("MSH", 28), ("ARV", 10), ("IN1", 55), ("DG1", 26), ("PR1", 25), ("OBX", 33)),
        *(("OBR", 55), ("GSP", 7), ("GSR", 6), ("GSC", 6)),  # of 2.9.1
    ],
)
def test_fields_of_version_2_9_are_in_it(segment: str, number: int) -> None:
    assert HIGHEST_FIELD[segment] >= number


def test_every_name_can_be_written_as_a_path() -> None:
    for name in HIGHEST_FIELD:
        assert Path.parse(name).segment == name


def test_segments_with_a_set_id_are_standard_ones() -> None:
    assert set(SET_ID_SEGMENTS) <= HIGHEST_FIELD.keys()
    assert "ZPD" not in HIGHEST_FIELD
