"""How fast messages become durable, what that costs, and how near it comes to the ceiling.

Sends nothing on: the lanes are paused, so that intake alone is measured. Then the queues are filled
until 100,000 messages wait, to see what the worker's memory does.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

from benchmarks import machine
from benchmarks.messages import VISITS
from benchmarks.processes import Engine, engine, generate, server
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site

#: One outstanding message for each connection, as MLLP is used.
_CONNECTIONS, _WINDOW = 32, 1
#: The figure that others are compared with.
DURABLE = "durable intake oru26"
#: A port of loopback where nobody listens: the lanes are paused, nothing connects.
_NOBODY = 9
_QUEUED = 100_000
#: Control ids start far apart, so that no message of one run repeats one of another.
_APART = 10_000_000


def measure(folder: pathlib.Path, seconds: float, queued: int = _QUEUED) -> Part:
    """Ceiling, peer and intake, each for `seconds` and shape; then memory at `queued`."""
    figures: list[Figure] = []
    rates: dict[str, float] = {}
    shapes = ("oru26", "adt8")
    load = {"connections": _CONNECTIONS, "window": _WINDOW, "seconds": seconds}
    for name, module in (
        ("listener alone", "benchmarks.ceiling"),
        ("hl7's server", "benchmarks.peer"),
    ):
        for number, shape in enumerate(shapes):
            with server(module) as port:
                report = generate(port, shape, first=number * _APART, **load)
            rates[f"{name} {shape}"] = report["per_second"]
            figures += _rate(name, shape, report)
    write_site(folder, [_NOBODY] * len(CHANNELS))
    with engine(folder) as running:
        for channel in CHANNELS:
            _pause(folder, channel)
        sent = teach(running.port)
        for number, shape in enumerate(shapes, start=1):
            before = _cpu(running)
            report = generate(running.port, shape, first=number * _APART, **load)
            sent += report["sent"]
            rates[f"durable intake {shape}"] = report["per_second"]
            figures += _rate("durable intake", shape, report)
            for process, spent in zip(
                ("engine", "store"), _cpu_since(running, before), strict=True
            ):
                per_message = spent / report["sent"] * 1e6
                figures.append(Figure(f"{process} CPU {shape}", per_message, "us/message"))
        if queued > sent:
            generate(running.port, "adt8", first=3 * _APART, limit=queued - sent, **load)
        resident = machine.resident_bytes(running.worker) / 2**20
    figures.append(Figure(f"worker's memory with {max(queued, sent)} queued", resident, "MiB"))
    return Part(
        "Intake: durable before it is acknowledged", tuple(figures), _targets(rates, resident)
    )


def teach(port: int) -> int:
    """Register every visit, so that results find their insurers; how many messages that took."""
    report = generate(port, "adt8", connections=1, window=64, limit=VISITS, warm_up=0)
    return int(report["sent"])


def _targets(rates: dict[str, float], resident: float) -> tuple[Target, ...]:
    intake, ceiling, peer = (
        rates[DURABLE],
        rates["listener alone oru26"],
        rates["hl7's server oru26"],
    )
    return (
        Target("durable intake / listener alone", intake / ceiling, 0.12),
        Target("durable intake / hl7's server", intake / peer, 5),
        Target("worker's memory, MiB", resident, 120, at_least=False),
    )


def _rate(name: str, shape: str, report: dict[str, Any]) -> list[Figure]:
    share = report["generator_cpu_share"] * 100
    return [
        Figure(f"{name} {shape}", report["per_second"], f"messages/s (generator {share:.0f} % CPU)")
    ]


def _pause(site: pathlib.Path, channel: str) -> None:
    command = ["engine.cli.main", "queue", "pause", channel, "--site", str(site)]
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)


def _cpu(running: Engine) -> tuple[float, float]:
    return machine.cpu_s(running.worker), machine.cpu_s(running.store)


def _cpu_since(running: Engine, before: tuple[float, float]) -> tuple[float, float]:
    engine_s, store_s = _cpu(running)
    return engine_s - before[0], store_s - before[1]
