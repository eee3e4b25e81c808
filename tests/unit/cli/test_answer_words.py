"""What `send` says of what came back."""

from __future__ import annotations

import pytest

from engine.ack.codes import ANSWERS, AckCode, Condition
from engine.cli.answer_words import EARLY, MISMATCHED, UNREADABLE, in_words
from engine.delivery.answers import Failed

#: What is known not to have left.
UNSENT = {
    Failed.REFUSED, Failed.NAME, Failed.NO_ROUTE, Failed.CONNECT_TIMEOUT, Failed.CONNECT,
}  # fmt: skip
#: What befalls a sender of an engine only.
ELSEWHERE = {Failed.WITHDRAWN, Failed.CLOSED, Failed.DROPPED}


@pytest.mark.parametrize("code", [AckCode.AA, AckCode.CA])
def test_a_positive_answer_needs_no_words(code: AckCode) -> None:
    assert in_words(code.value, None) == ""


@pytest.mark.parametrize("answer", ANSWERS.values())
def test_every_refusal_of_ours_says_that_it_was_not_taken(answer: object) -> None:
    condition: Condition = answer.condition  # type: ignore[attr-defined]
    said = in_words("AR", condition.value)
    assert "It was not taken." in said


def test_a_refusal_names_its_condition_and_what_to_mend() -> None:
    said = in_words("AR", "202")
    assert said.startswith("Unsupported processing id. ")
    assert "MSH-11" in said
    assert "engine.environment" in said


def test_an_unknown_error_code_is_a_refusal_all_the_same() -> None:
    assert "refused again" in in_words("AE", "X99")
    assert "refused again" in in_words("CR", None)


@pytest.mark.parametrize("why", sorted(set(Failed) - UNSENT - ELSEWHERE, key=str))
def test_what_may_have_arrived_is_said(why: Failed) -> None:
    assert "may have arrived" in in_words(None, why.value)


@pytest.mark.parametrize("why", sorted(UNSENT, key=str))
def test_what_was_not_sent_is_said(why: Failed) -> None:
    assert in_words(None, why.value).startswith("Nothing was sent. ")


@pytest.mark.parametrize("why", [MISMATCHED, UNREADABLE, EARLY])
def test_an_answer_that_is_none_leaves_doubt(why: str) -> None:
    assert "may have arrived" in in_words(None, why)
