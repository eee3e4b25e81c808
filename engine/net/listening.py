"""What a connection needs of its listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.config.model import Listener
from engine.net.budget import ByteBudget
from engine.net.observer import Closed, Observer
from engine.net.ports import Timers
from engine.net.receive import Receive

if TYPE_CHECKING:
    from engine.net.connection import Connection


class Listening(Protocol):
    """A listener; it outlives its connections."""

    settings: Listener
    receive: Receive
    timers: Timers
    observer: Observer
    budget: ByteBudget

    @property
    def held(self) -> bool:
        """The store is away."""

    def count_received(self, messages: int, size_bytes: int) -> None:
        """Whole messages arrived."""

    def refuse_oversize(self, head: bytes) -> bytes | None:
        """The reply to a payload over the limit, of which `head` is the beginning."""

    def gone(self, connection: Connection, why: Closed) -> None:
        """The connection ended."""
