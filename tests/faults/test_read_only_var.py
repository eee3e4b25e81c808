"""The disk of `var/` is mounted read-only: said by name, with a documented exit code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.estate import PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import ask, make_messages
from tests.support.small_disk import small_disk

MIB = 1024 * 1024

REFUSAL = ["consent", "add", "--patient", "P1", "--kind", "refusal", "--purposes", "payment"]
WRITING = (
    ["run"],
    [*REFUSAL, "--channels", "all", "--given", "2026-01-01", "--signed-by", "self"],
    ["queue", "pause", "alpha", "--reason", "repair"],
    ["keys", "rotate", "--reason", "yearly"],
)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    remount = ["mount", "-o"]
    subprocess.run([*remount, "remount,ro", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run([*remount, "remount,rw", str(disk)], check=True)


def check_refusals(estate: Estate) -> None:
    for words in WRITING:
        done = subprocess.run(
            [*PAYERGATE, *words, "--site", str(estate.site)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 5, (words, done.stderr)
        assert done.stderr.startswith("store-folder: "), (words, done.stderr)
        assert "Read-only file system" in done.stderr


def test_nothing_starts_or_is_entered_and_all_is_there_when_it_is_writable(tmp_path: Path) -> None:
    first, second = make_messages(0, 2, seed=1)
    with small_disk(tmp_path / "disk", 128 * MIB) as disk:
        estate = Estate(disk)
        estate.lay_out()
        with read_only(disk):
            check_refusals(estate)
        try:
            estate.start_engine()
            assert ask(estate.listener_port, first)
            assert estate.stop_engine() == 0
            with read_only(disk):
                check_refusals(estate)
                assert estate.status()["store"]["reachable"] is False
            estate.start_engine()
            assert ask(estate.listener_port, second)
        finally:
            estate.__exit__()
