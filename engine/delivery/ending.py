"""What an exchange means for the attempt: answered, unanswered, or not sent. Pure.

Law: only an acknowledgment of this very message is an answer; one of another message, or no
acknowledgment at all, leaves the outcome unknown. Nobody can accept what has not left as a whole;
who refuses it has seen enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.ack.interpret import Acknowledged, Mismatched, interpret
from engine.delivery.answers import Answer, NotSent, Outcome
from engine.delivery.schedule import Happened


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended; `error` is the stable code that status shows until the next one."""

    happened: Happened
    error: str
    code: str = ""
    error_code: str = ""


def ending_of(exchange: Outcome, control_id: bytes) -> Ending:
    """Read `exchange` as the end of an attempt at the message whose MSH-10 is `control_id`."""
    if isinstance(exchange, Answer):
        meaning = interpret(exchange.payload, control_id)
        if isinstance(meaning, Acknowledged):
            if exchange.early and meaning.code.positive:
                return Ending(Happened.UNANSWERED, "ack-early")
            code = meaning.code.value
            return Ending(Happened.ANSWERED, f"ack-{code}", code, meaning.error_code)
        mismatched = isinstance(meaning, Mismatched)
        return Ending(Happened.UNANSWERED, "ack-mismatch" if mismatched else "ack-unreadable")
    not_sent = isinstance(exchange, NotSent)
    return Ending(Happened.NOT_SENT if not_sent else Happened.UNANSWERED, exchange.reason.value)
