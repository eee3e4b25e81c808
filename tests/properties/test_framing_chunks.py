"""Framing under any chunking, and under any garbage."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.mllp.framing import Event, Frame, FrameDecoder, Junk, Oversize, encode

_BYTES = st.lists(
    st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"a", b"MSH|", b" "]), max_size=60
).map(b"".join)
_PAYLOAD = st.binary(max_size=200).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b""))


def _chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def _fed(chunks: list[bytes], limit: int, *, bare_fs: bool) -> tuple[list[Event], FrameDecoder]:
    decoder = FrameDecoder(limit, bare_fs=bare_fs)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [event for event in events if not isinstance(event, Junk)], decoder


def _skipped(chunks: list[bytes], limit: int, *, bare_fs: bool) -> int:
    decoder = FrameDecoder(limit, bare_fs=bare_fs)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return sum(event.count for event in events if isinstance(event, Junk))


def _state(decoder: FrameDecoder) -> tuple[object, ...]:
    return (
        decoder.in_frame,
        decoder.buffered_bytes,
        decoder.endings_lf,
        decoder.endings_vt,
        decoder.endings_bare,
    )


@given(st.lists(_PAYLOAD, max_size=8), st.lists(st.integers(0, 2000), max_size=20))
def test_what_is_encoded_comes_out_in_order(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode(payload) for payload in payloads)
    events, decoder = _fed(_chunks(stream, cuts), 1000, bare_fs=False)
    assert events == [Frame(payload) for payload in payloads]
    assert not decoder.in_frame


@given(_BYTES, st.lists(st.integers(0, 300), max_size=20), st.integers(1, 40), st.booleans())
def test_chunk_boundaries_decide_nothing(
    data: bytes, cuts: list[int], limit: int, bare_fs: bool
) -> None:
    chunks = _chunks(data, cuts)
    whole, whole_decoder = _fed([data], limit, bare_fs=bare_fs)
    parts, parts_decoder = _fed(chunks, limit, bare_fs=bare_fs)
    assert parts == whole
    assert _state(parts_decoder) == _state(whole_decoder)
    assert _skipped(chunks, limit, bare_fs=bare_fs) == _skipped([data], limit, bare_fs=bare_fs)


@given(st.lists(st.binary(max_size=50) | _BYTES, max_size=20), st.integers(1, 100), st.booleans())
def test_any_garbage_gives_events_and_bounded_memory(
    chunks: list[bytes], limit: int, bare_fs: bool
) -> None:
    """Whatever comes: never an exception, no payload over the limit, at most one oversize, last."""
    decoder = FrameDecoder(limit, bare_fs=bare_fs)
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.feed(chunk)
        assert decoder.buffered_bytes <= limit + 1
    assert all(len(event.payload) <= limit for event in events if isinstance(event, Frame))
    assert not any(isinstance(event, Oversize) for event in events[:-1])
