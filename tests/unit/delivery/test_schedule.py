"""The reply-action table: what follows an attempt."""

from __future__ import annotations

import pytest

from engine.delivery.schedule import (
    Action,
    Again,
    Complete,
    Happened,
    NextStep,
    Park,
    ReplyAction,
    Retry,
    Schedule,
    back_off_s,
    next_step,
)

MIDDLE = 0.5  # no jitter
DEFAULT = Schedule()


@pytest.mark.parametrize(
    ("code", "error_code", "attempt", "expected"),
    [
        ("AA", "", 1, Complete()),
        ("CA", "", 1, Complete()),
        ("AA", "207", 1, Complete()),
        ("AE", "", 1, Again(5.0, unknown=False)),
        ("AE", "101", 5, Again(80.0, unknown=False)),
        ("AE", "", 6, Park("ack-AE-limit")),
        ("AR", "", 1, Park("ack-AR")),
        ("AR", "200", 1, Park("ack-AR")),
        ("AR", "206", 1, Again(5.0, unknown=False)),
        ("AR", "207", 99, Again(900.0, unknown=False)),
        ("CE", "", 99, Again(900.0, unknown=False)),
        ("CR", "", 1, Park("ack-CR")),
        ("ZZ", "", 1, Park("ack-other")),
        ("", "", 1, Park("ack-other")),
    ],
)
def test_an_answer_leads_where_the_default_table_says(
    code: str, error_code: str, attempt: int, expected: NextStep
) -> None:
    step = next_step(DEFAULT, Happened.ANSWERED, attempt, MIDDLE, code=code, error_code=error_code)
    assert step == expected


def test_no_answer_is_tried_again_for_ever_and_its_outcome_is_unknown() -> None:
    for attempt in (1, 10, 5000):
        step = next_step(DEFAULT, Happened.UNANSWERED, attempt, MIDDLE)
        assert isinstance(step, Again)
        assert step.unknown


def test_a_peer_that_cannot_be_reached_is_tried_again_for_ever_and_nothing_is_unknown() -> None:
    """Not even a table that parks at once has a say: nothing was sent."""
    strict = Schedule({})
    for failures in (1, 10, 5000):
        step = next_step(strict, Happened.NOT_SENT, failures, MIDDLE)
        assert step == Again(back_off_s(strict.retry, failures, MIDDLE), unknown=False)


@pytest.mark.parametrize("code", ["AA", "CA", "AE", "AR", "CE", "CR"])
def test_a_code_that_the_table_does_not_name_parks(code: str) -> None:
    assert next_step(Schedule({}), Happened.ANSWERED, 1, MIDDLE, code=code) == Park(f"ack-{code}")


def test_a_silence_that_the_table_does_not_name_parks() -> None:
    assert next_step(Schedule({}), Happened.UNANSWERED, 1, MIDDLE) == Park("timeout")


def test_a_limit_leads_to_what_the_table_says_then() -> None:
    schedule = Schedule(
        {
            "timeout": ReplyAction(Action.RETRY, limit=2),
            "AE": ReplyAction(Action.RETRY, limit=1, then=Action.COMPLETE),
            "AR/207": ReplyAction(Action.RETRY, limit=0),
        }
    )
    assert next_step(schedule, Happened.UNANSWERED, 3, MIDDLE) == Park("timeout-limit")
    assert next_step(schedule, Happened.ANSWERED, 2, MIDDLE, code="AE") == Complete()
    assert next_step(schedule, Happened.ANSWERED, 1, MIDDLE, code="AR", error_code="207") == Park(
        "ack-AR-207-limit"
    )


@pytest.mark.parametrize(
    ("attempt", "expected"), [(1, 5.0), (2, 10.0), (3, 20.0), (8, 640.0), (9, 900.0), (3000, 900.0)]
)
def test_back_off_doubles_up_to_its_cap(attempt: int, expected: float) -> None:
    assert back_off_s(Retry(), attempt, MIDDLE) == expected


def test_jitter_spreads_both_ways() -> None:
    assert back_off_s(Retry(), 1, 0.0) == pytest.approx(4.0)
    assert back_off_s(Retry(), 1, 0.75) == pytest.approx(5.5)
    assert back_off_s(Retry(), 3000, 0.0) == pytest.approx(720.0)
