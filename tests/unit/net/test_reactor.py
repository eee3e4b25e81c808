"""Timers of the engine's reactor while somebody sets the clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: A process whose wall clock is set by so many seconds once its reactor runs; Twisted knows no
#: other one from its beginning.
_PROGRAM = """
import sys, time
true, ahead_s = time.time, 0.0
time.time = lambda: true() + ahead_s

from engine.net.reactor import monotonic_reactor

reactor = monotonic_reactor()

def set_clock():
    global ahead_s
    ahead_s = float(sys.argv[1])

started_s = time.monotonic()
reactor.callLater(0.1, set_clock)
reactor.callLater(0.5, reactor.stop)
reactor.run()
print(time.monotonic() - started_s)
"""


@pytest.mark.parametrize("ahead_s", [-86_400, 86_400])
def test_a_timer_goes_off_when_it_was_meant_to(ahead_s: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(ahead_s)],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert 0.5 <= float(done.stdout) < 5
