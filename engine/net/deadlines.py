"""When a quiet or dripping peer has had its time.

Law: a frame must be complete `frame_s` after its VT, and within a frame no two reads may be further
apart than `inter_byte_s`; so a byte a second meets `frame_s`. Between frames, with nothing to
answer, a connection may be quiet for `idle_s`; bytes that belong to no frame do not count as life.
Time in which we ourselves do not read is not the peer's. 0 seconds: no limit. Values are seconds
of one clock.
"""

from __future__ import annotations

from engine.config.model import Limits
from engine.net.observer import Closed


class Deadlines:
    """The deadlines of one connection."""

    __slots__ = ("_frame_since", "_last_life", "_last_read", "_limits", "_stopped_at")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._frame_since: float | None = None
        self._last_read = now
        self._last_life = now
        self._stopped_at: float | None = None

    def read(self, now: float, *, in_frame: bool, completed: bool) -> None:
        """Bytes came; `completed`: a frame ended with them, `in_frame`: one is unfinished now."""
        self._last_read = now
        if completed:
            self._last_life = now
        if not in_frame:
            self._frame_since = None
        elif completed or self._frame_since is None:
            self._frame_since = now

    def answered(self, now: float) -> None:
        """A reply left."""
        self._last_life = now

    def stop(self, now: float) -> None:
        """We read no more for now."""
        self._stopped_at = now

    def go_on(self, now: float) -> None:
        """We read again."""
        if self._stopped_at is not None:
            if self._frame_since is not None:
                self._frame_since += now - self._stopped_at
            self._last_read = self._last_life = now
            self._stopped_at = None

    def quiet_s(self, now: float) -> float:
        """For how long nothing was said on either side; 0 within a frame, or while we do not read.

        A byte of junk is something said: somebody is there.
        """
        if self._stopped_at is not None or self._frame_since is not None:
            return 0.0
        return now - max(self._last_life, self._last_read)

    def next(self, *, busy: bool) -> tuple[float, Closed] | None:
        """What is due next, and why; None while nothing is. `busy`: a reply is outstanding."""
        limits = self._limits
        if self._stopped_at is not None:
            return None
        if self._frame_since is not None:
            due = [
                (since + limit_s, why)
                for since, limit_s, why in (
                    (self._frame_since, limits.frame_s, Closed.FRAME_TIMEOUT),
                    (self._last_read, limits.inter_byte_s, Closed.INTER_BYTE_TIMEOUT),
                )
                if limit_s
            ]
            return min(due, key=lambda item: item[0], default=None)
        if limits.idle_s and not busy:
            return self._last_life + limits.idle_s, Closed.IDLE
        return None
