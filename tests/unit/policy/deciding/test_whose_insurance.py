"""How a message names a payer: `identified_by` of an IN1 with its IN2 and IN3 (rules.md §10.16)."""

from __future__ import annotations

from datetime import date

import pytest

from engine.hl7.wire import Message
from engine.policy.decide import cases_of
from engine.policy.whose import Answer
from engine.privacy.coverage import CONTESTED as NO_DAY
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Facts, Level
from tests.support.cutting import NOW, channel, code, facts, hl7, policy, rule

PID = "PID|1||A^^^H^MR"


def claimed(entry: str, *segments: str) -> bool:
    """Whether a message with these segments is acme's."""
    mine = channel("acme").replace("{IN1-3.1: ACME}", entry)
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], [mine])
    found = code(compiled, hl7("ADT^A01", PID, *segments))
    assert found in {"granted", "no-coverage"}
    return found == "granted"


@pytest.mark.parametrize(
    ("entry", "company", "expected"),
    [
        ("{IN1-3.1: ACME, IN1-3.4: US}", "ACME^^^US", True),
        ("{IN1-3.1: ACME, IN1-3.4: US}", "ZETA^^^EU~ACME^^^US", True),
        ("{IN1-3.1: ACME, IN1-3.4: US}", "ACME^^^EU~ZETA^^^US", False),
        ("{IN1-3.1: ACME, IN1-3.4: {not: EU}}", "ACME^^^US~ZETA^^^EU", True),
        ("{IN1-3.1: ACME, IN1-3.4: {not: EU}}", "ACME^^^EU~ZETA^^^US", False),
        ("{'IN1-3[1].1': ACME, 'IN1-3[2].4': US}", "ACME^^^EU~ZETA^^^US", True),
        ("{'IN1-3[1].1': ACME, 'IN1-3[2].4': US}", "ACME^^^US", False),
    ],
)
def test_keys_on_one_repeating_field_hold_for_one_repetition(
    entry: str, company: str, expected: bool
) -> None:
    assert claimed(entry, f"IN1|1|PA|{company}") is expected


@pytest.mark.parametrize(
    ("company", "expected"),
    [("ACME^^^US", True), ("ACME^^^EU", False), ("ACME^^^US~Z^^^EU", False)],
)
def test_a_key_on_its_own_asks_of_all_repetitions_what_none_may_have(
    company: str, expected: bool
) -> None:
    assert claimed("{IN1-2: PA, IN1-3.4: {not: EU}}", f"IN1|1|PA|{company}") is expected


def test_a_numbered_insurance_is_that_of_the_message() -> None:
    entry = "{'IN1[1]-3.1': ACME}"
    assert claimed(entry, "IN1|1|PA|ACME")
    assert not claimed(entry, "IN1|1|PB|BETA", "IN1|2|PA|ACME")


def test_what_follows_another_insurance_names_nobody() -> None:
    entry = "{IN1-2: PA, IN2-25: ACME}"
    assert claimed(entry, "IN1|1|PA|X", "IN2" + "|" * 25 + "ACME")
    assert not claimed(entry, "IN1|1|PA|X", "IN1|2|PB|X", "IN2" + "|" * 25 + "ACME")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Acme Health", True),
        (" ACME HEALTH ", True),
        ("OTHER~acme health", True),
        ("ACME HEALTH^X", True),
        ("Acme Health Plan", False),
        ("", False),
        ('""', False),
    ],
)
def test_a_name_may_be_written_in_any_case(name: str, expected: bool) -> None:
    entry = "{IN1-4.1: {fold: [acme health, zeta]}}"
    assert claimed(entry, f"IN1|1|P|X|{name}") == expected
    assert claimed(entry, f"IN1|1|P|X|{name}", "IN1|2|P|X|nobody") == expected


def test_a_name_in_any_case_and_the_same_name_as_it_is_written_are_two_entries() -> None:
    exact, folded = (
        channel(name).replace(f"{{IN1-3.1: {name.upper()}}}", entry)
        for name, entry in (("acme", "{IN1-4.1: Zeta}"), ("beta", "{IN1-4.1: {fold: Zeta}}"))
    )
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], [exact, folded], to="[acme, beta]")
    for name, of_acme in (("Zeta", "ambiguous-coverage"), ("ZETA", "no-coverage")):
        raw = hl7("ADT^A01", PID, f"IN1|1|P|X|{name}")
        assert code(compiled, raw) == of_acme
        assert code(compiled, raw, of="beta") == (
            "granted" if of_acme == "no-coverage" else "ambiguous-coverage"
        )


