"""Restrictions entered in a running engine's registry, without a process for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from engine.privacy.acts import Act
from engine.privacy.facts import Item, ItemKind, Restriction
from engine.privacy.patients import Patient
from engine.privacy.registry import Change
from engine.registering import StoredRegistry
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Store
from engine.store.redis import RedisStore
from engine.store.sealing import Sealer
from tests.support.estate import CHANNELS, Estate

ACT = Act("ann", datetime(2026, 3, 1, tzinfo=UTC), "asked for")
EVERYTHING = Item(ItemKind.EVERYTHING)


@contextmanager
def store_of(estate: Estate) -> Iterator[Store]:
    """The store that the engine runs on."""
    store = RedisStore(connect(EmbeddedServer(estate.site / "var").url))
    try:
        yield store
    finally:
        store.close()


def restrict_at_once(estate: Estate, patient: str, item: Item = EVERYTHING) -> Change:
    """As `restriction add` does: what became of it."""
    fact = Restriction(Patient(patient, ""), frozenset({item}))
    with store_of(estate) as store:
        sealing = Sealer.from_file(estate.site / "var" / "keys")
        change = StoredRegistry(store, sealing, CHANNELS).add(fact, ACT)
    assert change.version
    return change
