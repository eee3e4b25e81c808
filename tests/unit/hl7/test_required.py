"""What a message structure demands: against another library's structures, and by event."""

from __future__ import annotations

import pytest

from engine.hl7.required import Requirement, always_required, required_by
from engine.hl7.structure_table import TABLE
from tests.support.structures import VERSIONS, structures, table, wanted


def of(event: str, structure: str, version: str) -> Requirement | None:
    code, _, trigger = event.partition("^")
    return required_by(code, trigger, structure, version)


def test_the_table_is_what_the_other_library_says() -> None:
    assert TABLE.strip().split("\n") == list(table())


@pytest.mark.parametrize("version", VERSIONS)
def test_each_structure_is_found_by_its_name(version: str) -> None:
    for name in structures(version):
        found = required_by(name[:3], "", name, version)
        assert found is not None
        words = [*found.segments]
        words += [f"{one}>{other}" for one, other in found.anchors]
        words += [f"{one}+{other}" for one, other in found.pairs]
        assert sorted(words) == sorted((wanted(name, version) or "").split())


@pytest.mark.parametrize(
    ("event", "version", "structure"),
    [
        ("ADT^A01", "2.5.1", "ADT_A01"),
        ("ADT^A04", "2.5.1", "ADT_A01"),
        ("ADT^A08", "2.2", "ADT_A08"),
        ("ADT^A28", "2.3", "ADT_A01"),
        ("ADT^A28", "2.4", "ADT_A05"),
        ("ADT^A05", "2.3.1", "ADT_A01"),
        ("ADT^A11", "2.5.1", "ADT_A09"),
        ("ADT^A12", "2.4", "ADT_A09"),
        ("ADT^A12", "2.5", "ADT_A12"),
        ("ADT^A23", "2.3", "ADT_A02"),
        ("ADT^A23", "2.5", "ADT_A21"),
        ("ADT^A40", "2.3.1", "ADT_A39"),
        ("ADT^A44", "2.6", "ADT_A43"),
        ("ADT^A44", "2.8", "ADT_A44"),
        ("ADT^A47", "2.5", "ADT_A30"),
        ("ADT^A47", "2.7", "ADT_A44"),
        ("ADT^A49", "2.5", "ADT_A30"),
        ("ORU^R01", "2.9.1", "ORU_R01"),
        ("ORU^R32", "2.5", "ORU_R30"),
        ("MDM^T06", "2.5", "MDM_T02"),
        ("DFT^P11", "2.3", "DFT_P11"),  # that version has none: the nearest is meant
        ("ADT^A18", "2.8", "ADT_A18"),
        ("ADT^A01", "1.9", "ADT_A01"),
    ],
)
def test_an_event_has_the_structure_of_its_version(
    event: str, version: str, structure: str
) -> None:
    found = of(event, "", version)
    assert found is not None
    assert found.structure == structure


@pytest.mark.parametrize(
    ("event", "structure", "version"),
    [
        ("ADT^Z01", "", "2.5"),
        ("ADT^", "", "2.5"),
        ("SIU^S12", "SIU_S12", "2.5"),
        ("ADT^A01", "ADT_A01", ""),
        ("ADT^A01", "ADT_A01", "two"),
        ("ADT^A01", "ADT_A01", "2."),
    ],
)
def test_what_is_not_known_demands_nothing(event: str, structure: str, version: str) -> None:
    assert of(event, structure, version) is None


def test_what_msh_9_3_names_goes_before_the_event_where_it_is_known() -> None:
    named = required_by("DFT", "P03", "DFT_P11", "2.5")
    unknown = required_by("ADT", "A08", "ADT_A88", "2.5")
    assert (named and named.structure, unknown and unknown.structure) == ("DFT_P11", "ADT_A01")


@pytest.mark.parametrize(
    ("event", "ids", "lacks"),
    [
        ("ADT^A01", "MSH EVN PID PV1", None),
        ("ADT^A01", "MSH PID PV1", "EVN"),
        ("ADT^A01", "MSH EVN PID", "PV1"),
        ("ADT^A01", "MSH EVN PID PV1 IN2", "IN1"),
        ("ADT^A40", "MSH EVN PID MRG", None),
        ("ADT^A40", "MSH EVN PID MRG PID", "MRG"),
        ("ADT^A45", "MSH EVN PID MRG PV1 MRG", "PV1"),
        ("ADT^A45", "MSH EVN PID MRG MRG PV1", "PV1"),
        ("ADT^A45", "MSH EVN PID MRG PV1 MRG PV1", None),
        ("ORU^R01", "MSH PID OBR", None),
        ("ORU^R01", "MSH PID PV2 OBR", "PV1"),
        ("ORU^R30", "MSH PID ORC OBR", "OBX"),
        ("DFT^P03", "MSH EVN PID", "FT1"),
        ("MDM^T02", "MSH EVN PID PV1 TXA", "OBX"),
        ("MDM^T01", "MSH EVN PID PV1 TXA", None),
    ],
)
def test_what_a_message_lacks(event: str, ids: str, lacks: str | None) -> None:
    found = of(event, "", "2.5.1")
    assert found is not None
    assert found.lacking(ids.split()) == lacks


def test_what_every_version_demands_of_a_type() -> None:
    assert always_required("ADT", "A01") == {"EVN", "PID", "PV1"}
    assert always_required("ADT", "A40") == {"EVN", "PID", "MRG"}
    assert always_required("ORU", None) == {"OBR"}
    assert always_required("ADT", None) == {"EVN"}
    assert always_required("SIU", "S12") == always_required("SIU", None) == frozenset()
