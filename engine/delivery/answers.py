"""How one exchange with a counterpart ended, as values; and what can carry it out.

Law: `NotSent` is said only when it is certain that not a byte left. Whatever is doubtful is
`Unanswered`: the next attempt is then a possible duplicate, and is recorded as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from twisted.internet.defer import Deferred


class Failed(Enum):
    """Why; the value is its stable name in status, logs and ledger."""

    REFUSED = "connection-refused"
    NAME = "name-not-found"
    NO_ROUTE = "no-route"
    CONNECT_TIMEOUT = "connect-timeout"
    CONNECT = "connect-failed"
    WITHDRAWN = "withdrawn"  # whoever asked for it said no before the first byte
    CLOSED = "closed"
    LOST = "connection-lost"
    ACK_TIMEOUT = "ack-timeout"
    OVERSIZE = "answer-oversize"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole frame came back; `payload` is what was in it, not yet looked at.

    `early`: before all of the message had left, so that the counterpart cannot have it whole.
    """

    payload: bytes
    early: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not a byte left."""

    reason: Failed


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Bytes left, perhaps not all, and no usable frame came back in time, or at all."""

    reason: Failed


Outcome = Answer | NotSent | Unanswered


class Sender(Protocol):
    """A connection to one counterpart that carries one exchange at a time."""

    def send(self, payload: bytes, may_send: Callable[[], bool] | None = None) -> Deferred[Outcome]:
        """Frame and send `payload`, connecting first if need be; fires once, never fails.

        `may_send` is asked directly before the first byte is written; if it says no, nothing is.
        """

    def drop(self) -> None:
        """Close the connection now: a late answer must never meet the next message."""

    def close(self) -> Deferred[None]:
        """Close for good; an exchange under way ends as `Unanswered`, or `NotSent` if it may."""
