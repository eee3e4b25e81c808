"""What the store acknowledged is in what its last fsync put on the disk.

A SIGKILL proves nothing about fsync: the page cache survives it, and so does what was written and
never synced. A power failure keeps of a log only what was synced; that is what these tests start
from. After each answer they note how long the append-only file was, and that the kernel has no page
of it left to write (`cachestat`, Linux 6.5): then its last fsync covered at least that length. The
file is cut back to there, a server is started from it, and nothing that was acknowledged may be
missing. `cachestat` is tried first on a server that does not sync. Where the kernel or the file
system cannot tell the two apart, the length at the answer stands alone: then the tests show that
everything was written before the answer, and that it was synced rests on the server's setting.

Cuts at every other length show that a call is on the disk whole or not at all.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import (
    Accept,
    Accepted,
    Claim,
    Claimed,
    Fetch,
    Final,
    Postpone,
    ReadLedger,
    Settle,
    Store,
    Survey,
    View,
)
from engine.store.redis import RedisStore
from tests.support.store_samples import LEASE_MS, advance, do, message, opened

_CACHESTAT = 451  # the same number on every architecture


class _Range(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _CacheStat(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("cache", "dirty", "writeback", "evicted", "recently_evicted")
    )


def _unsynced_pages(path: Path) -> int | None:
    """Pages of the file that are not on the disk yet; None when the kernel does not tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = _CacheStat()
    file = os.open(path, os.O_RDONLY)
    try:
        failed = libc.syscall(_CACHESTAT, file, ctypes.byref(_Range(0, 0)), ctypes.byref(found), 0)
    finally:
        os.close(file)
    return None if failed else int(found.dirty + found.writeback)


@contextmanager
def _running(var: Path) -> Iterator[tuple[EmbeddedServer, RedisStore]]:
    server = EmbeddedServer(var)
    server.start()
    store = RedisStore(connect(server.url))
    try:
        yield server, store
    finally:
        store.close()
        server.stop()


def _log_of(var: Path) -> Path:
    (log,) = (var / "store" / "appendonlydir").glob("*.incr.aof")
    return log


def _kernel_tells(var: Path) -> bool:
    """Whether `cachestat` sees the difference that appendfsync makes here."""
    with _running(var) as (server, store):
        client = connect(server.url)
        client.config_set("appendfsync", "no")
        client.close()
        store.execute([message(f"R{n}", "acme") for n in range(20)])
        return bool(_unsynced_pages(_log_of(var)))


def _synced_bytes(log: Path, kernel_tells: bool) -> int:
    """How long the log is, all of it on the disk."""
    length = log.stat().st_size
    if kernel_tells:
        assert _unsynced_pages(log) == 0
    return length


def _cut(var: Path, length: int, into: Path) -> Path:
    """A copy of the site's store as a power failure would have left it."""
    shutil.copytree(var / "store", into / "store")
    os.truncate(_log_of(into), length)
    return into


@dataclass(frozen=True)
class _State:
    depth: int
    delivered: int
    attempts: int
    open_entry: str
    records: list[bytes]


def _state(store: Store) -> _State:
    view = do(store, Survey(("acme",)))
    assert isinstance(view, View)
    lane = view.lanes[0]
    ledger = do(store, ReadLedger())
    assert isinstance(ledger, tuple)
    records = [record[1] for record in ledger if isinstance(record, tuple)]
    return _State(lane.depth, lane.delivered, lane.attempts, lane.open_entry, records)


def _batches() -> list[list[Accept]]:
    return [
        [message(f"R{batch}-{n}", "acme", "beta", withheld=["gamma"]) for n in range(batch + 1)]
        for batch in range(6)
    ]


def test_everything_answered_is_on_the_disk(tmp_path: Path) -> None:
    """I1, I8: accepted messages, open attempts and settled entries alike."""
    kernel_tells = _kernel_tells(tmp_path / "trial")
    var = tmp_path / "var"
    answered: list[tuple[int, _State]] = []
    with _running(var) as (_, store):

        def note() -> None:
            length = _synced_bytes(_log_of(var), kernel_tells)
            answered.append((length, _state(store)))

        for batch in _batches():
            store.execute(batch)
            note()
        claimed = do(store, Claim("acme", "engine", LEASE_MS))
        assert isinstance(claimed, Claimed)
        head = opened(do(store, advance("acme", claimed.fence, 1)))
        note()
        later = Postpone(head.entry, 0, "no answer", unknown=True)
        head = opened(do(store, advance("acme", claimed.fence, 2, later)))
        note()
        close = Settle(head.entry, Final.DELIVERED, b'{"delivered": 1}')
        do(store, advance("acme", claimed.fence, 3, close))
        note()
        do(store, message("later", "acme"))  # what the cut takes away
    for n, (length, state) in enumerate(answered):
        with _running(_cut(var, length, tmp_path / f"cut-{n}")) as (_, store):
            assert _state(store) == state


def test_an_attempt_that_was_open_is_known_after_the_power_is_back(tmp_path: Path) -> None:
    """No byte may leave of which no trace remains: the next attempt is a possible duplicate."""
    kernel_tells = _kernel_tells(tmp_path / "trial")
    var = tmp_path / "var"
    with _running(var) as (_, store):
        do(store, message("R1", "acme"))
        claimed = do(store, Claim("acme", "before", LEASE_MS))
        assert isinstance(claimed, Claimed)
        opened(do(store, advance("acme", claimed.fence, 1)))
        length = _synced_bytes(_log_of(var), kernel_tells)
    with _running(_cut(var, length, tmp_path / "cut")) as (_, store):
        again = do(store, Claim("acme", "after", LEASE_MS, takeover=True))
        assert isinstance(again, Claimed)
        assert again.fence > claimed.fence
        head = opened(do(store, advance("acme", again.fence, 1)))
        assert (head.attempt, head.possible_duplicate) == (2, True)


def test_a_call_is_on_the_disk_whole_or_not_at_all(tmp_path: Path) -> None:
    """Wherever the log ends, no message is there by half; repeating what had no answer mends it."""
    var = tmp_path / "var"
    batches = _batches()
    lengths = []
    with _running(var) as (_, store):
        for batch in batches:
            store.execute(batch)
            lengths.append(_log_of(var).stat().st_size)
    chance = random.Random(20261124)
    for n, (start, end) in enumerate(pairwise(lengths)):
        length = chance.randrange(start, end)
        with _running(_cut(var, length, tmp_path / f"cut-{n}")) as (_, store):
            whole = sum(len(batch) for batch in batches[: n + 1])
            assert _state(store).depth == whole
            assert len(_state(store).records) == whole
            for operation in batches[n + 1]:
                assert do(store, Fetch(operation.receipt)) is None
            store.execute(batches[n])
            answers = store.execute(batches[n + 1])
            assert answers == [Accepted(op.receipt) for op in batches[n + 1]]
            assert _state(store).depth == whole + len(batches[n + 1])
