"""The benchmarks run, all of them, and report every figure that the documentation speaks of."""

import json
import pathlib
import subprocess
import sys

import pytest

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
    assert all(value > 0 for value in figures.values())
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
