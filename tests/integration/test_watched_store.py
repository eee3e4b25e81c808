"""A store's settings are seen to while it is in use, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.store.check import SettingsLook
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Accepted, StoreUnavailable
from engine.store.redis import RedisStore
from engine.store.watched import LOOK_S, WatchedStore
from tests.support.store_samples import do, message


@dataclass
class Watch:
    """Time as the test wants it."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "var")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(server: EmbeddedServer, watch: Watch) -> Iterator[WatchedStore]:
    client = connect(server.url)
    with closing(WatchedStore(RedisStore(client), [SettingsLook(client)], watch)) as store:
        yield store


@pytest.mark.parametrize(
    "change",
    [
        ("appendfsync", "no", "always"),
        ("appendonly", "no", "yes"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ],
)
def test_nothing_is_done_on_a_store_that_has_become_unfit_until_it_is_fit_again(
    server: EmbeddedServer, store: WatchedStore, watch: Watch, change: tuple[str, str, str]
) -> None:
    setting, wrong, right = change
    do(store, message("R1", "acme"))
    with closing(connect(server.url)) as client:
        client.config_set(setting, wrong)
        watch.now_s += LOOK_S
        for _ in range(2):
            with pytest.raises(StoreUnavailable) as caught:
                do(store, message("R2", "acme"))
            assert caught.value.code == "store-not-durable"
            assert setting in caught.value.mend
        client.config_set(setting, right)
    assert do(store, message("R2", "acme")) == Accepted("R2")


def test_a_new_connection_is_looked_at_before_anything_is_done_on_it(
    server: EmbeddedServer, store: WatchedStore
) -> None:
    """Whatever answers now may be another server."""
    do(store, message("R1", "acme"))
    server.stop()
    with pytest.raises(StoreUnavailable):
        do(store, message("R2", "acme"))
    server.start()
    with closing(connect(server.url)) as client:
        client.config_set("appendfsync", "everysec")
        refusals = []
        for _ in range(2):  # the first may find out that the connection of the looks is gone
            with pytest.raises(StoreUnavailable) as caught:
                do(store, message("R2", "acme"))
            refusals.append(caught.value.code)
        assert refusals[-1] == "store-not-durable"
        client.config_set("appendfsync", "always")
    assert do(store, message("R2", "acme")) == Accepted("R2")


def test_a_server_that_hides_its_settings_is_asked_once(server: EmbeddedServer) -> None:
    with closing(connect(server.url)) as client:
        client.acl_setuser(
            "engine", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"]
        )
        hidden = connect(f"{server.url}?username=engine&password=x")
        watch = Watch()
        with closing(WatchedStore(RedisStore(hidden), [SettingsLook(hidden)], watch)) as store:
            for number in range(5):
                do(store, message(f"R{number}", "acme"))
                watch.now_s += LOOK_S
        calls: dict[str, int] = client.info("commandstats").get("cmdstat_config|get", {})
        assert calls.get("rejected_calls") == 1
