"""One byte budget for all connections of a process.

Law: bytes that wait for the rest of their frame, or for their answer, are counted from their
arrival until then; at the limit reading pauses, below it all resume. Two refinements:

- It cannot jam. When the budget is full of unfinished frames alone, nothing could ever be answered
  and free it; then one connection at a time may finish its frame. So memory is bounded by the
  limit, one message, and one read of each connection.
- A connection that goes away does not take its messages with it: what is still with the intake
  stays counted until it is answered.
"""

from __future__ import annotations

from typing import Protocol


class Reader(Protocol):
    """A connection, as the budget sees it."""

    def budget_freed(self) -> None:
        """Reading may go on."""


class ByteBudget:
    """The budget. `used_bytes` is what is counted now."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._unanswered_bytes = 0
        self._waiting: dict[Share, None] = {}  # in the order in which they paused
        self._excepted: Share | None = None

    def join(self, reader: Reader) -> Share:
        """A share for `reader`, empty."""
        return Share(self, reader)

    def may_read(self, share: Share, partial: int, unanswered: int) -> bool:
        """Count what `share` holds now; answer whether its connection may read on."""
        change = unanswered - share.unanswered_bytes
        self._unanswered_bytes += change
        self.used_bytes += change + partial - share.partial_bytes
        share.partial_bytes, share.unanswered_bytes = partial, unanswered
        if self.used_bytes < self.limit_bytes:
            self._excepted = None
            if self._waiting:
                self._resume_all(share)
            return True
        if self._excepted is share:
            if partial and not self._unanswered_bytes:
                return True
            self._excepted = None
        self._waiting.setdefault(share)
        self._except_one()
        return self._excepted is share

    def leave(self, share: Share) -> None:
        """The connection is gone; what it has with the intake stays counted."""
        if self._excepted is share:
            self._excepted = None
        self.may_read(share, 0, share.unanswered_bytes)
        self._waiting.pop(share, None)

    def _resume_all(self, but: Share) -> None:
        waiting, self._waiting = self._waiting, {}
        for share in waiting:
            if share is not but:
                share.reader.budget_freed()

    def _except_one(self) -> None:
        """Full, and nothing that could be answered: let one finish its frame."""
        if self._excepted is not None or self._unanswered_bytes:
            return
        for share in self._waiting:
            if share.partial_bytes:
                self._excepted = share
                del self._waiting[share]
                share.reader.budget_freed()
                return


class Share:
    """What one connection holds of the budget."""

    __slots__ = ("_budget", "partial_bytes", "reader", "unanswered_bytes")

    def __init__(self, budget: ByteBudget, reader: Reader) -> None:
        self._budget = budget
        self.reader = reader
        self.partial_bytes = 0
        self.unanswered_bytes = 0

    def may_read(self, partial: int, unanswered: int) -> bool:
        """Count what the connection holds now; answer whether it may read on."""
        return self._budget.may_read(self, partial, unanswered)

    def leave(self) -> None:
        """The connection is gone."""
        self._budget.leave(self)
