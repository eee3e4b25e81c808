"""Code sets compare codes as their systems mean them (rules.md §6, §10.15; standards C-0)."""

from __future__ import annotations

import pytest

from engine.policy.vocabulary.codesets import (
    CodeIndex,
    CodeSet,
    canonical_system,
    triplets,
)
from tests.support.cutting import code, hl7, policy, rule

SUD = CodeSet("sud", "I10", frozenset({"Z71.41"}), frozenset({"F10", "O99.31"}))
MENTAL = CodeSet("mental", "ICD-10-CM", ranges=frozenset({("F20", "F99"), ("X71", "X83")}))
HIV_TESTS = CodeSet("hiv", "LN", frozenset({"7918-6"}))
VISITS = CodeSet("visits", "C4", ranges=frozenset({("81105", "81479"), ("90785", "90899")}))
COUNSEL = CodeSet("counsel", "HCPCS", ranges=frozenset({("H0008", "H0014")}))
OWN = CodeSet("own", "99LAB", frozenset({"A1"}))
SERVICES = CodeSet("services", codes=frozenset({"PSY"}))

ALL = CodeIndex([SUD, MENTAL, HIV_TESTS, VISITS, COUNSEL, OWN])


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("I10", "F10.20"),
        ("I10C", "F1020"),
        ("i10c", " f10.20 "),
        ("2.16.840.1.113883.6.90", "Z7141"),
        ("I10C", "Z71.41+"),
        ("I10", "O99.310"),
        ("I10", "F20"),
        ("I10", "F99"),
        ("I10", "F99.9"),
        ("I10", "X83.8XXA"),
        ("LN", "7918-6"),
        ("LOINC", "7918-6"),
        ("C4", "81105"),
        ("CPT", "81479"),
        ("HCPCS", "90834"),
        ("C4", "H0010"),
        ("HPC", "h0014"),
        ("99LAB", "A1"),
    ],
)
def test_a_code_in_a_set(system: str, code: str) -> None:
    assert ALL.matches(system, code)
    assert ALL.may_match(system, code)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("I10", "F17.200"),
        ("I10", "Z71.4"),
        ("I10", "Z71.410"),  # `codes` are whole codes
        ("I9", "F10.20"),
        ("LN", "F10.20"),
        ("I10", "7918-6"),
        ("LN", "79186"),
        ("C4", "81480"),
        ("C4", "811050"),
        ("C4", "8120F"),
        ("HCPCS", "H0015"),
        ("LN", "A1"),
        ("I10", ""),
        ("I10", "."),
        ("", ""),
    ],
)
def test_a_code_in_no_set(system: str, code: str) -> None:
    assert not ALL.matches(system, code)
    assert not ALL.may_match(system, code)


@pytest.mark.parametrize("system", ["", " ", "L", "99ZZZ", "EPIC"])
def test_a_code_without_a_system_or_of_a_local_one_may_be_in_a_set(system: str) -> None:
    """Standards C-0.4: missing or local system, so the code is tested against all systems."""
    assert not ALL.matches(system, "F10.20")
    assert ALL.may_match(system, "F10.20")
    assert ALL.may_match(system, "7918-6")
    assert not ALL.may_match(system, "F17")


def test_two_local_systems_are_two() -> None:
    assert not ALL.may_match("99XYZ", "A1")
    assert ALL.may_match("", "A1")


def test_a_code_that_is_local_and_no_more_may_be_of_any_local_system() -> None:
    assert ALL.may_match("L", "A1")
    assert ALL.may_match("l ", "A1")
    assert not ALL.matches("L", "A1")
    assert not ALL.may_match("L", "A2")
    of_some_local = CodeIndex([CodeSet("mine", "L", frozenset({"A1"}))])
    assert of_some_local.may_match("99XYZ", "A1")
    assert not of_some_local.may_match("LN", "A1")


def test_a_set_without_a_system_holds_codes_of_all() -> None:
    index = CodeIndex([SERVICES])
    assert all(index.matches(system, "psy") for system in ("", "L", "I10", "99ABC"))
    assert not index.may_match("", "MED")


def test_ranges_that_overlap_are_one() -> None:
    ranges = frozenset({("F20", "F40"), ("F10", "F19"), ("F30", "F39"), ("F38", "F45")})
    index = CodeIndex([CodeSet("x", "I10", ranges=ranges)])
    held = [n for n in range(100) if index.matches("I10", f"F{n:02}.1")]
    assert held == [*range(10, 20), *range(20, 46)]


def test_categories_that_end_in_a_letter_stand_where_icd_puts_them() -> None:
    index = CodeIndex([CodeSet("x", "I10", ranges=frozenset({("C00", "C80")}))])
    assert index.matches("I10", "C7A.1")
    assert not index.matches("I10", "C81.0")


@pytest.mark.parametrize(
    ("field", "pairs"),
    [
        (["F10.20"], (("", "F10.20"),)),
        (["F10.20", "Alcohol", "I10"], (("I10", "F10.20"),)),
        (["X", "local", "L", "7918-6", "HIV", "LN"], (("L", "X"), ("LN", "7918-6"))),
        (["", "text only"], ()),
        (
            ["a", "", "L", "", "", "", "", "", "", "b", "", "LN"],
            (("L", "a"), ("LN", "b")),
        ),
    ],
)
def test_triplets_of_a_coded_field(field: list[str], pairs: tuple[tuple[str, str], ...]) -> None:
    assert triplets(field) == pairs


def test_names_of_systems() -> None:
    assert canonical_system(" icd-10-cm ") == canonical_system("I10") == "I10C"
    assert canonical_system("99Lab") == "99LAB"


def test_a_range_may_be_of_single_letters_and_of_a_single_code() -> None:
    compiled = policy(
        [rule("r", "PV1-2: {set: some}, coverage: any", "PID: [3]")],
        sets=["{set: some, ranges: [A-C, F20-F20]}"],
    )
    for value, expected in (("B", "granted"), ("D", "no-rule"), ("F20", "granted")):
        raw = hl7("ADT^A01", "PID|1||A^^^H", f"PV1|1|{value}")
        assert code(compiled, raw) == expected, value
