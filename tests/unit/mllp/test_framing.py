"""The framing laws, h11 style: every case is fed whole, byte by byte, and with bytes after it."""

from __future__ import annotations

import tracemalloc

import pytest

from engine.mllp.framing import (
    HEAD_BYTES,
    Event,
    Frame,
    FrameDecoder,
    Junk,
    Oversize,
    UnframeablePayload,
    encode,
    unframeable,
)

MAX = 64

#: what arrives → what becomes of it (adjacent junk counted together)
CASES: dict[str, tuple[bytes, list[Event]]] = {
    "one frame": (b"\x0bMSH|1\x1c\r", [Frame(b"MSH|1")]),
    "empty payload": (b"\x0b\x1c\r", [Frame(b"")]),
    "two frames": (b"\x0ba\x1c\r\x0bb\x1c\r", [Frame(b"a"), Frame(b"b")]),
    "CR and LF inside": (b"\x0ba\rb\r\nc\r\x1c\r", [Frame(b"a\rb\r\nc\r")]),
    "LF after the frame": (
        b"\x0ba\x1c\r\n\x0bb\x1c\r",
        [Frame(b"a"), Junk(1, blank=True), Frame(b"b")],
    ),
    "FS LF ends": (b"\x0ba\x1c\n\x0bb\x1c\r", [Frame(b"a"), Frame(b"b")]),
    "FS VT ends, and the next begins": (b"\x0ba\x1c\x0bb\x1c\r", [Frame(b"a"), Frame(b"b")]),
    "FS inside is content": (b"\x0ba\x1cb\x1c\r", [Frame(b"a\x1cb")]),
    "FS FS CR": (b"\x0ba\x1c\x1c\r", [Frame(b"a\x1c")]),
    "VT inside is content": (b"\x0ba\x0bb\x1c\r", [Frame(b"a\x0bb")]),
    "VT VT": (b"\x0b\x0ba\x1c\r", [Frame(b"\x0ba")]),
    "junk before": (b"xyz\x0ba\x1c\r", [Junk(3, blank=False), Frame(b"a")]),
    "white space before": (b" \r\n\x0ba\x1c\r", [Junk(3, blank=True), Frame(b"a")]),
    "NULs between": (
        b"\x0ba\x1c\r\0\0\x0bb\x1c\r",
        [Frame(b"a"), Junk(2, blank=False), Frame(b"b")],
    ),
    "a message without VT is junk": (b"MSH|1\x1c\r", [Junk(7, blank=False)]),
    "unfinished": (b"\x0bMSH|", []),
    "FS that is not yet decided": (b"\x0bMSH|\x1c", []),
    "exactly the limit": (b"\x0b" + b"x" * MAX + b"\x1c\r", [Frame(b"x" * MAX)]),
    "one over": (b"\x0b" + b"x" * (MAX + 1) + b"\x1c\r", [Oversize(b"x" * MAX)]),
    "one over, never ended": (b"\x0b" + b"x" * (MAX + 1), [Oversize(b"x" * MAX)]),
    "the limit and an FS to come": (b"\x0b" + b"x" * MAX + b"\x1c", []),
    "an FS over the limit": (b"\x0b" + b"x" * MAX + b"\x1cy", [Oversize(b"x" * MAX)]),
    "after oversize nothing": (
        b"\x0ba\x1c\r\x0b" + b"y" * (MAX + 1) + b"\x1c\r\x0bb\x1c\r",
        [Frame(b"a"), Oversize(b"y" * MAX)],
    ),
}

BARE_CASES: dict[str, tuple[bytes, list[Event]]] = {
    "bare FS": (b"\x0ba\x1c\x0bb\x1c", [Frame(b"a"), Frame(b"b")]),
    "bare FS, then something": (
        b"\x0ba\x1cxy\x0bb\x1c",
        [Frame(b"a"), Junk(2, blank=False), Frame(b"b")],
    ),
    "FS CR is still one ending": (b"\x0ba\x1c\r\x0bb\x1c\r", [Frame(b"a"), Frame(b"b")]),
    "FS LF is still one ending": (b"\x0ba\x1c\n\x0bb\x1c\n", [Frame(b"a"), Frame(b"b")]),
    "one over": (b"\x0b" + b"x" * (MAX + 1) + b"\x1c", [Oversize(b"x" * MAX)]),
}


