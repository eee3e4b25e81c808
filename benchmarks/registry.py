"""What a large registry costs: a million patients' coverage, and the entries of every twentieth.

Two engines, one of them with empty registries, are measured in turn under the same load: admissions
of ever other patients, and results of a few visits. The lanes are paused.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from benchmarks import machine
from benchmarks.intake import pause_all, teach
from benchmarks.messages import VISITS
from benchmarks.processes import Engine, engine, generate
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site
from engine.config.load import load_site
from engine.config.model import Site
from engine.intake.registered import Registered
from engine.intake.sealed import coverage_name, seal_coverages
from engine.privacy.acts import Act
from engine.privacy.facts import (
    CoverageKey,
    CoverageRow,
    Coverages,
    Item,
    ItemKind,
    Level,
    Restriction,
)
from engine.privacy.patients import Patient
from engine.registering import StoredRegistry
from engine.store import keys
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Backlog, Changed, LetGo, ReadLedger, Store, Unarchived
from engine.store.redis import RedisStore
from engine.store.sealing import Sealer

_ROUNDS = 3
_CONNECTIONS = 32
_NOBODY = 9
_APART = 10_000_000
_PAGE = 10_000
_ACT = Act("benchmark", datetime(2026, 3, 1, tzinfo=UTC), "measured")
_KNOWN = Coverages(tuple(CoverageRow(channel) for channel in CHANNELS))


def measure(folder: pathlib.Path, seconds: float, patients: int, entries: int) -> Part:
    """Fill one of two stores, start both engines, and let them take turns."""
    empty, full = folder / "empty", folder / "full"
    for site in (empty, full):
        write_site(site, [_NOBODY] * len(CHANNELS))
    figures, targets = _fill(load_site(full), patients, entries)
    began = time.monotonic()
    with engine(full) as large:
        ready_s = time.monotonic() - began
        began = time.monotonic()
        with engine(empty) as small:
            figures += [
                Figure(f"start, {entries} with entries", ready_s, "s"),
                Figure("start, nobody", time.monotonic() - began, "s"),
            ]
            apart = [machine.resident_bytes(one.worker) for one in (large, small)]
            per_entry = (apart[0] - apart[1]) / entries
            figures.append(Figure("worker's memory for an entry", per_entry, "bytes"))
            pause_all(empty)
            pause_all(full)
            found, ratios = _take_turns({"empty": small, "full": large}, seconds, patients)
    return Part(
        f"Registry: {patients} patients known, {entries} with entries",
        (*figures, *found),
        (*targets, *ratios),
    )


def _take_turns(
    engines: dict[str, Engine], seconds: float, patients: int
) -> tuple[list[Figure], list[Target]]:
    """The median rate of each engine and shape, and the ratios."""
    for one in engines.values():
        teach(one.port)
    figures, targets, first = [], [], 0
    for shape, visits in (("adt8", patients), ("oru26", VISITS)):
        rates: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(_ROUNDS):
            first += 1
            for name, one in engines.items():
                load = {"connections": _CONNECTIONS, "window": 1, "seconds": seconds}
                load |= {"first": first * _APART, "visits": visits, "warm_up": min(1, seconds / 3)}
                rates[name].append(generate(one.port, shape, **load)["per_second"])
        medians = {name: statistics.median(found) for name, found in rates.items()}
        figures += [
            Figure(f"durable intake, {shape}, {name} registry", rate, "messages/s")
            for name, rate in medians.items()
        ]
        targets.append(
            Target(f"full / empty registry, {shape}", medians["full"] / medians["empty"], 0.85)
        )
    return figures, targets


def _fill(site: Site, patients: int, entries: int) -> tuple[list[Figure], list[Target]]:
    """Make a store with both registries; what they take, and how long they take to be read."""
    sealer = Sealer.of(site.keys, create=True)
    with _server(site) as url, connect(url) as client:
        before = _used(client)
        for start in range(0, patients, _PAGE):
            numbers = range(start, min(start + _PAGE, patients))
            client.hset(keys.COVERAGE, mapping=dict(_coverage(sealer, n) for n in numbers))
        known = _used(client)
        store = RedisStore(client)
        facts = [
            Restriction(
                Patient(f"P{number:07d}", "EAST"), frozenset({Item(ItemKind.VISIT, "ELSEWHERE")})
            )
            for number in range(0, patients, patients // entries)
        ]
        began = time.monotonic()
        StoredRegistry(store, sealer, CHANNELS).add_all(facts, _ACT)
        entered_s = time.monotonic() - began
        _forget_ledger(store)
        entered = _used(client)
        projected_s = _projection_s(store, sealer, entries)
        store.close()
    figures = [
        Figure("store's memory for a patient's coverage", (known - before) / patients, "bytes"),
        Figure("store's memory for an entry", (entered - known) / entries, "bytes"),
        Figure("entering, a store with fsync", entries / entered_s, "entries/s"),
        Figure("projection", projected_s, "s"),
    ]
    return figures, [Target("projection at the start, s", projected_s, 60, at_least=False)]


def _coverage(sealer: Sealer, number: int) -> tuple[bytes, bytes]:
    name = coverage_name(sealer, CoverageKey(Level.PATIENT, f"P{number:07d}", "EAST"))
    return name, seal_coverages(sealer, name, _KNOWN)


def _projection_s(store: Store, sealer: Sealer, entries: int) -> float:
    """How long a worker takes to learn who has entries, as it does at its start."""
    registered, began = Registered(sealer), time.monotonic()
    while registered.learned(cast("Changed", store.execute([registered.news()])[0])):
        pass
    if len(registered) != entries:
        raise RuntimeError(f"{len(registered)} of {entries} patients were learned")
    return time.monotonic() - began


def _forget_ledger(store: Store) -> None:
    """So that neither memory nor the archiver's work is counted."""
    while cast("Unarchived", store.execute([Backlog()])[0]).records:
        found = cast("tuple[tuple[str, bytes], ...]", store.execute([ReadLedger("", 10_000)])[0])
        store.execute([LetGo(found[-1][0])])


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


@contextlib.contextmanager
def _server(site: Site) -> Iterator[str]:
    server = EmbeddedServer(site.var)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
