"""Mutation testing of the pure core: whether the tests notice when the code says something else.

    python -m tests.mutants --sample 500 --seed 1 --minutes 45

Of all changes that `mutations` knows of in engine/policy, engine/hl7 and engine/ack, a seeded
sample is made, one at a time. Each is judged by the fast tests that run its line, quickest first,
until one fails. Survivors are printed; those that `explained.txt` explains are counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.mutants.mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[2]
CODE = ("engine/policy", "engine/hl7", "engine/ack")
#: Data without code; a test holds each against its source.
DATA = {"engine/hl7/structure_table.py", "engine/hl7/segments.py"}
TESTS = (
    *("tests/unit/policy", "tests/unit/hl7", "tests/unit/ack", "tests/unit/cli"),
    *("tests/vectors", "tests/rules"),
)
MORE = (
    "tests/properties/test_cut_properties.py",
    "tests/properties/test_group_properties.py",
    "tests/properties/test_site_properties.py",
    "tests/properties/test_wire_properties.py",
    "tests/invariants/test_i2_nothing_ungranted.py",
)
#: A mutant that makes a test hang is noticed.
TIMEOUT_S = 120.0
EXPLAINED = Path(__file__).with_name("explained.txt")


@dataclass(frozen=True)
class TestFile:
    """A file of tests: how long it takes, and the lines of code that it runs."""

    name: str
    seconds: float
    lines: dict[str, frozenset[int]]


def main() -> int:
    """Judge the sample; 0 unless a mutant survives without an explanation."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--sample", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    until = time.monotonic() + args.minutes * 60
    known = list(candidates())
    sample = Random(args.seed).sample(known, min(args.sample, len(known)))
    print(f"{len(sample)} of {len(known)} mutants, seed {args.seed}", flush=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        files = [one for one in pool.map(noted, test_files()) if one is not None]
        print(f"{len(files)} files of tests noted", flush=True)
        verdicts = list(pool.map(lambda one: judge(one, files, until), sample))
    return report(sample, verdicts)


def candidates() -> Iterator[Mutation]:
    """Every mutation there is."""
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.relative_to(ROOT).as_posix() not in DATA:
                yield from mutations(path, ROOT)


def test_files() -> list[str]:
    """The fast tests."""
    found = [path for folder in TESTS for path in sorted((ROOT / folder).rglob("test_*.py"))]
    return [path.relative_to(ROOT).as_posix() for path in found] + list(MORE)


def noted(name: str) -> TestFile | None:
    """Run a file of tests once, noting its lines; None if it fails as it is, or takes too long."""
    with tempfile.NamedTemporaryFile(suffix=".json") as into:
        begin = time.monotonic()
        if run([name], PAYERGATE_LINES=into.name) != 0:
            print(f"left out, as it fails unchanged: {name}", flush=True)
            return None
        seconds = time.monotonic() - begin
        lines = json.loads(Path(into.name).read_text() or "{}")
    return TestFile(name, seconds, {file: frozenset(seen) for file, seen in lines.items()})


def judge(mutation: Mutation, files: list[TestFile], until: float) -> str:
    """`killed`, `survived`, `uncovered`, or `unjudged` when time is up."""
    if time.monotonic() > until:
        return "unjudged"
    covering = [one for one in files if mutation.line in one.lines.get(mutation.file, ())]
    if not covering:
        return "uncovered"
    quickest = [one.name for one in sorted(covering, key=lambda one: one.seconds)]
    code = run(quickest, PAYERGATE_MUTANT=f"{mutation.file}:{mutation.number}")
    print("." if code else "S", end="", flush=True)
    return "killed" if code else "survived"


def run(files: list[str], **environment: str) -> int:
    """The exit status of these tests; a run that does not end counts as failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutants.plugin"]
    command += ["-p", "no:cacheprovider", "--no-header", *files]
    settings = {"HYPOTHESIS_PROFILE": "mutants", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode


def report(sample: list[Mutation], verdicts: list[str]) -> int:
    """Print the score and every survivor."""
    explained = {
        line.partition(" -- ")[0]: line.partition(" -- ")[2]
        for line in EXPLAINED.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    }
    print()
    open_ones = 0
    for mutation, verdict in sorted(zip(sample, verdicts, strict=True), key=str):
        if verdict in {"survived", "uncovered"}:
            why = explained.get(f"{mutation.file}: {mutation.text}", "")
            open_ones += not why
            print(f"{verdict}: {mutation}" + (f" -- {why}" if why else ""))
    count = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    judged = len(verdicts) - count.get("unjudged", 0)
    score = 100 * count.get("killed", 0) / judged if judged else 0.0
    print(f"{score:.1f} % of {judged} killed; {count}; {open_ones} without an explanation")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main())
