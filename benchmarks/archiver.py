"""The archiver beside the engine: what it costs intake and delivery, and how it keeps up."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from benchmarks import machine
from benchmarks.generator import quantile_ms
from benchmarks.intake import teach
from benchmarks.messages import VISITS
from benchmarks.processes import Engine, engine, generate, insurers
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site
from engine.archive.entries import read_record
from engine.archive.opening import open_archive
from engine.cli.reach import running_store
from engine.config.load import load_site
from engine.intake.receipts import received_ms
from engine.store.port import Backlog, ReadLedger, Unarchived

_APART = 10_000_000
_CATCH_UP_S = 120.0


def archiver(folder: pathlib.Path, seconds: float) -> Part:
    """Half of full load with and without an archiver; its lag, and how fast it catches up."""
    full = _beside(folder / "full", seconds, rate=0)
    rate = full["rate"] / 2
    without = _beside(folder / "without", seconds, rate=rate, archive=False)
    beside = _beside(folder / "with", seconds, rate=rate)
    figures = [
        Figure("full load, end to end to 3 insurers", full["rate"], "messages/s"),
        Figure("archiver's lag at half of it, worst", beside["lag_s"], "s"),
        Figure("archiver's catch-up", beside["catch_up"], "messages/s"),
        Figure("ledger records of one message", beside["records"], "records"),
    ]
    targets = []
    for what in ("intake", "delivery"):
        figures.append(Figure(f"{what} p99 at half load, no archiver", without[what], "ms"))
        figures.append(Figure(f"{what} p99 at half load, archiver", beside[what], "ms"))
        name = f"{what} p99, with / without archiver"
        targets.append(Target(name, beside[what] / without[what], 1.25, at_least=False))
    return Part("", tuple(figures), tuple(targets))


def _beside(
    folder: pathlib.Path, seconds: float, *, rate: float, archive: bool = True
) -> dict[str, float]:
    """One engine under one load. `rate` 0: as fast as it goes, end to end."""
    messages = int(rate * seconds) if rate else int(200 * seconds)
    with insurers(len(CHANNELS), VISITS, VISITS + messages) as running_insurers:
        write_site(folder, running_insurers.ports)
        if not archive:
            with (folder / "config.yaml").open("a") as config:
                config.write("archive: {url: none}\n")
        with engine(folder) as running:
            teach(running.port)
            running_insurers.reached_at()
            if not rate:
                load: dict[str, float] = {
                    "connections": 32,
                    "window": 1,
                    "limit": messages,
                    "warm_up": 0,
                }
                report = generate(running.port, "oru26", first=_APART, **load)
                took = running_insurers.reached_at() - report["begin"]
                return {"rate": messages / took}
            with _watched(folder, archive) as lags:
                load = {"connections": 8, "rate": rate, "seconds": seconds}
                report = generate(running.port, "oru26", first=_APART, **load)
                running_insurers.reached_at()
            ages = _delivery_ms(folder, archive)
            found = {"intake": report["p99_ms"], "delivery": ages, "lag_s": max(lags, default=0.0)}
            return found | (_catching_up(folder, running, rate, seconds) if archive else {})


@contextlib.contextmanager
def _watched(folder: pathlib.Path, archive: bool) -> Iterator[list[float]]:
    """How old the oldest record is that waits for the archive, in seconds, every half second."""
    lags: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            oldest_ms = _backlog(folder).oldest_ms
            lags.append(time.time() - oldest_ms / 1000 if oldest_ms else 0.0)

    watching = threading.Thread(target=watch)
    if archive:
        watching.start()
    try:
        yield lags
    finally:
        over.set()
        if archive:
            watching.join()


def _backlog(folder: pathlib.Path) -> Unarchived:
    with running_store(load_site(folder)) as store:
        return cast("Unarchived", store.execute([Backlog()])[0])


def _until_archived(folder: pathlib.Path) -> None:
    deadline = time.monotonic() + _CATCH_UP_S
    while _backlog(folder).records:
        if time.monotonic() > deadline:
            raise RuntimeError("the archiver does not come along")
        time.sleep(0.05)


def _delivery_ms(folder: pathlib.Path, archive: bool) -> float:
    """The p99 from receipt to the insurer's answer, by the engine's records."""
    if archive:
        _until_archived(folder)
        with open_archive(load_site(folder)) as database, database.reading() as connection:
            asked = "SELECT receipt, at_ms FROM ledger WHERE kind = 'delivered'"
            ends = [(row.receipt, row.at_ms) for row in connection.exec_driver_sql(asked)]
    else:
        ends = [
            (record["receipt"], datetime.fromisoformat(record["at"]).timestamp() * 1000)
            for record in _records(folder)
            if record["kind"] == "delivered"
        ]
    taught = sorted({receipt for receipt, _ in ends})[:VISITS]
    ages = [
        (at_ms - received_ms(receipt)) / 1000 for receipt, at_ms in ends if receipt > taught[-1]
    ]
    return quantile_ms(ages, 0.99)


def _records(folder: pathlib.Path) -> Iterator[dict[str, Any]]:
    """All that the store's ledger has."""
    after = ""
    with running_store(load_site(folder)) as store:
        while True:
            answer = store.execute([ReadLedger(after)])[0]
            page = cast("tuple[tuple[str, bytes], ...]", answer)
            yield from (read_record(record) for _, record in page)
            if not page:
                return
            after = page[-1][0]


def _catching_up(
    folder: pathlib.Path, running: Engine, rate: float, seconds: float
) -> dict[str, float]:
    """Stop the archiver for a while of load, let it go on, and see how fast it comes along."""
    process = next(
        pid
        for pid in machine.descendants(running.supervisor)
        if "engine.archiving" in machine.command(pid)
    )
    os.kill(process, signal.SIGSTOP)
    try:
        load = {"connections": 8, "rate": rate, "seconds": seconds}
        sent = generate(running.port, "oru26", first=2 * _APART, **load)["sent"]
        time.sleep(1.0)
        records = _backlog(folder).records
    finally:
        os.kill(process, signal.SIGCONT)
    begin = time.monotonic()
    _until_archived(folder)
    return {"catch_up": sent / (time.monotonic() - begin), "records": records / sent}
