"""Who counts, and what is due when (standards.md E-15)."""

from __future__ import annotations

from datetime import date

import pytest

from engine.archive.breach import affected, deadlines

DISCOVERED = date(2026, 11, 24)


def test_individuals_are_told_within_sixty_days() -> None:
    assert deadlines(DISCOVERED, 1, {}).individuals == date(2027, 1, 23)


@pytest.mark.parametrize(
    ("persons", "hhs", "at_once"),
    [(499, date(2027, 3, 1), False), (500, date(2027, 1, 23), True)],
)
def test_hhs_is_told_with_the_notice_from_500_on(persons: int, hhs: date, at_once: bool) -> None:
    due = deadlines(DISCOVERED, persons, {})
    assert (due.hhs, due.hhs_at_once) == (hhs, at_once)


def test_in_a_leap_year_it_is_the_29th_of_february() -> None:
    assert deadlines(date(2027, 5, 1), 3, {}).hhs == date(2028, 2, 29)


@pytest.mark.parametrize(("residents", "media"), [(500, ()), (501, ("NY",))])
def test_the_media_are_told_above_500_of_one_state(residents: int, media: tuple[str, ...]) -> None:
    by_state = {"NY": residents, "NJ": 400, "unknown": 900}
    assert deadlines(DISCOVERED, 1800, by_state).media == media


def row(seq: int, *patients: str, state: str = "NY", **more: object) -> dict[str, object]:
    states = [state] if state else []
    who = {"who": ["sealed"], "patients": list(patients), "states": states}
    return {"seq": seq, "disclosed": "yes", "ack": "AA", **who, **more}


def test_each_person_counts_once_and_never_too_few() -> None:
    rows = [
        row(1, "a"),
        row(2, "a", ack="AE"),
        row(3, "b", state=""),
        row(4, "b", state="NJ", possible_duplicate=True),
        row(5),
        row(6),
        row(7, "c", "d", who=["one", "two"], states=["NJ", "NY"], disclosed="possibly", ack=""),
    ]
    who = affected(rows)
    assert who.persons == 6
    assert who.by_state == {"unknown": 2, "NJ": 1, "NY": 3}
    assert (who.disclosures, who.uncertain, who.possible_duplicates) == (7, 1, 1)
    assert who.answers == {"AA": 5, "AE": 1, "none": 1}
