"""What a listener tells the log: everything once, and nobody's repetitions line by line."""

from __future__ import annotations

import io
import json
from typing import Any

from engine.clock import SystemClock
from engine.logs import Log
from engine.net.observer import Closed, Notice, Refusal
from engine.observers import COUNTED, TOLD_EVERY_S, ListenerLog


class Bench:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.stream = io.StringIO()
        self.log = ListenerLog("adt", Log(self.stream, SystemClock()), lambda: self.now_s)

    def lines(self) -> list[tuple[Any, ...]]:
        said = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [(one["event"], one["peer"], one["reason"], one["count"]) for one in said]


def test_the_first_of_each_is_told_at_once() -> None:
    bench = Bench()
    bench.log.noticed("a", Notice.JUNK_BYTES, 7)
    bench.log.noticed("b", Notice.JUNK_BYTES, 8)
    bench.log.refused("a", Refusal.PER_PEER)
    bench.log.disconnected("a", Closed.OVERSIZE)
    bench.log.disconnected("a", Closed.PEER)
    assert bench.lines() == [
        ("wire_notice", "a", "junk-bytes", 7),
        ("wire_notice", "b", "junk-bytes", 8),
        ("connection_refused", "a", "per-peer", 1),
        ("connection_closed", "a", "oversize", 1),
    ]


def test_repetitions_are_counted_and_told_now_and_then() -> None:
    bench = Bench()
    for tenth in range(int(TOLD_EVERY_S) * 10 + 1):
        bench.now_s = tenth / 10
        bench.log.noticed("a", Notice.JUNK_BYTES, 2)
    told = int(TOLD_EVERY_S) * 20
    assert bench.lines() == [("wire_notice", "a", "junk-bytes", count) for count in (2, told)]


def test_any_number_of_peers_takes_bounded_memory() -> None:
    bench = Bench()
    for number in range(2 * COUNTED):
        bench.log.refused(str(number), Refusal.NETWORK)
    assert len(bench.lines()) == 2 * COUNTED
    assert len(bench.log._told) <= COUNTED
