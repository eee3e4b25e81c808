"""What came of sending one message.

Law: `NotSent` is said only when it is certain that not a byte was written; `Unanswered` means that
the counterpart may or may not have the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Failed(Enum):
    """Why; the value is its stable name in status, logs and ledger."""

    REFUSED = "refused"
    NAME = "name-not-found"
    NO_ROUTE = "no-route"
    CONNECT_TIMEOUT = "connect-timeout"
    CONNECT = "connect-failed"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    LOST = "connection-lost"
    ACK_TIMEOUT = "ack-timeout"
    OVERSIZE = "answer-oversize"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame came back; what it says is `engine.ack.interpret`'s business."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was written."""

    reason: Failed


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Written, perhaps in part; no usable answer came."""

    reason: Failed


Outcome = Answer | NotSent | Unanswered
