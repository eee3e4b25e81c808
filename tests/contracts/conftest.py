"""What the contracts of ports are tried on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.redis import RedisStore


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A real server, as a site's embedded store starts it."""
    server = EmbeddedServer(tmp_path_factory.mktemp("site") / "var")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_store(server: EmbeddedServer) -> Iterator[RedisStore]:
    """The store on that server, empty."""
    client = connect(server.url)
    client.flushall()
    client.close()
    store = RedisStore(client)
    yield store
    store.close()
