"""The tables are complete, and nothing in them makes a sender repeat what cannot be mended."""

from __future__ import annotations

import pathlib

import pytest

from engine.ack.codes import ANSWERS, CONDITION_TEXT, AckCode, Condition, Fault

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reference" / "acknowledgments.md"


def test_every_fault_has_an_answer_and_every_condition_a_text() -> None:
    assert set(ANSWERS) == set(Fault)
    assert set(CONDITION_TEXT) == set(Condition)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_never_answered_as_accepted(fault: Fault) -> None:
    assert ANSWERS[fault].code in (AckCode.AE, AckCode.AR)


@pytest.mark.parametrize("fault", Fault)
def test_only_what_a_resend_can_mend_says_application_error(fault: Fault) -> None:
    """Senders retry on 206 and 207 (decision 0005)."""
    retried = ANSWERS[fault].condition is Condition.APPLICATION
    assert retried == (fault in (Fault.STORE_DOWN, Fault.APPLICATION_ERROR))


@pytest.mark.parametrize("fault", Fault)
def test_the_reference_page_has_the_same_row(fault: Fault) -> None:
    answer = ANSWERS[fault]
    where = answer.location
    place = "" if where is None else f"{where.segment}-{where.field}"
    if where is not None and where.component:
        place += f".{where.component}"
    cells = (
        f"`{fault.value}`",
        answer.code.value,
        f"{answer.condition.value} {CONDITION_TEXT[answer.condition]}",
        answer.severity.value,
        place,
        answer.detail,
    )
    assert f"| {' | '.join(cells)} |" in PAGE.read_text(encoding="utf-8")
