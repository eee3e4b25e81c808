"""A report about a patient whose record was joined with others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from engine.cli.patient_page import report_as_page, report_as_text
from engine.cli.patient_report import Removed, Report, report_as_json
from engine.privacy.patients import Patient
from tests.support.cutting import policy, rule


def report(joined: int) -> Report:
    return Report(
        Patient("P1", "H"), datetime(2026, 3, 1, tzinfo=UTC), "UTC", "r", "", 0, 0, 0, (),
        policy([rule("r", "", "PID: [3]")]).policy.protections, (), joined=joined,
    )  # fmt: skip


def test_nothing_is_not_said_to_be_all_where_others_count_too() -> None:
    for told in (report_as_text(report(2), 500), report_as_page(report(2))):
        assert "Your record was joined with 2 others." in told
    assert "joined" not in report_as_text(report(0), 500)
    assert report_as_json(report(2))["joined"] == 2


def test_that_nothing_is_known_is_said_before_all_else() -> None:
    for told in (report_as_text(report(0), 500), report_as_page(report(0))):
        first = told.index("Nothing is known of this identifier")
        assert first < told.index("What you have signed")
        assert "opened" not in told
    assert "Nothing is known" not in report_as_text(report(1), 500)
    for known in (replace(report(0), found=1), replace(report(0), removed=(Removed("beta"),))):
        assert "Nothing is known" not in report_as_text(known, 500)
