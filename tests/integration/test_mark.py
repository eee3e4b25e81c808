"""A store that was put back from an old copy is found out, on a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.intake.receipts import earliest_receipt
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.mark import MARK_FILE, MarkLook, read_mark
from engine.store.port import (
    Claim,
    Claimed,
    Control,
    Final,
    Halt,
    Halted,
    Order,
    ReadLedger,
    Settle,
    Survey,
    View,
)
from engine.store.redis import RedisStore
from tests.support.store_samples import LEASE_MS, advance, do, message, opened

BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BEFORE + timedelta(days=1)


def receipt(at: datetime) -> str:
    return earliest_receipt(int(at.timestamp() * 1000))


class Engine:
    """What an engine has of its store."""

    def __init__(self, server: EmbeddedServer, var: Path, *, is_ours: bool = True) -> None:
        self.client = connect(server.url)
        self.store = RedisStore(self.client)
        self.found = 0
        self.look = MarkLook(
            self.client,
            var,
            ("acme", "beta"),
            is_ours=is_ours,
            now=lambda: NOW,
            before=receipt,
            found=self._find,
        )
        self.look(afresh=True)

    def _find(self) -> None:
        self.found += 1

    def orders(self) -> list[Order | None]:
        view = do(self.store, Survey(("acme", "beta")))
        assert isinstance(view, View)
        return [lane.order for lane in view.lanes]

    def close(self) -> None:
        self.store.close()
        self.client.close()


@contextmanager
def running(var: Path, *, is_ours: bool = True) -> Iterator[Engine]:
    server = EmbeddedServer(var)
    server.start()
    try:
        with closing(Engine(server, var, is_ours=is_ours)) as engine:
            yield engine
    finally:
        server.stop()


def put_back(var: Path, copy: Path) -> None:
    shutil.rmtree(var / "store")
    shutil.copytree(copy, var / "store")


def test_a_store_that_only_went_on_is_no_copy(var: Path) -> None:
    for _ in range(3):
        with running(var) as engine:
            engine.look(afresh=False)
            assert engine.found == 0
            assert engine.orders() == [None, None]


def test_an_old_copy_starts_paused_and_what_it_sends_is_marked(var: Path, tmp_path: Path) -> None:
    with running(var) as engine:
        do(engine.store, message(receipt(BEFORE), "acme"))
    shutil.copytree(var / "store", tmp_path / "copy")
    with running(var) as engine:
        claimed = do(engine.store, Claim("acme", "engine", LEASE_MS))
        assert isinstance(claimed, Claimed)
        head = opened(do(engine.store, advance("acme", claimed.fence, 1)))
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        do(engine.store, advance("acme", claimed.fence, 2, close))
    put_back(var, tmp_path / "copy")
    with running(var) as engine:
        assert engine.found == 1
        assert engine.orders() == [Order.PAUSE, Order.PAUSE]
        claimed = do(engine.store, Claim("acme", "engine", LEASE_MS, takeover=True))
        assert isinstance(claimed, Claimed)
        halted = do(engine.store, advance("acme", claimed.fence, 1))
        assert halted == Halted(Halt.PAUSED)
        do(engine.store, Control("acme", Order.RESUME, "", b"resume"))
        do(engine.store, message(receipt(NOW + timedelta(seconds=1)), "acme"))
        head = opened(do(engine.store, advance("acme", claimed.fence, 2)))
        assert head.possible_duplicate
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        new = opened(do(engine.store, advance("acme", claimed.fence, 3, close)))
        assert not new.possible_duplicate
        ledger = do(engine.store, ReadLedger())
        assert isinstance(ledger, tuple)
        assert sum(b'"by":"payergate"' in record[1] for record in ledger) == 2  # type: ignore[operator,index]
    with running(var) as engine:
        assert engine.found == 0, "it is told once"
        assert engine.orders() == [None, Order.PAUSE]


def test_a_store_that_was_emptied_under_a_running_engine_is_found_at_the_next_look(
    var: Path,
) -> None:
    with running(var) as engine:
        engine.client.flushall()
        engine.look(afresh=False)
        assert engine.found == 1
        assert engine.orders() == [Order.PAUSE, Order.PAUSE]


def test_a_killed_lane_stays_killed(var: Path) -> None:
    with running(var) as engine:
        do(engine.store, Control("acme", Order.KILL, "breach", b"kill"))
        engine.look._known += 10
        engine.look(afresh=False)
        assert engine.orders() == [Order.KILL, Order.PAUSE]


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_store_without_its_mark_beside_it_is_a_copy_only_where_both_were_together(
    var: Path, is_ours: bool
) -> None:
    """A backup has no var/run; an engine with a new var/ on a shared store is nothing special."""
    with running(var):
        pass
    (var / MARK_FILE).unlink()
    with running(var, is_ours=is_ours) as engine:
        assert engine.found == int(is_ours)


def test_a_mark_that_cannot_be_written_stops_nobody(var: Path) -> None:
    with running(var) as engine:
        (var / MARK_FILE).unlink()
        (var / MARK_FILE).mkdir()
        engine.look(afresh=False)
        assert read_mark(var / MARK_FILE) == 0
        (var / MARK_FILE).rmdir()
        engine.look(afresh=False)
        assert (engine.found, read_mark(var / MARK_FILE)) == (0, 3)


def test_a_full_store_is_marked_too(var: Path) -> None:
    with running(var) as engine:
        engine.client.config_set("maxmemory", "1")
        engine.look(afresh=False)
        assert read_mark(var / MARK_FILE) == 2
