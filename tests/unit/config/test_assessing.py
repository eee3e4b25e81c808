"""`agreement.reassess_after`: told by `check`, `doctor` and `duties`, and never a held message."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.cli.checkup import agreements
from engine.config.assessing import overdue, reminders
from engine.config.load import load_site
from engine.config.model import Site
from engine.policy.compile import compile_policy
from engine.policy.meaning.revision import revision
from engine.privacy.facts import Facts
from tests.support.cutting import channel, code, rule
from tests.support.law_messages import ANY, adt

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def site(folder: Path, agreement: str, state: str = "live") -> Site:
    folder.mkdir()
    (folder / "channels").mkdir()
    (folder / "rules").mkdir()
    (folder / "config.yaml").write_text("engine: {name: east, environment: production}\n")
    text = channel("acme").replace("expires: 2027-12-31", f"expires: 2027-12-31{agreement}")
    (folder / "channels" / "acme.yaml").write_text(f"{text}state: {state}\n")
    head = 'channels: [acme]\npurpose: payment\nbasis: "45 CFR 164.506(c)(3)"\nrules:\n'
    (folder / "rules" / "r.yaml").write_text(head + rule("r", ANY, "PID: all"))
    return load_site(folder)


@pytest.mark.parametrize(
    ("agreement", "due"),
    [
        ("", None),
        (", assessed: 2025-01-01", None),
        (", assessed: 2025-03-01, reassess_after: 365d", date(2026, 3, 1)),
        (", assessed: 2025-03-02, reassess_after: 365d", None),
        (", reassess_after: 365d", date.min),
    ],
)
def test_a_counterpart_is_due_once_the_time_has_passed(
    tmp_path: Path, agreement: str, due: date | None
) -> None:
    found = site(tmp_path / "site", agreement)
    assert [one for _, one in overdue(found.policy, NOW.date())] == ([] if due is None else [due])
    warnings = [one for one in agreements(found, NOW) if "assessed again" in one.what]
    assert len(warnings) == len(reminders(found.policy, NOW.date())) == (due is not None)
    assert not [one for one in found.warnings if "reassess_after" in one.text]


def test_it_is_told_where_it_is_written(tmp_path: Path) -> None:
    found = site(tmp_path / "site", ", assessed: 2025-01-01, reassess_after: 30d")
    (told,) = reminders(found.policy, NOW.date())
    assert str(told).startswith("channels/acme.yaml:1:")
    assert (told.code, told.severity.value) == ("reassess", "warning")
    assert "2025-01-31" in told.text


def test_a_draft_is_not_asked(tmp_path: Path) -> None:
    found = site(tmp_path / "site", ", reassess_after: 30d", state="draft")
    assert list(overdue(found.policy, NOW.date())) == []


def test_it_decides_nothing(tmp_path: Path) -> None:
    overdue_ = site(tmp_path / "one", ", assessed: 2020-01-01, reassess_after: 30d").policy
    other = site(tmp_path / "two", "").policy
    assert revision(overdue_) == revision(other)
    assert code(compile_policy(overdue_, "r"), adt("IN1|1|P|ACME"), Facts(NOW)) == "granted"
