"""MLLP Release 1 framing: VT, payload, FS CR. A protocol as a value: bytes in, events out.

Laws: nothing is decided from a chunk boundary; any chunking of the same bytes gives the same
frames. Time is linear in the bytes fed, memory is bounded by the longest payload allowed. What
goes out is never ambiguous: a payload that holds VT or FS is refused, because MLLP has no escape
for them and one message would become two at the receiver (HL7 V2 transport specification, MLLP
Release 1).

What peers get wrong and is tolerated, counted: FS LF, or FS directly before the next VT, ends a
frame too; bytes before VT are skipped. A bare FS ends a frame only where a listener is told so. An
FS that ends nothing, and a VT inside a frame, are content: the payload is delivered as it came,
and intake refuses it by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import EngineError

VT = b"\x0b"
FS = b"\x1c"
_CR, _LF, _VT = 0x0D, 0x0A, 0x0B

#: As much of a payload over the limit as is kept, so that it can be answered: an MSH segment of
#: real senders is below 400 bytes.
HEAD_BYTES = 4096


class UnframeablePayload(EngineError):  # noqa: N818  the thing that is wrong is the payload
    """A payload that MLLP cannot carry: it holds VT or FS."""

    def __init__(self) -> None:
        super().__init__(
            "unframeable",
            "The payload holds a byte that MLLP reserves (0x0B or 0x1C).",
            "The sending system must not put these bytes into a message.",
        )


def unframeable(payload: bytes) -> bool:
    """Whether `payload` holds a byte that would end or begin a frame."""
    return VT in payload or FS in payload


def encode(payload: bytes) -> bytes:
    """Frame `payload`; raises `UnframeablePayload` when it holds VT or FS."""
    if VT in payload or FS in payload:
        raise UnframeablePayload
    return b"\x0b%b\x1c\r" % payload


@dataclass(frozen=True, slots=True)
class Frame:
    """One payload, without its framing bytes."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Junk:
    """`count` bytes between frames, skipped. `blank`: white space only, as after FS CR LF."""

    count: int
    blank: bool


@dataclass(frozen=True, slots=True)
class Oversize:
    """A payload over the limit; `head` is its beginning. The decoder takes no more bytes."""

    head: bytes


Event = Frame | Junk | Oversize


class FrameDecoder:
    """Turns what arrives into events.

    `endings_lf`, `endings_vt` and `endings_bare` count frames that did not end in FS CR.
    `max_payload_bytes` is the longest payload that becomes a `Frame`.
    """

    __slots__ = (
        "_bare_fs",
        "_buffer",
        "_done",
        "_max",
        "_open",
        "_searched",
        "_trailing",
        "endings_bare",
        "endings_lf",
        "endings_vt",
    )

    def __init__(self, max_payload_bytes: int, *, bare_fs: bool = False) -> None:
        self._max = max_payload_bytes
        self._bare_fs = bare_fs
        self._buffer = bytearray()  # of an open frame, from its first byte
        self._searched = 0  # no FS that ends the frame before this index of the buffer
        self._open = False
        self._trailing = False  # a bare FS ended a frame; its CR may still come
        self._done = False
        self.endings_lf = 0
        self.endings_vt = 0
        self.endings_bare = 0

    @property
    def in_frame(self) -> bool:
        """A frame has begun and not ended."""
        return self._open

    @property
    def buffered_bytes(self) -> int:
        """Bytes kept of an unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; answer what became of it, in order."""
        events: list[Event] = []
        if self._done or not data:
            return events
        if not self._buffer:
            kept = self._scan(data, events)
            if kept < len(data):
                self._buffer += memoryview(data)[kept:]
            return events
        self._buffer += data
        kept = self._scan(self._buffer, events)
        del self._buffer[:kept]
        return events

    def _scan(self, data: bytes | bytearray, events: list[Event]) -> int:
        """Find frames in `data`; answer where the bytes begin that must be kept."""
        position, end = 0, len(data)
        while position < end:
            if self._trailing:
                position += self._after_bare(data[position])
                continue
            if not self._open:
                start = data.find(VT, position)
                if start != position:
                    stop = end if start < 0 else start
                    events.append(Junk(stop - position, data[position:stop].isspace()))
                    if start < 0:
                        return end
                position = start + 1
                self._open = True
                self._searched = 0
                continue
            close = self._find_end(data, position)
            if close < 0 or close - position > self._max:
                break
            events.append(Frame(_cut(data, position, close)))
            position = self._ended(data, close)
        if self._open and self._exceeds(data, position):
            events.append(Oversize(bytes(data[position : position + min(HEAD_BYTES, self._max)])))
            self._open = False
            self._done = True
            return end
        return position

    def _find_end(self, data: bytes | bytearray, start: int) -> int:
        """The index of the FS that ends the frame begun at `start`, or -1: not here yet."""
        at = data.find(FS, start + self._searched)
        while at >= 0:
            if self._bare_fs:
                return at
            if at + 1 == len(data):
                self._searched = at - start  # what it is, the next byte says
                return -1
            if data[at + 1] in (_CR, _LF, _VT):
                return at
            at = data.find(FS, at + 1)
        self._searched = len(data) - start
        return -1

    def _ended(self, data: bytes | bytearray, close: int) -> int:
        """The frame ended at `close`: count how, answer where to go on."""
        self._open = False
        if self._bare_fs:
            self._trailing = True
            return close + 1
        ending = data[close + 1]
        if ending == _VT:
            self.endings_vt += 1
            return close + 1  # VT begins the next frame
        if ending == _LF:
            self.endings_lf += 1
        return close + 2

    def _after_bare(self, following: int) -> int:
        """The byte after an FS that was an end by itself: part of the ending, or not."""
        self._trailing = False
        if following == _CR:
            return 1
        if following == _LF:
            self.endings_lf += 1
            return 1
        if following == _VT:
            self.endings_vt += 1
        else:
            self.endings_bare += 1
        return 0

    def _exceeds(self, data: bytes | bytearray, start: int) -> bool:
        """Whether the open frame is longer than allowed, whatever comes."""
        undecided = not self._bare_fs and data.endswith(FS)  # the last byte may be its end
        return len(data) - start - undecided > self._max


def _cut(data: bytes | bytearray, start: int, stop: int) -> bytes:
    """One copy, however large."""
    return data[start:stop] if isinstance(data, bytes) else bytes(memoryview(data)[start:stop])
