"""The benchmarks run, all of them, and report every figure that the documentation speaks of."""

import json
import pathlib
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from benchmarks import archive
from benchmarks.archived import fill
from benchmarks.site import write_site
from engine.cli.main import main

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_moment_of_everything() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    report = json.loads(done.stdout)
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    # The archiver may rest for all of a moment; nothing else may have cost nothing.
    assert all(value > 0 for name, value in figures.items() if not name.startswith("archiver"))
    assert len(figures) == len(report["figures"])
    assert {target["name"] for target in report["targets"]} == {
        "hl7.parse / ours",
        "hl7apy / ours",
        "large site loads, s CPU",
        "check of the large site, s CPU",
        "diff of two large sites, s CPU",
        "large / small, each disclosure",
        "durable intake / listener alone",
        "durable intake / hl7's server",
        "worker's memory, MiB",
        "end to end / durable intake",
    }
    assert report["machine"]["cores"] >= 1


def test_a_small_archive_is_made_and_searched(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "large"
    write_site(root, [9, 9, 9])
    filled = fill(root, 300, 10, datetime.now(UTC))
    assert (filled.messages, filled.disclosures, len(filled.days)) == (300, 300, 10)
    figures, slowest_ms = archive.searching(root, searches=1)
    assert slowest_ms > 0
    assert {figure.name for figure in figures} >= {
        "archive's size",
        "search by control id, cold, max",
        "search by channel and outcome, warm, p50",
    }
    assert main(["ledger", "verify", "--site", str(root)]) == 0
