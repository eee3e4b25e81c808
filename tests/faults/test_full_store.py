"""A full store takes no more messages, loses none, and is emptied by its lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from engine.store.client import connect
from engine.store.commands.accepting import BEHIND, accept_command
from engine.store.embedded import EmbeddedServer
from engine.store.port import (
    Accept,
    Accepted,
    Advance,
    Claim,
    Claimed,
    Control,
    Fetch,
    Final,
    Operation,
    Order,
    ReadLedger,
    Result,
    Settle,
    Store,
    StoreFull,
    Survey,
    View,
)
from engine.store.redis import RedisStore
from tests.support.store_samples import LEASE_MS, advance, copy, do, message, opened

_CONTENT = b"\xfe" * 100_000


def _message(number: int) -> Accept:
    return message(f"R{number:04}", copies=[copy("acme", 0, _CONTENT)])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that may hold 8 MiB."""
    server = EmbeddedServer(tmp_path / "var", maxmemory_bytes=8 * 1024 * 1024)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(server: EmbeddedServer) -> Iterator[RedisStore]:
    """A store on it."""
    store = RedisStore(connect(server.url))
    yield store
    store.close()


def _execute(store: Store, batch: Sequence[Operation]) -> tuple[Sequence[Result], frozenset[int]]:
    """The results, and the indexes of what was refused."""
    try:
        return store.execute(batch), frozenset()
    except StoreFull as full:
        return full.results, full.refused


def _fill(store: Store) -> int:
    """How many messages went in, one by one, until one was refused."""
    number = 0
    while not _execute(store, [_message(number)])[1]:
        number += 1
        assert number < 1000
    return number


def _lane(store: RedisStore) -> tuple[int, int, int]:
    view = do(store, Survey(("acme",)))
    assert isinstance(view, View)
    lane = view.lanes[0]
    return lane.depth, lane.waiting, lane.delivered


def test_a_refused_message_left_nothing_behind(store: RedisStore) -> None:
    number = _fill(store)
    assert number > 10
    assert _lane(store) == (number, number, 0)
    assert do(store, Fetch(_message(number).receipt)) is None
    ledger = do(store, ReadLedger(limit=10_000))
    assert isinstance(ledger, tuple)
    assert len(ledger) == number


def test_lanes_drain_a_full_store_and_then_it_takes_the_refused_ones(store: RedisStore) -> None:
    """In one batch: the messages are refused, everything else is done and answered."""
    number = _fill(store)
    claimed = do(store, Claim("acme", "engine", LEASE_MS))
    assert isinstance(claimed, Claimed)
    head = do(store, advance("acme", claimed.fence, 1))
    more = (_message(number), _message(number + 1))
    refused, turn, first_is_stored = frozenset({0, 2}), 1, False
    while refused:
        # Room may come for the first of the two alone, and be gone when it is asked again; the
        # second is never stored while the first is not.
        first_is_stored = first_is_stored or 0 not in refused
        assert first_is_stored or refused == {0, 2}
        turn += 1
        close = Settle(opened(head).entry, Final.DELIVERED, b"{}")
        step = Advance("acme", claimed.fence, turn, LEASE_MS, close)
        results, refused = _execute(store, [more[0], step, more[1], Survey(())])
        head = results[1]
        assert isinstance(results[3], View)
    assert (results[0], results[2]) == (Accepted(more[0].receipt), Accepted(more[1].receipt))
    depth, waiting, delivered = _lane(store)
    assert delivered == turn - 1 >= 1
    assert depth == waiting == number + 2 - delivered


def test_people_can_act_on_a_full_store(store: RedisStore) -> None:
    _fill(store)
    assert do(store, Control("acme", Order.KILL, "breach", b"{}")) is True


def test_nothing_is_accepted_behind_a_refused_message(store: RedisStore) -> None:
    """The calls of a batch form a chain: the second one finds that the first was refused."""
    _fill(store)
    large = message("large", copies=[copy("acme", 0, b"x" * 5_000_000)])
    small = message("small")
    assert _execute(store, [large, small])[1] == {0, 1}


def test_a_call_finds_out_that_the_one_before_it_was_refused(
    server: EmbeddedServer, store: RedisStore
) -> None:
    """Also when room was made between the two."""
    do(store, message("R0"))
    second = message("R2", "acme")
    with closing(connect(server.url)) as client:
        for after, answer in (("R1", BEHIND), ("", [b"+ 0 R2 0"])):
            command = accept_command([second], after, "")
            assert client.execute_command(*command) == answer  # type: ignore[no-untyped-call]
    assert _lane(store) == (1, 1, 0)
