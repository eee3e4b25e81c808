"""CSV files of consents, restrictions and coverage, as other programs write them."""

from __future__ import annotations

import argparse
import pathlib

import pytest

from engine.cli import entry_actions
from engine.config.rows import fact_of_row, facts_in_rows
from engine.errors import UsageError
from engine.privacy.facts import Item, ItemKind, Restriction, Sensitivity, SignedConsent
from engine.privacy.patients import Patient
from engine.privacy.sorts import Sort
from tests.support.cutting import channel, policy, rule

POLICY = policy([rule("r", "message: [ADT]", "PID: [3]")], [channel("acme")], to="[acme]").policy


def patients(text: str) -> list[str]:
    return [fact.patient.id for fact in facts_in_rows(Sort.RESTRICTION, text, "f", POLICY)]


def test_lines_end_as_they_may_and_cells_are_quoted_as_they_may_be() -> None:
    assert patients('patient,visit\r\nP1,V1\r\n"P""2","V,2"\r\n=P3,V3') == ["P1", 'P"2', "=P3"]


def test_a_column_that_is_named_twice_is_refused() -> None:
    """Else the last one would silently stand for both, and a denial be narrower than was meant."""
    with pytest.raises(UsageError, match="each once"):
        patients("patient,visit,visit\nP1,V1,\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("patient,kind\nrefusal,SECRET\n", "2:2: bad-value: `kind` cannot be `…`."),
        ("patient,kind,channels\n1,refusal,SECRET\n", "2:3: bad-value: The site has no channel"),
        ("patient,kind,given\n1,refusal,SECRET\n", "2:3: bad-value: `given` cannot be `…`."),
        ("patient,kind,labels\n1,refusal,SECRET\n", "2:3: bad-value: An item of `labels`"),
        ("patient,kind,signed_by\n1,refusal,SECRET\n", "2:3: bad-value: `relation` cannot be"),
        ("patient,kind\n1,refusal,SECRET\n", "2:1: bad-value: The line has not as many"),
        ("patient,SECRET\n1,refusal\n", "The first line must name"),
        ('patient,kind\n"SECRET"SECRET,refusal\n', "The file is no CSV"),
    ],
)
def test_a_column_too_far_tells_no_patient(text: str, place: str) -> None:
    with pytest.raises(UsageError) as raised:
        facts_in_rows(Sort.CONSENT, text, "consents.csv", POLICY)
    assert place in str(raised.value)
    assert "SECRET" not in str(raised.value)


def test_no_value_is_told_where_columns_are_mixed_up() -> None:
    told_nobody = "SOME-NAME"
    for name in ("channels", "reason", "from", "to", "everything"):
        with pytest.raises(UsageError) as told:
            patients(f"patient,{name}\nP1,{told_nobody}\n")
        assert told_nobody not in str(told.value), name


def test_a_file_that_is_too_large_is_read_not_at_all(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the lines behind the limit would be left out, and nobody told."""
    monkeypatch.setattr(entry_actions, "MOST_BYTES", 32)
    file = tmp_path / "r.csv"
    file.write_text("patient,visit\n" + "P1,V1\n" * 4)
    site = pathlib.Path(__file__).parents[3]
    args = argparse.Namespace(site=site, file=file, why="", document="", dry_run=True, json=False)
    with pytest.raises(UsageError) as told:
        entry_actions.import_all(args, Sort.RESTRICTION)
    assert told.value.code == "file-too-large"


def test_the_kinds_are_told() -> None:
    (fact,) = facts_in_rows(Sort.RESTRICTION, "patient,visit\nP1,V1\n", "f", POLICY)
    assert isinstance(fact, Restriction)


def test_labels_are_read_as_in_a_facts_file() -> None:
    text = "patient,label,visit,everything\nP1,hiv,V1,\nP1,sud,,true\n"
    found = facts_in_rows(Sort.LABEL, text, "f", POLICY)
    assert found == [
        Sensitivity(Patient("P1"), Item(ItemKind.VISIT, "V1"), "hiv"),
        Sensitivity(Patient("P1"), Item(ItemKind.EVERYTHING), "sud"),
    ]
    with pytest.raises(UsageError, match="2:1: missing-key"):
        facts_in_rows(Sort.LABEL, "patient,label\nP1,hiv\n", "f", POLICY)


@pytest.mark.parametrize("hidden", ["1\n", "\r", "\0", "\t", "\u200b", "\u00a0", "\ufeff"])
def test_an_identifier_is_one_line_of_what_can_be_seen(hidden: str) -> None:
    """It would be about nobody, and whoever it is about would not be protected."""
    with pytest.raises(UsageError, match=r"f:\d:1: bad-value"):
        facts_in_rows(Sort.RESTRICTION, f'patient,visit\n"P{hidden}2",V1\n', "f", POLICY)
    with pytest.raises(UsageError, match="--visit: bad-value"):
        fact_of_row(Sort.RESTRICTION, {"patient": "P1", "visit": f"V{hidden}1"}, POLICY)


def test_a_quote_that_stays_open_swallows_nobody() -> None:
    text = 'patient,visit\n"P1,V1\nP2,V2\nP3",V3\n'
    with pytest.raises(UsageError, match=r"f:4:1: bad-value.*quote"):
        facts_in_rows(Sort.RESTRICTION, text, "f", POLICY)


def test_words_may_have_several_lines() -> None:
    text = 'patient,kind,event\nP1,refusal,"the end\nof the study"\n'
    (fact,) = facts_in_rows(Sort.CONSENT, text, "f", POLICY)
    assert isinstance(fact, SignedConsent)
    assert fact.event == "the end\nof the study"


@pytest.mark.parametrize(
    ("sort", "text", "place"),
    [
        (Sort.RESTRICTION, "patient,visit,from,to\nP1,V1,2026-02-02,2026-02-01\n", "2:4"),
        (Sort.CONSENT, "patient,kind,given,expires\nP1,refusal,2026-02-02,2026-02-01\n", "2:4"),
        (Sort.RESTRICTION, "patient,visit\nP1,^NS\n", "2:2"),
        (Sort.LABEL, "patient,label,visit\nP1,hiv,^NS\n", "2:3"),
    ],
)
def test_what_could_never_be_in_force_is_refused(sort: Sort, text: str, place: str) -> None:
    """Whoever entered it would believe that the patient is protected."""
    with pytest.raises(UsageError, match=f"f:{place}: bad-value"):
        facts_in_rows(sort, text, "f", POLICY)


def test_a_time_may_be_one_day() -> None:
    text = "patient,visit,from,to\nP1,V1,2026-02-01,2026-02-01\n"
    assert facts_in_rows(Sort.RESTRICTION, text, "f", POLICY)
    text = "patient,kind,given,expires\nP1,refusal,2026-02-01,2026-02-01\n"
    assert facts_in_rows(Sort.CONSENT, text, "f", POLICY)
    always = "patient,kind,given,expires\nP1,refusal,9999-12-31,9999-12-31\n"
    assert facts_in_rows(Sort.CONSENT, always, "f", POLICY)
