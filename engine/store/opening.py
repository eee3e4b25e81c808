"""A store as a site's settings name it, ready for use.

Law: nobody gets a store that has not passed its check.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.config.model import StoreSettings
from engine.errors import StoreError
from engine.store.check import Concern, check_server
from engine.store.client import connect
from engine.store.embedded import PATIENCE_S, EmbeddedServer
from engine.store.port import Store
from engine.store.redis import RedisStore

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """The store, its server if that is ours, and what every report should say about it."""

    store: Store
    server: EmbeddedServer | None
    concerns: tuple[Concern, ...] = ()


def url_of(settings: StoreSettings) -> str:
    """`embedded`, or where the store is; it may hold a password, so show it to nobody.

    Raises `StoreError` when the variable or the file that should have it does not.
    """
    if settings.url:
        return settings.url
    file = settings.url_file
    where = f"the environment variable {settings.url_env}" if file is None else f"the file {file}"
    try:
        url = os.environ.get(settings.url_env, "") if file is None else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        url = ""
    if not url.strip():
        raise StoreError(
            "store-url-missing",
            f"{where} does not say where the store is.",
            "Have it hold the URL, and let the engine's user read it.",
        )
    return url.strip()


def open_checked(settings: StoreSettings, var: Path, patience_s: float = PATIENCE_S) -> OpenedStore:
    """Adopt or start the embedded server, or reach the one of the url; check it.

    `patience_s`: how long an embedded server that was found and does not answer is waited for.
    Raises `StoreError` when it must not be used or cannot be had.
    """
    server = None
    url = url_of(settings)
    if url == EMBEDDED:
        server = EmbeddedServer(var, patience_s=patience_s)
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