def merged(events: list[Event]) -> list[Event]:
    """Junk is counted as it comes: its division into events is the chunks'."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Junk) and isinstance(last, Junk):
            result[-1] = Junk(last.count + event.count, blank=last.blank and event.blank)
        else:
            result.append(event)
    return result


def fed(chunks: list[bytes], *, bare_fs: bool = False) -> list[Event]:
    decoder = FrameDecoder(MAX, bare_fs=bare_fs)
    return merged([event for chunk in chunks for event in decoder.feed(chunk)])


def single(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("name", CASES)
def test_whole_bytewise_and_followed(name: str) -> None:
    data, expected = CASES[name]
    assert fed([data]) == expected
    assert fed(single(data)) == expected
    if data.endswith(b"\r"):
        following: list[Event] = (
            [] if any(isinstance(event, Oversize) for event in expected) else [Frame(b"next")]
        )
        assert fed([data + b"\x0bnext\x1c\r\x0bbegun"]) == expected + following


@pytest.mark.parametrize("name", BARE_CASES)
def test_bare_fs_by_option(name: str) -> None:
    data, expected = BARE_CASES[name]
    assert fed([data], bare_fs=True) == expected
    assert fed(single(data), bare_fs=True) == expected


@pytest.mark.parametrize("chunked", [False, True])
def test_tolerated_endings_are_counted(chunked: bool) -> None:
    data = b"\x0ba\x1c\n\x0bb\x1c\x0bc\x1c\r"
    decoder = FrameDecoder(MAX)
    for chunk in single(data) if chunked else [data]:
        decoder.feed(chunk)
    assert (decoder.endings_lf, decoder.endings_vt, decoder.endings_bare) == (1, 1, 0)
    bare = FrameDecoder(MAX, bare_fs=True)
    data = b"\x0ba\x1c\n\x0bb\x1c\x0bc\x1c\r\x0bd\x1c?"
    for chunk in single(data) if chunked else [data]:
        bare.feed(chunk)
    assert (bare.endings_lf, bare.endings_vt, bare.endings_bare) == (1, 1, 1)


def test_in_frame_and_buffered_bytes_follow_what_came() -> None:
    decoder = FrameDecoder(MAX)
    assert not decoder.in_frame
    decoder.feed(b"junk")
    assert (decoder.in_frame, decoder.buffered_bytes) == (False, 0)
    decoder.feed(b"\x0b")
    assert (decoder.in_frame, decoder.buffered_bytes) == (True, 0)
    decoder.feed(b"abc")
    assert (decoder.in_frame, decoder.buffered_bytes) == (True, 3)
    decoder.feed(b"d\x1c")
    assert (decoder.in_frame, decoder.buffered_bytes) == (True, 5)
    decoder.feed(b"\r")
    assert (decoder.in_frame, decoder.buffered_bytes) == (False, 0)


def test_a_decoder_that_met_oversize_keeps_nothing() -> None:
    decoder = FrameDecoder(MAX)
    decoder.feed(b"\x0b" + b"x" * 50)
    assert decoder.feed(b"x" * 50) == [Oversize(b"x" * MAX)]
    assert decoder.feed(b"\x0ba\x1c\r") == []
    assert (decoder.in_frame, decoder.buffered_bytes) == (False, 0)


def test_the_head_of_an_oversize_payload_is_bounded() -> None:
    decoder = FrameDecoder(3 * HEAD_BYTES)
    assert decoder.feed(b"\x0b" + b"x" * 4 * HEAD_BYTES) == [Oversize(b"x" * HEAD_BYTES)]


@pytest.mark.parametrize("payload", [b"", b"MSH|^~\\&|\r", bytes(set(range(256)) - {0x0B, 0x1C})])
def test_encode_then_decode_is_the_payload(payload: bytes) -> None:
    assert not unframeable(payload)
    assert FrameDecoder(1000).feed(encode(payload)) == [Frame(payload)]


@pytest.mark.parametrize("payload", [b"a\x0bb", b"a\x1cb", b"\x1c", b"a\x1c\r\x0bMSH|"])
def test_a_payload_that_would_become_two_is_refused(payload: bytes) -> None:
    """No message is smuggled into the receiver inside another."""
    assert unframeable(payload)
    with pytest.raises(UnframeablePayload) as caught:
        encode(payload)
    assert caught.value.code == "unframeable"


def test_a_long_message_in_small_chunks_is_linear_and_bounded() -> None:
    """50 MB in 1 KiB chunks; quadratic copying would take minutes."""
    size, chunk = 50_000_000, b"x" * 1000
    decoder = FrameDecoder(size)
    decoder.feed(b"\x0b")
    for _ in range(size // len(chunk)):
        assert decoder.feed(chunk) == []
    (frame,) = decoder.feed(b"\x1c\r")
    assert isinstance(frame, Frame)
    assert len(frame.payload) == size


def test_an_endless_frame_costs_no_more_than_the_limit() -> None:
    decoder = FrameDecoder(1_000_000)
    chunk = b"x" * 65_536
    tracemalloc.start()
    try:
        decoder.feed(b"\x0b")
        for _ in range(400):
            decoder.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000


def test_many_undecided_fs_are_linear() -> None:
    """A frame of FS bytes alone: each is looked at once."""
    decoder = FrameDecoder(2_000_000)
    decoder.feed(b"\x0b")
    for _ in range(1000):
        decoder.feed(b"\x1c" * 1000)
    assert decoder.feed(b"\r") == [Frame(b"\x1c" * 999_999)]