def test_what_a_name_means_in_one_character_set_is_not_what_it_means_in_another() -> None:
    mine = channel("acme").replace("{IN1-3.1: ACME}", "{IN1-4.1: 会社}")
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], [mine])
    name = "会社".encode("iso2022_jp")
    for charset, expected in (("ASCII", "no-coverage"), ("ISO IR87", "granted")):
        raw = hl7("ADT^A01", PID, "IN1|1|PA|X|NAME", msh=f"P|2.5.1||||||{charset}")
        assert code(compiled, raw.replace(b"NAME", name)) == expected, charset


def test_without_the_registry_it_is_not_known_whose_a_message_without_insurance_is() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    known = Facts(NOW, available=False)
    raw = hl7("ADT^A01", PID)
    assert code(compiled, raw, known) == "facts-unavailable"
    (case,) = cases_of(Message.parse(raw), compiled, known)
    assert case.whose.answer("acme") is Answer.UNAVAILABLE


def known(*rows: CoverageRow) -> Facts:
    """The registry knows these rows of patient A of H."""
    return Facts(NOW, {CoverageKey(Level.PATIENT, "A", "H"): Coverages(rows)})


BEFORE, FROM_JUNE = date(2025, 12, 31), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("when", "rows", "expected"),
    [
        # a row of its own that had ended, and another payer's
        ("20260101", (CoverageRow("acme", None, BEFORE), CoverageRow("beta")), "no-coverage"),
        # some day of that year: one row holds all year, another begins within it
        ("2026", (CoverageRow("acme"), CoverageRow("acme", FROM_JUNE)), "granted"),
        ("2026", (CoverageRow("acme", FROM_JUNE), CoverageRow("acme")), "granted"),
        ("2026", (CoverageRow("acme", FROM_JUNE),), "ambiguous-coverage"),
        ("2026", (CoverageRow("acme", FROM_JUNE), CoverageRow("beta")), "ambiguous-coverage"),
        # somebody must look, whatever else is known
        ("20260101", (CoverageRow("acme"), CoverageRow("acme", *NO_DAY)), "ambiguous-coverage"),
        ("20260101", (CoverageRow("acme", *NO_DAY), CoverageRow("acme")), "ambiguous-coverage"),
        ("20260101", (CoverageRow("beta", *NO_DAY), CoverageRow("acme")), "granted"),
        # nothing tells the day
        ("", (CoverageRow("acme"),), "granted"),
        ("", (CoverageRow("acme", FROM_JUNE),), "ambiguous-coverage"),
        ("", (CoverageRow("acme", None, BEFORE),), "ambiguous-coverage"),
    ],
)
def test_rows_of_the_registry_count_on_every_day_that_may_be_meant(
    when: str, rows: tuple[CoverageRow, ...], expected: str
) -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], [channel("acme"), channel("beta")])
    raw = hl7("ADT^A01", f"EVN||{when}", PID).replace(b"20260101120000", when.encode())
    assert code(compiled, raw, known(*rows)) == expected


CONTESTED = [channel("acme"), channel("beta").replace("IN1-3.1: BETA", "IN1-3.1: [ACME, BETA]")]


@pytest.mark.parametrize(
    ("insurance", "expected"),
    [
        (("IN1|1|PZ|ZETA",), "granted"),
        (("IN1|1|PA|ACME",), "ambiguous-coverage"),  # beta claims it too
        (("IN1|1|PB|BETA",), "granted"),
        ((), "unknown-payer"),
    ],
)
def test_that_a_payer_does_not_cover_must_be_known(
    insurance: tuple[str, ...], expected: str
) -> None:
    """`coverage: none` (§10.1): what is not known for certain holds here too."""
    compiled = policy([rule("r", "message: ADT, coverage: none", "PID: [3]")], CONTESTED)
    assert code(compiled, hl7("ADT^A01", PID, *insurance)) == expected


def test_a_rule_for_those_not_covered_is_none_for_its_own_members() -> None:
    compiled = policy([rule("r", "message: ADT, coverage: none", "PID: [3]")])
    assert code(compiled, hl7("ADT^A01", PID, "IN1|1|PA|ACME")) == "no-rule"
    known_of = Facts(NOW, available=False)
    assert code(compiled, hl7("ADT^A01", PID), known_of) == "facts-unavailable"


def insured(company: str, since: str = "", until: str = "") -> str:
    return f"IN1|1|PA|{company}{'|' * 9}{since}|{until}"


