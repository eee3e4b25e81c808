"""A store as a site's settings name it, ready for use.

Law: nobody gets a store that has not passed its check.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config.model import StoreSettings
from engine.store.check import Concern, check_server
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Store
from engine.store.redis import RedisStore

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """The store, its server if that is ours, and what every report should say about it."""

    store: Store
    server: EmbeddedServer | None
    concerns: tuple[Concern, ...] = ()


def open_checked(settings: StoreSettings, var: Path) -> OpenedStore:
    """Adopt or start the embedded server, or reach the one of the url; check it.

    Raises `StoreError` when it must not be used or cannot be had.
    """
    server = None
    url = settings.url
    if url == EMBEDDED:
        server = EmbeddedServer(var)
        server.start()
        url = server.url
    client = connect(url)
    try:
        concerns = check_server(client)
    finally:
        client.close()
    return OpenedStore(RedisStore(client, settings.replicas), server, concerns)


def open_store(settings: StoreSettings, var: Path) -> tuple[Store, EmbeddedServer | None]:
    """As `open_checked`, for commands that have nobody to tell concerns."""
    opened = open_checked(settings, var)
    return opened.store, opened.server
