"""A million archived messages: search, size, erasing beside intake; and the archiver's own cost.

An opt-in part: `python -m benchmarks --only archive --messages 1000000`. With `--kept DIR` the
large archive is made in DIR, and used again where it is there already.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.archived import PATIENTS, fill
from benchmarks.archiver import archiver
from benchmarks.intake import teach
from benchmarks.processes import Engine, engine, generate
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site
from engine.archive.database import Database
from engine.archive.opening import database_of, open_archive
from engine.archive.rows import DAY_MS
from engine.archive.search import Query, search
from engine.archive.terms import account_term, control_term, patient_term, visit_term
from engine.config.load import load_site
from engine.store.sealing import Sealer

DAYS = 10
_KEPT_DAYS = 60
_OFFERED_PER_S = 100
_APART = 10_000_000
_NOBODY = 9
#: How often each kind of search is asked, each time for another message.
_SEARCHES = 20
#: How long one p99 of acknowledgments is taken for, before and while erasing.
_WINDOW_S = 3.0


def measure(folder: pathlib.Path, messages: int, seconds: float, kept: pathlib.Path | None) -> Part:
    """Everything about the archive, with `messages` in the large one."""
    large = kept or folder / "large"
    figures: list[Figure] = []
    targets: list[Target] = []
    if not (large / "var" / "archive.db").exists():
        write_site(large, [_NOBODY] * len(CHANNELS))
        begin = time.monotonic()
        fill(large, messages, DAYS, datetime.now(UTC))
        figures.append(Figure("filling", messages / (time.monotonic() - begin), "messages/s"))
    found, slowest = searching(large)
    figures += found
    targets.append(Target("slowest search, ms", slowest, 100, at_least=False))
    for part in (_pruning(large, seconds), archiver(folder / "beside", seconds)):
        figures += part.figures
        targets += part.targets
    title = "Archive: SQLite; ADT of 6 segments, one insurer each"
    return Part(title, tuple(figures), tuple(targets))


# --- search and size ---------------------------------------------------------------------------


def searching(large: pathlib.Path, searches: int = _SEARCHES) -> tuple[list[Figure], float]:
    """The archive's size, each kind of search, and how long the slowest took in milliseconds."""
    site = load_site(large)
    figures, slowest = [], 0.0
    with open_archive(site) as archive, archive.reading() as connection:
        asked = "SELECT count(*), min(at_ms), max(at_ms) FROM messages"
        total, first_ms, last_ms = connection.exec_driver_sql(asked).one()
    file = large / "var" / "archive.db"
    figures.append(Figure("archived messages", total, "messages"))
    figures.append(Figure("archive's size", file.stat().st_size / total, "bytes/message"))
    for name, make in _kinds(Sealer.of(site.keys), total, first_ms, last_ms).items():
        cold, warm = [], []
        for number in range(searches):
            query = make(number * (total // searches) + number)
            _forget(file)
            with contextlib.closing(database_of(site)) as archive:
                cold.append(_asked(archive, query))
                warm.append(_asked(archive, query))
        slowest = max(slowest, *cold, *warm)
        for state, took in (("cold", cold), ("warm", warm)):
            p50 = statistics.median(took)
            figures.append(Figure(f"search by {name}, {state}, p50", p50, "ms"))
            figures.append(Figure(f"search by {name}, {state}, max", max(took), "ms"))
    return figures, slowest


def _kinds(
    sealer: Sealer, total: int, first_ms: int, last_ms: int
) -> dict[str, Callable[[int], Query]]:
    """Kinds of searches, each for the message of a number."""

    def patient(number: int) -> str:
        return f"P{number % PATIENTS:07d}"

    def until(number: int) -> int:
        return first_ms + (last_ms - first_ms) * number // total

    def channel(number: int) -> str:
        return CHANNELS[number % len(CHANNELS)]

    return {
        "control id": lambda n: Query((control_term(sealer, f"B{n:09d}"),)),
        "patient": lambda n: Query((patient_term(sealer, patient(n)),)),
        "patient and authority": lambda n: Query((patient_term(sealer, patient(n), "EAST"),)),
        "account": lambda n: Query((account_term(sealer, f"A{n:07d}"),)),
        "visit": lambda n: Query((visit_term(sealer, f"V{n:07d}"),)),
        "type": lambda n: Query(type="ADT", to_ms=until(n)),
        "time": lambda n: Query(from_ms=until(n) - 3_600_000, to_ms=until(n)),
        "channel": lambda n: Query(channel=channel(n), to_ms=until(n)),
        "outcome": lambda n: Query(outcome="parked", channels=CHANNELS, to_ms=until(n)),
        "channel and outcome": lambda n: Query(
            channel=channel(n), outcome="delivered", to_ms=until(n)
        ),
    }


def _asked(archive: Database, query: Query) -> float:
    """How long a search took, in milliseconds."""
    begin = time.perf_counter()
    with archive.reading() as connection:
        search(connection, query)
    return (time.perf_counter() - begin) * 1000


def _forget(file: pathlib.Path) -> None:
    """Have the kernel drop what it remembers of the file, so that the disk is asked."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


# --- erasing -----------------------------------------------------------------------------------


def _pruning(large: pathlib.Path, seconds: float) -> Part:
    """Erase the oldest day, content and metadata, while messages come in."""
    config = large / "config.yaml"
    plain = config.read_text("utf-8").partition("retention:")[0]
    config.write_text(plain + _retention(_KEPT_DAYS))
    site = load_site(large)
    with open_archive(site) as archive, archive.reading() as connection:
        closed = "SELECT day, count(*) FROM messages WHERE open = 0"  # parked ones stay
        asked = f"{closed} GROUP BY day ORDER BY day LIMIT 1"
        day, number = connection.exec_driver_sql(asked).one()
    with engine(large) as running:
        teach(running.port)
        windows = max(1, round(seconds / _WINDOW_S))
        quiet = [_offered(running, _WINDOW_S, 1 + number) for number in range(windows)]
        today = int(datetime.now(UTC).timestamp() * 1000) // DAY_MS
        config.write_text(plain + _retention(today - day - 1))
        began_ms = int(time.time() * 1000)
        command = [sys.executable, "-m", "engine.cli.main", "archive", "prune"]
        pruning = subprocess.Popen([*command, "--site", str(large)], stdout=subprocess.DEVNULL)
        p99s: list[float] = []
        ended = threading.Thread(target=pruning.wait)
        ended.start()
        while ended.is_alive() or not p99s:
            p99s.append(_offered(running, _WINDOW_S, 1 + len(quiet) + len(p99s)))
        ended.join()
        if pruning.returncode:
            raise RuntimeError("archive prune has failed")
    with open_archive(site) as archive, archive.reading() as connection:
        asked = f"SELECT max(at_ms) FROM ledger WHERE kind = 'erased' AND at_ms >= {began_ms}"  # noqa: S608 - a number of ours
        last_ms = connection.exec_driver_sql(asked).scalar_one()
    took = (last_ms - began_ms) / 1000
    per_day = took * 100_000 / number
    figures = (
        Figure("erased of a day, content and metadata", number, "messages"),
        Figure("erasing it", took, "s"),
        Figure("ACK at 100/s offered, p99, worst 3 s before", max(quiet), "ms"),
        Figure("the same, median of the 3 s", statistics.median(quiet), "ms"),
        Figure("ACK at 100/s offered, p99, worst 3 s while erasing", max(p99s), "ms"),
        Figure("the same while erasing, median of the 3 s", statistics.median(p99s), "ms"),
    )
    slower = max(p99s) / max(quiet)
    targets = (
        Target("erasing 100,000 messages, s", per_day, 30, at_least=False),
        Target("intake's p99, while erasing / before", slower, 2, at_least=False),
    )
    return Part("", figures, targets)


def _retention(days: int) -> str:
    return f"retention: {{content: {days}d, parked: {days}d, metadata: {days}d}}\n"


def _offered(running: Engine, seconds: float, run: int) -> float:
    """The p99 of acknowledgments at a fixed rate, in milliseconds."""
    load = {"connections": 8, "rate": _OFFERED_PER_S, "seconds": seconds, "first": run * _APART}
    return float(generate(running.port, "adt8", **load)["p99_ms"])
