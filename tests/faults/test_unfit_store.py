"""A store whose settings are changed under a running engine: nothing is acknowledged meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from tests.support.estate import Estate
from tests.support.hospital import ask, make_messages


def wait_until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def told(estate: Estate, event: str, code: str = "") -> list[dict[str, object]]:
    """The events of that name, and code if one is given."""
    return [
        one
        for one in estate.log_events()
        if one["event"] == event and code in ("", one.get("code", ""))
    ]


def test_a_setting_that_loses_messages_stops_the_engine_until_it_is_put_right(
    tmp_path: Path,
) -> None:
    first, second = make_messages(1, 2, seed=1)
    with Estate(tmp_path) as estate:
        assert ask(estate.listener_port, first)
        with closing(connect(EmbeddedServer(estate.site / "var").url)) as client:
            client.config_set("appendfsync", "no")
            wait_until(lambda: told(estate, "store_unavailable", "store-not-durable"))
            assert not ask(estate.listener_port, second, seconds=2.0)
            (trouble,) = estate.status()["troubles"]
            assert trouble.startswith("store-not-durable")
            assert "appendfsync" in estate.command("status", "--check", code=2)["line"]
            client.config_set("appendfsync", "always")
        wait_until(lambda: told(estate, "store_back"))
        assert ask(estate.listener_port, second)
        assert estate.status()["troubles"] == []
