"""The demo's MLLP sender: one connection for each listener, several messages in flight, no thread.

Law: it sends nothing on a new connection while an old one may still be answered; an answer counts
once, by its MSA-1. When the engine closes a connection, what was not answered is sent again, as a
hospital's interface would.
"""

from __future__ import annotations

import collections
import select
import socket
from collections import Counter

from engine.hl7.wire import Message
from engine.mllp.framing import Frame, FrameDecoder, encode

_READ_BYTES = 65536
_ANSWER_LIMIT_BYTES = 65536
_CONNECT_TIMEOUT_S = 5.0
_RECONNECT_S = 0.5


class Feed:
    """One connection to one listener."""

    def __init__(self, host: str, port: int, acknowledged: Counter[str]) -> None:
        self._address = (host, port)
        self._acknowledged = acknowledged
        self._unanswered: collections.deque[bytes] = collections.deque()
        self._unwritten = b""
        self._decoder = FrameDecoder(_ANSWER_LIMIT_BYTES)
        self._sock: socket.socket | None = None
        self._connect_after = 0.0

    @property
    def unanswered(self) -> int:
        """How many messages wait for their acknowledgment."""
        return len(self._unanswered)

    def send(self, payload: bytes) -> None:
        """Queue one message; `exchange` carries it."""
        frame = encode(payload)
        self._unanswered.append(frame)
        self._unwritten += frame

    def exchange(self, now: float, wait_s: float) -> None:
        """Write and read for at most `wait_s` seconds; `now` is monotonic."""
        if self._sock is None and not self._connect(now):
            select.select([], [], [], wait_s)
            return
        assert self._sock is not None  # noqa: S101 - for the type checker; just connected
        writing = [self._sock] if self._unwritten else []
        readable, writable, _ = select.select([self._sock], writing, [], wait_s)
        try:
            if writable:
                self._unwritten = self._unwritten[self._sock.send(self._unwritten) :]
            if readable:
                self._take(self._sock.recv(_READ_BYTES))
        except OSError:
            self._lost(now)

    def close(self) -> None:
        """Close the connection."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _connect(self, now: float) -> bool:
        if now < self._connect_after:
            return False
        try:
            self._sock = socket.create_connection(self._address, _CONNECT_TIMEOUT_S)
        except OSError:
            self._lost(now)
            return False
        self._sock.setblocking(False)
        self._decoder = FrameDecoder(_ANSWER_LIMIT_BYTES)
        self._unwritten = b"".join(self._unanswered)
        return True

    def _lost(self, now: float) -> None:
        self.close()
        self._connect_after = now + _RECONNECT_S

    def _take(self, data: bytes) -> None:
        if not data:
            raise ConnectionResetError
        for event in self._decoder.feed(data):
            if isinstance(event, Frame) and self._unanswered:
                self._unanswered.popleft()
                self._acknowledged[_code(event.payload)] += 1


def _code(answer: bytes) -> str:
    """MSA-1 of an acknowledgment."""
    for segment in Message.parse(answer).segments:
        if segment.id == "MSA":
            return segment.field(1).decode("ascii", "replace")
    return "?"
