"""What the figures were measured on, and what the kernel knows of a process."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import re
import statistics
import time
from dataclasses import dataclass

_PROC = pathlib.Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_FSYNC_ROUNDS = 200
_FSYNC_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Machine:
    """`fdatasync_us`: the median of appending 4 KiB to a file and syncing it, in microseconds."""

    processor: str
    cores: int
    memory_gib: float
    python: str
    system: str
    fdatasync_us: float


def describe(folder: pathlib.Path) -> Machine:
    """This machine, with the disk under `folder`."""
    cpu = re.search(r"model name\s*:\s*(.+)", (_PROC / "cpuinfo").read_text())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=cpu[1] if cpu else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        fdatasync_us=round(_fdatasync_us(folder), 1),
    )


def _fdatasync_us(folder: pathlib.Path) -> float:
    file = folder / "fdatasync.probe"
    block = b"\0" * _FSYNC_BYTES
    took = []
    with file.open("ab", buffering=0) as probe:
        for _ in range(_FSYNC_ROUNDS):
            begin = time.perf_counter()
            probe.write(block)
            os.fdatasync(probe.fileno())
            took.append(time.perf_counter() - begin)
    file.unlink()
    return statistics.median(took) * 1e6


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process so far."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def resident_bytes(pid: int) -> int:
    """The process's resident memory."""
    pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(pid, ()))
    for child in found:
        found += children.get(child, ())
    return found


def command(pid: int) -> str:
    """The command line of a process, as one text."""
    return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
