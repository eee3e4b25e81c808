"""What is found, on both databases; and that no search reads more than its index."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.dialects import sqlite

from engine.archive.search import Query, _walks, search
from engine.archive.terms import patient_term
from engine.store.port import Final
from tests.support.archive_rig import Rig, adt


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(from_ms=10**12),
        Query(terms=(b"x" * 16,)),
        Query(terms=(b"x" * 16, b"y" * 16), type="ADT"),
        Query(terms=(b"x" * 16,), channel="acme", outcome="delivered"),
        Query(type="ADT^A01"),
        Query(type="ADT"),
        Query(channel="acme", outcome="parked"),
        Query(channel="acme", type="ORU"),
        Query(outcome="parked"),
    ],
    ids=str,
)
def test_every_search_walks_an_index(on_sqlite: Rig, query: Query) -> None:
    rig = on_sqlite
    for number in range(3):
        rig.take(adt(f"M{number}"))
    rig.archive()
    with rig.database.reading() as connection:
        for walk, _ in _walks(connection, replace(query, channels=("acme", "beta"))):
            asked = walk.limit(100).compile(
                dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
            )
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")
            plan = [row[3] for row in rows]
            assert not [step for step in plan if step.startswith("SCAN")], plan
            assert not [step for step in plan if "TEMP B-TREE" in step and not query.terms], plan


def found(rig: Rig, **asked: object) -> list[str]:
    query = Query(**{"channels": ("acme", "beta"), **asked})  # type: ignore[arg-type]
    with rig.database.reading() as connection:
        return [one.control_id for one in search(connection, query)]


def test_the_latest_come_first_and_everything_asked_must_agree(rig: Rig) -> None:
    for number in range(6):
        payers = ("acme", "beta") if number % 2 else ("gamma",)
        raw = adt(f"M{number}", f"P{number % 3}", *payers)
        rig.take(raw.replace(b"ADT^A01|", b"ADT^A01^ADT_A01|") if number % 2 else raw)
        rig.clock.pass_s(43_200)
    rig.end("acme")
    rig.end("acme", Final.PARKED, ack="AR", reason="refused")
    rig.archive()
    everything = [f"M{number}" for number in (5, 4, 3, 2, 1, 0)]
    patient = (patient_term(rig.sealer, "P1"),)
    assert found(rig) == everything
    assert found(rig, type="ADT") == found(rig, type="ADT^A01") == everything
    assert found(rig, type="AD") == found(rig, type="ADT^A0") == found(rig, type="ORU") == []
    assert found(rig, type="ADT", limit=2) == ["M5", "M4"]
    assert found(rig, terms=patient) == ["M4", "M1"]
    assert found(rig, terms=patient, channel="acme") == ["M1"]
    assert found(rig, terms=patient, outcome="parked") == []
    assert found(rig, channel="acme") == ["M5", "M3", "M1"]
    assert found(rig, outcome="delivered") == ["M1"]
    assert found(rig, outcome="waiting") == ["M5", "M3", "M1"]
    assert found(rig, channel="acme", outcome="parked", type="ADT") == ["M3"]
    assert found(rig, outcome="withheld") == ["M4", "M2", "M0"]
    assert found(rig, outcome="withheld", channel="beta", limit=1) == ["M4"]
    day = int(rig.clock.now().timestamp() * 1000) - 86_400_000
    assert found(rig, from_ms=day) == ["M5", "M4"]
    assert found(rig, to_ms=day, terms=patient) == ["M1"]
