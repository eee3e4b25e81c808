"""What happens on the wire, as countable events, for logs, metrics and status.

Law: an event names a peer's address, a reason from a closed set, and numbers; never a byte of what
was sent (I7).
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class Refusal(Enum):
    """Why a connection was closed before a byte of it was read."""

    NETWORK = "network"
    CONNECTIONS = "connections"
    PER_PEER = "per-peer"
    DRAINING = "draining"


class Closed(Enum):
    """Why a connection ended."""

    PEER = "peer"
    IDLE = "idle"
    REPLACED = "replaced"
    FRAME_TIMEOUT = "frame-timeout"
    INTER_BYTE_TIMEOUT = "inter-byte-timeout"
    OVERSIZE = "oversize"
    UNANSWERED = "unanswered"
    HELD = "held"
    JUNK = "junk"
    DRAINED = "drained"


class Notice(Enum):
    """Something a person should see counted."""

    JUNK_BYTES = "junk-bytes"
    ODD_ENDING = "odd-ending"
    OVERSIZE = "oversize"
    ABANDONED_BYTES = "abandoned-bytes"
    RECEIVE_FAILED = "receive-failed"


class Observer(Protocol):
    """Who is told. Called on the reactor's thread; must be quick and must not raise."""

    def connected(self, peer: str) -> None:
        """A connection was admitted."""

    def refused(self, peer: str, why: Refusal) -> None:
        """A connection was not admitted."""

    def disconnected(self, peer: str, why: Closed) -> None:
        """An admitted connection is gone."""

    def received(self, messages: int, size_bytes: int) -> None:
        """Whole messages arrived."""

    def noticed(self, peer: str, what: Notice, count: int) -> None:
        """`count` bytes of junk or of an abandoned frame, or that many of the other things."""


class Unobserved:
    """Nobody is told."""

    def connected(self, peer: str) -> None:
        """Nothing."""

    def refused(self, peer: str, why: Refusal) -> None:
        """Nothing."""

    def disconnected(self, peer: str, why: Closed) -> None:
        """Nothing."""

    def received(self, messages: int, size_bytes: int) -> None:
        """Nothing."""

    def noticed(self, peer: str, what: Notice, count: int) -> None:
        """Nothing."""
