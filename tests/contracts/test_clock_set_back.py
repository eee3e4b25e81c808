"""A store's clock that was years ahead and is set right: no lane stands still until that year.

The memory's clock is set back. The server's cannot be, so what it had written by the wrong clock is
put into its lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.keys import lane
from engine.store.memory import MemoryStore
from engine.store.port import Claim, Claimed, Halt, Halted, Opened, Postpone, Store
from engine.store.redis import RedisStore
from tests.support.store_samples import LEASE_MS, advance, do, message, opened

DELAY_MS = 20_000
YEARS_MS = 10 * 365 * 86_400_000


class _Clock:
    time = datetime(2036, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass
class Subject:
    """A store, and how its clock is set back by ten years."""

    store: Store
    set_back: Callable[[], object]


@pytest.fixture(params=["memory", "redis"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "memory":
        clock = _Clock()

        def set_back() -> None:
            clock.time -= timedelta(milliseconds=YEARS_MS)

        yield Subject(MemoryStore(clock), set_back)
        return
    server = EmbeddedServer(tmp_path / "var")
    server.start()
    client = connect(server.url)

    def put_ahead() -> None:
        fields = cast("dict[bytes, bytes]", client.hgetall(lane("acme")))
        for name, value in fields.items():
            if name in (b"until_ms", b"not_before_ms", b"postponed_ms") and value != b"0":
                client.hset(lane("acme"), name.decode(), str(int(value) + YEARS_MS))

    store = RedisStore(client)
    yield Subject(store, put_ahead)
    store.close()
    client.close()
    server.stop()


def test_a_wait_is_no_longer_than_was_meant(subject: Subject) -> None:
    store = subject.store
    do(store, message("R1", "acme"))
    fence = claimed(store, "engine-1").fence
    head = opened(do(store, advance("acme", fence, 1)))
    postpone = Postpone(head.entry, DELAY_MS, "refused", unknown=False)
    do(store, advance("acme", fence, 2, postpone))
    subject.set_back()
    halted = do(store, advance("acme", fence, 3))
    assert isinstance(halted, Halted)
    assert halted.why is Halt.WAIT
    assert 0 < halted.wait_ms <= DELAY_MS


def test_a_lease_is_no_longer_than_was_meant(subject: Subject) -> None:
    store = subject.store
    assert claimed(store, "engine-1").fence
    subject.set_back()
    refused = claimed(store, "engine-2")
    assert refused.fence == 0, "whoever holds it may still be sending"
    assert 0 < refused.wait_ms <= LEASE_MS
    again = claimed(store, "engine-2")
    assert again.wait_ms <= refused.wait_ms, "and that time passes"


def claimed(store: Store, holder: str) -> Claimed:
    answer: Any = do(store, Claim("acme", holder, LEASE_MS))
    assert isinstance(answer, Claimed)
    return answer


def test_a_copy_still_leaves(subject: Subject) -> None:
    do(subject.store, message("R1", "acme"))
    subject.set_back()
    fence = claimed(subject.store, "engine-1").fence
    assert isinstance(do(subject.store, advance("acme", fence, 1)), Opened)