@pytest.mark.parametrize(
    ("insurance", "expected"),
    [
        ((insured("ACME", "20260101", "20261231"),), "granted"),
        ((insured("ACME", "20260110", "20260110"),), "granted"),
        ((insured("ACME", "20260111"),), "no-coverage"),
        ((insured("ACME", until="20260109"),), "no-coverage"),
        ((insured("ACME", until="20260109"), insured("ACME")), "granted"),
        ((insured("ACME"), insured("ACME", until="20260109")), "granted"),
        ((insured("ACME", until="20260109"), insured("BETA")), "no-coverage"),
        ((insured("ACME", "soon"),), "granted"),
        ((insured("ACME", "20270101", "99999999"),), "no-coverage"),
        ((insured("ACME", until="never"), insured("BETA", until="20260109")), "granted"),
        ((insured("ACME", '""', '""'),), "granted"),
    ],
)
def test_an_insurance_counts_on_the_days_that_it_covers(
    insurance: tuple[str, ...], expected: str
) -> None:
    """IN1-12 and IN1-13 against the date of service (standards.md B-6.1)."""
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    raw = hl7("ADT^A01", "EVN||20260110", PID, *insurance)
    assert code(compiled, raw) == expected


def test_whom_an_insurance_of_other_days_names_is_nobody_who_does_not_insure() -> None:
    compiled = policy([rule("r", "message: ADT, coverage: none", "PID: [3]")])
    raw = hl7("ADT^A01", "EVN||20260110", PID, insured("ACME", until="20260109"))
    assert code(compiled, raw) == "ambiguous-coverage"
    assert code(compiled, hl7("ADT^A01", PID, insured("BETA"))) == "granted"


def test_charges_of_some_days_that_are_covered_wait() -> None:
    compiled = policy([rule("r", "message: DFT", "PID: [3], FT1: all")])
    lines = [f"FT1|{n}|T{n}||{day}||CG|1" for n, day in ((1, "20260105"), (2, "20260115"))]
    covered = insured("ACME", "20260101", "20260110")
    assert code(compiled, hl7("DFT^P03", PID, *lines, covered)) == "ambiguous-coverage"
    assert code(compiled, hl7("DFT^P03", PID, lines[0], covered)) == "granted"
    assert code(compiled, hl7("DFT^P03", PID, lines[1], covered)) == "no-coverage"


def test_an_insurance_with_dates_waits_where_no_day_is_told() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    raw = hl7("ADT^A01", PID, insured("ACME", "20260101")).replace(b"20260101120000", b"")
    assert code(compiled, raw) == "ambiguous-coverage"
    undated = hl7("ADT^A01", PID, insured("ACME")).replace(b"20260101120000", b"")
    assert code(compiled, undated) == "granted"


def planned(event: str, insurance: str, expected: str, admitted: str = "") -> bytes:
    """An event of 10 January about a stay for which the patient is `expected`."""
    pv1 = f"PV1|1|P{'|' * 42}{admitted}"
    pv2 = f"PV2{'|' * 8}{expected}"
    return hl7(f"ADT^{event}^ADT_{event}", "EVN||20260110", PID, pv1, pv2, insurance)


@pytest.mark.parametrize("event", ["A05", "A14", "A27", "A38"])
def test_a_planned_stay_is_on_the_day_on_which_the_patient_is_expected(event: str) -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    next_month, this_month = insured("ACME", "20260201"), insured("ACME", until="20260131")
    assert code(compiled, planned(event, next_month, "20260205")) == "granted"
    assert code(compiled, planned(event, this_month, "20260205")) == "no-coverage"
    for unknown in ("", '""', "soon"):
        assert code(compiled, planned(event, next_month, unknown)) == "no-coverage"
        assert code(compiled, planned(event, this_month, unknown)) == "granted"
    # "some day in February" is not certain to be a day of it
    assert code(compiled, planned(event, insured("ACME", "20260202"), "202602")) == (
        "ambiguous-coverage"
    )
    assert code(compiled, planned(event, next_month, "20260205", admitted="20260110")) == (
        "no-coverage"
    )


@pytest.mark.parametrize("event", ["A01", "A04", "A08"])
def test_any_other_event_is_on_the_day_that_it_tells(event: str) -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    assert code(compiled, planned(event, insured("ACME", "20260201"), "20260205")) == "no-coverage"


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-02-01", "2026-02-28", "restricted"),
        ("2026-01-01", "2026-01-31", "restricted"),
        ("2026-03-01", "2026-03-31", "granted"),
    ],
)
def test_a_restriction_counts_on_the_day_that_is_planned_and_on_that_of_planning(
    since: str, until: str, expected: str
) -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")])
    patient = "patient: {id: A, authority: H}"
    known_of = facts(
        compiled,
        "restrictions:",
        f"  - {{{patient}, items: {{everything: true}}, from: {since}, to: {until}}}",
    )
    raw = planned("A05", insured("ACME"), "20260205")
    assert code(compiled, raw, known_of) == expected
