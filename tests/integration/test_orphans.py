"""Children of an engine that was killed end with it, though they are too busy to hear of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.estate import REPOSITORY, Estate

#: A process that starts one which spins for ever, prints its id, and waits.
PARENT = """
import os, subprocess, sys, time
spins = "from engine.net.orphan import end_with; end_with(%d); print('spins', flush=True)\\n"
spins = spins % os.getpid() + "while True: pass"
child = subprocess.Popen([sys.executable, "-c", spins], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""

LATE = "from engine.net.orphan import end_with; end_with({another}); print('began')"


def runs(pid: int) -> bool:
    """Whether it is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


def test_a_child_that_spins_ends_within_a_second_of_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
        parent.wait()
        assert ends_within(child, 1.0)


def test_a_child_whose_parent_has_ended_already_does_not_begin() -> None:
    late = LATE.format(another=os.getpid() + 1)  # as if it had been started by another process
    done = subprocess.run(
        [sys.executable, "-c", late], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b""


def test_worker_and_archiver_that_hear_nothing_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    with Estate(tmp_path) as estate:
        assert estate.engine is not None
        archive = estate.site / "var" / "archive.db"
        deadline = time.monotonic() + 20
        while not archive.exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # what has made it has begun its work
        children = [pid for role in ("worker", "archiver") if (pid := estate.pid_of(role))]
        assert len(children) == 2
        for pid in children:
            os.kill(pid, signal.SIGSTOP)  # busy for as long as anybody watches
        estate.engine.kill()
        estate.engine.wait()
        assert all(ends_within(pid, 1.0) for pid in children)
        estate.start_engine()
