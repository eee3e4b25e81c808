"""What the wire uses of Twisted, as Protocols, so that types hold without its interface plug-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A delayed call."""

    def cancel(self) -> None:
        """It will not be called."""

    def active(self) -> bool:
        """It was neither called nor cancelled."""

    def reset(self, secondsFromNow: float) -> None:
        """Call it `secondsFromNow` from now instead."""

    def getTime(self) -> float:
        """When it is due, on the clock of `Timers.seconds`."""


class Timers(Protocol):
    """The reactor, or a `task.Clock`, as far as time goes."""

    def seconds(self) -> float:
        """The time now."""

    def callLater(self, delay: float, call: Callable[..., Any], /, *args: Any) -> Any:
        """Call `call` in `delay` seconds; answers a `Timer`."""


class Wire(Protocol):
    """A stream transport."""

    def write(self, data: bytes) -> None:
        """Send, later if need be."""

    def loseConnection(self) -> None:
        """Close once everything written has left."""

    def loseWriteConnection(self) -> None:
        """Close our side once everything written has left; the peer's stays open."""

    def abortConnection(self) -> None:
        """Close now; what has not left is dropped."""

    def pauseProducing(self) -> None:
        """Read no more for now."""

    def resumeProducing(self) -> None:
        """Read again."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Tell `producer` to pause while more is written than leaves, if it is `streaming`.

        If it is not, its `resumeProducing` is called whenever all that was written has left.
        """

    def unregisterProducer(self) -> None:
        """Forget the producer."""
