"""Replies that a connection owes its peer.

Law: they leave in the order in which their messages arrived, whatever order they become known in;
after a message that gets no answer, none leaves any more.
"""

from __future__ import annotations

from collections import deque

from engine.mllp.framing import UnframeablePayload, encode


class Due:
    """One reply that is owed, for a message of `size_bytes`."""

    __slots__ = ("known", "reply", "size_bytes")

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.known = False
        self.reply: bytes | None = None

    def settle(self, reply: bytes | None) -> None:
        """The reply is known: bytes, `b""` for none wanted, None for no answer."""
        self.reply = reply
        self.known = True


class OwedReplies:
    """The queue. `silent`: a message got no answer, so nothing more leaves."""

    __slots__ = ("_queue", "silent")

    def __init__(self) -> None:
        self._queue: deque[Due] = deque()
        self.silent = False

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def ready(self) -> bool:
        """The oldest is known."""
        return bool(self._queue) and self._queue[0].known

    def owe(self, size_bytes: int) -> Due:
        """One more message is with the intake."""
        due = Due(size_bytes)
        self._queue.append(due)
        return due

    def collect(self, out: list[bytes]) -> None:
        """Move to `out`, framed, what may leave now."""
        queue = self._queue
        while queue and queue[0].known:
            reply = queue.popleft().reply
            if reply is None:
                self.fall_silent()
            elif reply:
                try:
                    out.append(encode(reply))
                except UnframeablePayload:
                    self.fall_silent()

    def fall_silent(self) -> None:
        """Nothing leaves any more."""
        self.silent = True
        self._queue.clear()
