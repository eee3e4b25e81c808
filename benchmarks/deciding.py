"""CPU of parsing, deciding and cutting one message for three channels, beside parsers' own time.

Measured in CPU time of this process, on messages that differ, so that nothing is remembered from
one to the next. `hl7` and `hl7apy` only parse; they decide and cut nothing.
"""

from __future__ import annotations

import pathlib
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import hl7
from hl7apy.parser import parse_message

from benchmarks.messages import SHAPES, VISITS, numbered
from benchmarks.report import Figure, Part, Target
from benchmarks.site import CHANNELS, write_site
from engine.config.load import load_site
from engine.hl7.wire import Message
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.policy.outcome import Verdict
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Facts, Level

_ROUNDS = 5
#: What targets are about: a message that is large enough for its size to matter.
_JUDGED = "oru26"
_BOUNDS = {"hl7.parse": 10.0, "hl7apy": 300.0}
M = TypeVar("M", bytes, str)


def measure(folder: pathlib.Path, seconds: float) -> Part:
    """Each of the three for `seconds` and shape."""
    write_site(folder, [1] * len(CHANNELS))
    policy = compile_policy(load_site(folder).policy)
    facts = known_coverages()
    figures: list[Figure] = []
    targets: list[Target] = []

    def disclosed(raw: bytes) -> None:
        outcomes = decide(Message.parse(raw), policy, facts)
        assert sum(each.verdict is Verdict.DISCLOSE for each in outcomes.values()) == len(CHANNELS)

    for shape, message in SHAPES.items():
        raw = [numbered(message, number) for number in range(VISITS)]
        text = [each.decode("ascii") for each in raw]
        ours = cpu_us(disclosed, raw, seconds)
        python_hl7 = cpu_us(hl7.parse, text, seconds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hl7apy warns of its own deprecated calls
            hl7apy = cpu_us(parse_message, text, seconds)
        figures += [
            Figure(f"{shape}: parse, decide and cut for 3 channels", ours, "us CPU/message"),
            Figure(f"{shape}: hl7.parse", python_hl7, "us CPU/message"),
            Figure(f"{shape}: hl7apy parse_message", hl7apy, "us CPU/message"),
        ]
        ratios = {"hl7.parse": python_hl7 / ours, "hl7apy": hl7apy / ours}
        if shape == _JUDGED:
            targets += [Target(f"{n} / ours", ratios[n], bound) for n, bound in _BOUNDS.items()]
        else:
            figures += [Figure(f"{shape}: {n} / ours", value, "") for n, value in ratios.items()]
    return Part("Deciding: CPU of one message", tuple(figures), tuple(targets))


def cpu_us(call: Callable[[M], object], messages: list[M], seconds: float) -> float:
    """Microseconds of CPU for one call: the best of some rounds, as the rest is disturbance."""
    best = float("inf")
    for _ in range(_ROUNDS):
        done, begin, spent = 0, time.process_time(), 0.0
        while spent < seconds / _ROUNDS:
            call(messages[done % len(messages)])
            done += 1
            spent = time.process_time() - begin
        best = min(best, spent / done)
    return best * 1e6


def known_coverages() -> Facts:
    """What the engine would have learned: every visit has all three insurers."""
    rows = tuple(CoverageRow(channel) for channel in CHANNELS)
    known = {
        CoverageKey(Level.VISIT, f"P{n:07d}", "EAST", f"V{n:07d}"): Coverages(rows)
        for n in range(VISITS)
    }
    return Facts(datetime(2026, 3, 1, 12, tzinfo=UTC), known)
