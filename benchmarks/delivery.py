"""From the hospital's socket to three insurers' acknowledgments, and how long a hospital waits."""

from __future__ import annotations

import pathlib

from benchmarks.intake import teach
from benchmarks.messages import VISITS
from benchmarks.processes import engine, generate, insurers
from benchmarks.report import Figure, Part
from benchmarks.site import CHANNELS, write_site

#: One outstanding message for each connection, as MLLP is used.
_CONNECTIONS, _WINDOW = 32, 1
_OFFERED_PER_S = 200
END_TO_END = "end to end oru26, 3 insurers"
_APART = 10_000_000


def measure(folder: pathlib.Path, messages: int, seconds: float) -> Part:
    """End to end with `messages`, then latencies for `seconds` each."""
    with insurers(len(CHANNELS), VISITS, VISITS + messages) as running_insurers:
        write_site(folder, running_insurers.ports)
        with engine(folder) as running:
            teach(running.port)
            running_insurers.reached_at()
            report = generate(
                running.port,
                "oru26",
                connections=_CONNECTIONS,
                window=_WINDOW,
                limit=messages,
                warm_up=0,
                first=_APART,
            )
            took = running_insurers.reached_at() - report["begin"]
            alone = generate(
                running.port, "oru26", connections=1, window=1, seconds=seconds, first=2 * _APART
            )
            offered = generate(
                running.port,
                "oru26",
                connections=8,
                rate=_OFFERED_PER_S,
                seconds=seconds,
                first=3 * _APART,
            )
    figures = (
        Figure(END_TO_END, messages / took, "messages/s"),
        Figure("ACK at 1 connection, p50", alone["p50_ms"], "ms"),
        Figure("ACK at 1 connection, p99", alone["p99_ms"], "ms"),
        Figure("ACK at 200/s offered, p50", offered["p50_ms"], "ms"),
        Figure("ACK at 200/s offered, p99", offered["p99_ms"], "ms"),
    )
    return Part("Delivery: until all three insurers have acknowledged", figures)
