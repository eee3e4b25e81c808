"""What a connection's bytes come to: payloads that wait to be handed over, and what is no payload.

Law: everything is counted that is neither; what follows a payload over the limit cannot be told
apart any more, so that one is the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from engine.config.model import Listener
from engine.mllp.framing import Frame, FrameDecoder, Junk, Oversize
from engine.net.observer import Notice

#: So much outside frames, in bytes, is no slip: whoever sends it does not speak MLLP here.
MOST_JUNK_BYTES = 64 * 1024


class Incoming:
    """The queue, oldest first; `notice` is told of what a person should see counted."""

    __slots__ = ("_decoder", "_junk_bytes", "_notice", "_odd_endings", "_queue")

    def __init__(self, settings: Listener, notice: Callable[[Notice, int], None]) -> None:
        self._decoder = FrameDecoder(settings.limits.message_bytes, bare_fs=settings.bare_fs)
        self._notice = notice
        self._queue: deque[bytes | Oversize] = deque()
        self._junk_bytes = 0  # since the last frame
        self._odd_endings = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def in_frame(self) -> bool:
        """A frame has begun and not ended."""
        return self._decoder.in_frame

    @property
    def partial_bytes(self) -> int:
        """Bytes kept of an unfinished frame."""
        return self._decoder.buffered_bytes

    @property
    def is_junk(self) -> bool:
        """So much came outside frames that no frame will come."""
        return self._junk_bytes > MOST_JUNK_BYTES

    def feed(self, data: bytes) -> tuple[int, int]:
        """Take what arrived; how many whole messages came with it, and their bytes."""
        messages = size_bytes = 0
        for event in self._decoder.feed(data):
            if isinstance(event, Frame):
                messages += 1
                size_bytes += len(event.payload)
                self._junk_bytes = 0
                self._queue.append(event.payload)
            elif isinstance(event, Junk):
                self._junk_bytes += event.count
                if not event.blank:
                    self._notice(Notice.JUNK_BYTES, event.count)
            else:
                self._notice(Notice.OVERSIZE, 1)
                self._queue.append(event)
        if messages:
            self._count_odd_endings()
        return messages, size_bytes

    def take(self) -> bytes | Oversize:
        """The oldest payload, or what is known of one over the limit; it waits no longer."""
        return self._queue.popleft()

    def forget(self) -> int:
        """Nothing waits any longer; how many bytes did."""
        size_bytes = sum(len(item) for item in self._queue if isinstance(item, bytes))
        self._queue.clear()
        return size_bytes

    def _count_odd_endings(self) -> None:
        decoder = self._decoder
        odd = decoder.endings_lf + decoder.endings_vt + decoder.endings_bare
        if odd != self._odd_endings:
            self._notice(Notice.ODD_ENDING, odd - self._odd_endings)
            self._odd_endings = odd
