"""How fast messages become durable, what that costs, and how near it comes to the ceiling.

Sends nothing on: the lanes are paused, so that intake alone is measured. Then the queues are filled
until 100,000 messages wait, to see what the worker's memory does.
"""

from __future__ import annotations

import pathlib
from typing import Any

from benchmarks import machine
from benchmarks.messages import VISITS
from benchmarks.processes import Engine, engine, generate, server
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site
from engine.config.load import load_site
from engine.store.opening import open_store
from engine.store.port import Control, Order

_CONNECTIONS = 32
#: Message, and how many of them a connection sends before it waits: one, as nearly all senders do,
#: or several, which lets a server work in larger pieces. The first is what targets are about.
_CASES = (("oru26", 1), ("oru26", 8), ("adt8", 1))
_FILL_WINDOW = 8
_CEILING, _PEER = "listener alone", "hl7's server"
#: Whose CPU is told for each message; the archiver's is of what it archived meanwhile, not of all.
_PROCESSES = ("worker", "store", "archiver")
#: A port of loopback where nobody listens: the lanes are paused, nothing connects.
_NOBODY = 9
_QUEUED = 100_000
#: Control ids start far apart, so that no message of one run repeats one of another.
_APART = 10_000_000


def durable(shape: str, window: int) -> str:
    """The name of a figure of durable intake."""
    return f"durable intake, {shape}, window {window}"


def measure(folder: pathlib.Path, seconds: float, queued: int = _QUEUED) -> Part:
    """Ceiling, peer and intake, each for `seconds` and case; then memory at `queued`."""
    figures = _others(seconds)
    write_site(folder, [_NOBODY] * len(CHANNELS))
    with engine(folder) as running:
        pause_all(folder)
        sent = teach(running.port)
        for number, (shape, window) in enumerate(_CASES, start=1):
            before = _cpu(running)
            load = _load(window, seconds) | {"first": number * _APART}
            report = generate(running.port, shape, **load)
            sent += report["sent"]
            figures.append(_rate(durable(shape, window), report))
            spent = (after - s for after, s in zip(_cpu(running), before, strict=True))
            for process, cpu_s in zip(_PROCESSES, spent, strict=True):
                per_message = cpu_s / report["sent"] * 1e6
                name = f"{process} CPU, {shape}, window {window}"
                figures.append(Figure(name, per_message, "us/message"))
        if queued > sent:
            load = {"window": _FILL_WINDOW, "first": 9 * _APART, "limit": queued - sent}
            sent += generate(running.port, "adt8", connections=_CONNECTIONS, **load)["sent"]
        resident = machine.resident_bytes(running.worker) / 2**20
    figures.append(Figure(f"worker's memory, {sent} messages queued", resident, "MiB"))
    title = "Intake: durable before it is acknowledged; 32 connections, 3 channels"
    return Part(title, tuple(figures), _targets({each.name: each.value for each in figures}))


def _others(seconds: float) -> list[Figure]:
    """The listener alone and hl7's server, under the same load."""
    figures = []
    for name, module in ((_CEILING, "benchmarks.ceiling"), (_PEER, "benchmarks.peer")):
        for shape, window in _CASES:
            with server(module) as port:
                report = generate(port, shape, **_load(window, seconds))
            figures.append(_rate(f"{name}, {shape}, window {window}", report))
    return figures


def _load(window: int, seconds: float) -> dict[str, float]:
    return {
        "connections": _CONNECTIONS,
        "window": window,
        "seconds": seconds,
        "warm_up": min(1.0, seconds / 3),
    }


def teach(port: int) -> int:
    """Register every visit, so that results find their insurers; how many messages that took."""
    report = generate(port, "adt8", connections=1, window=64, limit=VISITS, warm_up=0)
    return int(report["sent"])


def _targets(values: dict[str, float]) -> tuple[Target, ...]:
    case = "oru26, window 1"
    stored = values[f"durable intake, {case}"]
    memory = next(value for name, value in values.items() if name.startswith("worker's memory"))
    return (
        Target("durable intake / listener alone", stored / values[f"{_CEILING}, {case}"], 0.12),
        Target("durable intake / hl7's server", stored / values[f"{_PEER}, {case}"], 5),
        Target("worker's memory, MiB", memory, 120, at_least=False),
    )


def _rate(name: str, report: dict[str, Any]) -> Figure:
    share = report["generator_cpu_share"] * 100
    return Figure(name, report["per_second"], f"messages/s (generator {share:.0f} % CPU)")


def pause_all(folder: pathlib.Path) -> None:
    """Stop every lane, as `payergate queue pause` does."""
    site = load_site(folder)
    store, _ = open_store(site.store, site.var)
    store.execute([Control(channel, Order.PAUSE, "measuring", b"{}") for channel in CHANNELS])
    store.close()


def _cpu(running: Engine) -> tuple[float, ...]:
    return tuple(machine.cpu_s(pid) for pid in (running.worker, running.store, running.archiver))
