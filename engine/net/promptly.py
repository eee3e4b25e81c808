"""Sending now what was written, where the transport can.

Law: what does not leave now leaves later, in order, as if nobody had asked; an error is left to the
reactor, which meets it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def sending_now(transport: Any) -> Callable[[], object]:
    """What sends at once as much of what was written to `transport` as its socket takes.

    Twisted itself sends in the next turn of its loop, behind everything that is read in it: that is
    later by the time that the other messages of the turn take, and one more event for each reply.
    Not to be called once the transport is closing.
    """
    do_write: Callable[[], object] = getattr(transport, "doWrite", _later)
    return do_write


def _later() -> None:
    """The transport sends by itself."""
