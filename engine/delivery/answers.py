"""How one exchange with a counterpart ended, as values; and what can carry it out.

Law: only `NotSent` says that not a byte left. Whatever is doubtful is `Unanswered`: the next
attempt is then a possible duplicate, and is recorded as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole frame came back; `payload` is what was in it, not yet looked at."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not a byte left. `reason`: a short stable code, such as `refused`, for status and logs."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Bytes left and no whole frame came back in time, or at all. `reason`: as above."""

    reason: str


Exchange = Answer | NotSent | Unanswered


class Sender(Protocol):
    """A connection to one counterpart that carries one exchange at a time."""

    def send(self, payload: bytes) -> Deferred[Exchange]:
        """Frame and send `payload`, connecting first if need be; never fails, fires once."""

    def drop(self) -> None:
        """Close the connection now: a late answer must never meet the next message.

        An exchange under way ends as `Unanswered`, or `NotSent` if not a byte had left.
        """

    def close(self) -> Deferred[None]:
        """Close for good."""
