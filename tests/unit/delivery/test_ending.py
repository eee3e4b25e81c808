"""What an exchange means for the attempt."""

from __future__ import annotations

import pytest

from engine.delivery.answers import Answer, Failed, NotSent, Outcome, Unanswered
from engine.delivery.ending import Ending, ending_of
from engine.delivery.schedule import Happened
from tests.support.delivery_rig import acknowledgment


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (NotSent(Failed.REFUSED), Ending(Happened.NOT_SENT, "connection-refused")),
        (Unanswered(Failed.ACK_TIMEOUT), Ending(Happened.UNANSWERED, "ack-timeout")),
        (Answer(b"<html>"), Ending(Happened.UNANSWERED, "ack-unreadable")),
        (Answer(acknowledgment("AA", b"8")), Ending(Happened.UNANSWERED, "ack-mismatch")),
        (Answer(acknowledgment("AA", b"7")), Ending(Happened.ANSWERED, "ack-AA", "AA")),
        (
            Answer(acknowledgment("AA", b"7"), early=True),
            Ending(Happened.UNANSWERED, "ack-early"),
        ),
        (
            Answer(acknowledgment("AR", b"7", "207"), early=True),
            Ending(Happened.ANSWERED, "ack-AR", "AR", "207"),
        ),
        (
            Answer(acknowledgment("AR", b"7", "207")),
            Ending(Happened.ANSWERED, "ack-AR", "AR", "207"),
        ),
    ],
)
def test_only_an_acknowledgment_of_this_message_is_an_answer(
    exchange: Outcome, expected: Ending
) -> None:
    assert ending_of(exchange, b"7") == expected
