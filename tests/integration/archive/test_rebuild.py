"""The privacy registry of a store that is lost is made again of the archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
import sqlalchemy as sa

from engine.archive import schema
from engine.archive.history import Extent, extent
from engine.archive.rebuild import Rebuilder, read_doubt
from engine.privacy.acts import Act, RegistryError
from engine.privacy.facts import Restriction, RestrictionReason
from engine.privacy.patients import Patient
from engine.registering import StoredRegistry
from engine.store.doubt import Doubt
from engine.store.memory import MemoryStore
from engine.store.port import Changed, News
from tests.support.archive_rig import Rig

ACT = Act("ann", datetime(2026, 3, 1, tzinfo=UTC), "asked for")


def restriction(patient: str) -> Restriction:
    return Restriction(
        Patient(patient, ""), frozenset(), None, RestrictionReason.PATIENT_REQUEST, None, None
    )


def registry(rig: Rig, store: MemoryStore | None = None) -> StoredRegistry:
    return StoredRegistry(store or rig.store, rig.sealer, ("acme",))


def fill(rig: Rig) -> None:
    """Five changes of three patients, archived."""
    keeper = registry(rig)
    changes = [
        keeper.add(restriction(patient), ACT) for patient in ("PATIENT-1", "PATIENT-2", "PATIENT-3")
    ]
    keeper.end("PATIENT-1", changes[0].entry, ACT)
    keeper.add(replace(restriction("PATIENT-2"), channels=frozenset({"acme"})), ACT)
    rig.archive()


def rebuilder(rig: Rig, store: MemoryStore) -> Rebuilder:
    return Rebuilder(rig.database, store, rig.verifier, rig.clock)


def lost(rig: Rig, doubt: Doubt) -> MemoryStore:
    store = MemoryStore(rig.clock)
    store.registry.doubt = doubt.write()
    return store


def after(rig: Rig) -> int:
    rig.clock.pass_s(60)
    return int(rig.clock.now().timestamp() * 1000)


def test_every_change_is_in_the_archive_with_what_was_held_then(rig: Rig) -> None:
    fill(rig)
    with rig.database.reading() as connection:
        assert extent(connection) == Extent(newest=5, changes=5, patients=3)
    rows = rig.rows(schema.registry)
    assert [row.id for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].subject == rows[3].subject
    assert "PATIENT-1" not in str(rows)
    assert "asked for" in rows[0].record


def test_a_lost_registry_is_made_again_and_believed_by_itself(rig: Rig) -> None:
    fill(rig)
    store = lost(rig, Doubt(after(rig), noted=5))
    with pytest.raises(RegistryError, match="registry-doubted"):
        registry(rig, store).held("PATIENT-2")
    assert rebuilder(rig, store).step() is True
    assert rebuilder(rig, store).step() is None
    assert read_doubt(store) == b""
    for patient in ("PATIENT-1", "PATIENT-2", "PATIENT-3"):
        assert registry(rig, store).held(patient) == registry(rig).held(patient)
    old, new = (one.execute([News(0)])[0] for one in (rig.store, store))
    assert old == new
    (record,) = [text for _, text in store.journal.ledger]
    assert b'"kind":"registry-rebuilt"' in record


def test_what_the_archive_had_not_got_is_named_and_waits_for_a_person(rig: Rig) -> None:
    fill(rig)
    store = lost(rig, Doubt(after(rig), noted=7))
    at_work = rebuilder(rig, store)
    assert at_work.step() is False
    assert at_work.step() is None, "it is said once"
    assert rebuilder(rig, store).step() is False, "and by the next one again"
    doubt = Doubt.read(read_doubt(store))
    assert "2 changes since 2026-0" in doubt.text("UTC")
    assert cast("Changed", store.execute([News(0)])[0]).newest == 5


def test_an_archive_that_is_not_as_it_was_written_is_not_believed(rig: Rig) -> None:
    fill(rig)
    with rig.database.writing() as connection:
        table = schema.registry
        old = connection.execute(sa.select(table.c.sealed).where(table.c.id == 1)).scalar_one()
        connection.execute(table.update().where(table.c.id == 4).values(sealed=old))
    store = lost(rig, Doubt(after(rig), noted=5))
    assert rebuilder(rig, store).step() is False
    assert "1 flaws" in Doubt.read(read_doubt(store)).text("UTC")
    assert cast("Changed", store.execute([News(0)])[0]).newest == 0


def test_a_snapshot_that_is_gone_or_new_in_the_archive_is_found(rig: Rig) -> None:
    fill(rig)
    with rig.database.writing() as connection:
        table = schema.registry
        connection.execute(table.update().where(table.c.id == 5).values(id=6))
    store = lost(rig, Doubt(after(rig), noted=5))
    assert rebuilder(rig, store).step() is False
    assert "2 flaws" in Doubt.read(read_doubt(store)).text("UTC")


def test_a_new_store_beside_an_empty_archive_is_believed(rig: Rig) -> None:
    store = lost(rig, Doubt(after(rig), noted=-1, is_new=True))
    assert rebuilder(rig, store).step() is True


def test_a_new_store_beside_an_archive_that_knows_messages_waits_for_a_person(rig: Rig) -> None:
    fill(rig)
    store = lost(rig, Doubt(after(rig), noted=-1, is_new=True))
    assert rebuilder(rig, store).step() is False
    assert registry_version(store) == 5


def test_an_older_store_gets_what_it_has_forgotten(rig: Rig) -> None:
    keeper = registry(rig)
    keeper.add(restriction("PATIENT-1"), ACT)
    store = MemoryStore(rig.clock)
    was = cast("MemoryStore", rig.store)
    store.registry.held = dict(was.registry.held)
    store.registry.versions = dict(was.registry.versions)
    keeper.add(restriction("P2"), ACT)
    rig.archive()
    store.registry.doubt = Doubt(after(rig), noted=2).write()
    assert rebuilder(rig, store).step() is True
    assert registry(rig, store).held("P2") == keeper.held("P2")


def registry_version(store: MemoryStore) -> int:
    return cast("Changed", store.execute([News(0)])[0]).newest
