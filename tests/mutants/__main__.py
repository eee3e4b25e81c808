"""Mutation testing of the pure core: whether the tests notice when the code says something else.

    python -m tests.mutants --sample 500 --seed 1 --minutes 45

Of all changes that `mutations` knows of in engine/policy, engine/hl7 and engine/ack, a seeded
sample is made, one at a time. Each is judged by the fast tests that run its statement, quickest
first, until one fails. Survivors are printed as they come; those that `explained.txt` explains are
counted apart. An explanation of code that is gone, or of a mutant that is killed, is a mistake too.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
import sys
import time
from collections import Counter

os.environ["HYPOTHESIS_PROFILE"] = "mutants"

import pytest

from tests.mutants.code import CODE, candidates
from tests.mutants.explained import EXPLAINED, explanations, stale
from tests.mutants.judge import Judge
from tests.mutants.mutations import Mutation

#: What may notice. Which of these run a mutant's statement is found by running them.
TESTS = (
    *("tests/unit/policy", "tests/unit/hl7", "tests/unit/ack", "tests/unit/cli"),
    *("tests/unit/config", "tests/unit/redecision", "tests/unit/intake"),
    *("tests/vectors", "tests/rules"),
    *("tests/invariants/test_i2_nothing_ungranted.py", "tests/invariants/test_i6_last_look.py"),
    *(
        f"tests/properties/test_{name}_properties.py"
        for name in ("cut", "diff", "fine_cut", "group", "law", "site", "wire")
    ),
    *("tests/properties/test_formulas.py", "tests/properties/test_reading_a_site.py"),
)


def main() -> int:
    """Judge the sample; 0 unless a mutant survives without an explanation, or one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--sample", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", metavar="TEXT", help="mutants that say this")
    args = parser.parse_args()
    until = time.monotonic() + args.minutes * 60
    known = list(candidates())
    explained = explanations(EXPLAINED.read_text("utf-8"))
    chosen = [one for one in known if any(text in one.key for text in args.only or [""])]
    sample = sampled(chosen, args.sample, args.seed)
    print(f"{len(sample)} of {len(known)} mutants, seed {args.seed}", flush=True)
    judge = Judge(sample, CODE, args.jobs, until, functools.partial(told, explained))
    pytest.main(["-q", "-s", "--no-header", "-p", "no:cacheprovider", *TESTS], plugins=[judge])
    wrong = stale(explained, known)
    for key in wrong:
        print(f"explains nothing: {key}")
    return report(judge.verdicts, explained, len(wrong))


def sampled(known: list[Mutation], number: int, seed: int) -> list[Mutation]:
    """As many of them, by lot; who is drawn stays drawn when other code changes."""

    def lot(one: Mutation) -> bytes:
        return hashlib.sha256(f"{seed} {one.key}".encode()).digest()

    return sorted(known, key=lot)[:number]


def told(explained: dict[str, str], mutation: Mutation, verdict: str) -> None:
    """Print what became of a mutant, unless it was killed and nothing else was said of it."""
    why = explained.get(mutation.key)
    if verdict in {"survived", "uncovered"}:
        print(f"{verdict}: line {mutation.line}: {mutation.key} -- {why or '?'}", flush=True)
    elif verdict == "killed" and why:
        print(f"killed, though explained: {mutation.key}", flush=True)


def report(verdicts: dict[Mutation, str], explained: dict[str, str], wrong: int) -> int:
    """Print the score."""
    count = Counter(verdicts.values())
    judged = len(verdicts) - count["unjudged"]
    left = [one for one, verdict in verdicts.items() if verdict in {"survived", "uncovered"}]
    open_ones = sum(one.key not in explained for one in left)
    wrong += sum(one.key in explained for one, verdict in verdicts.items() if verdict == "killed")
    score = 100 * count["killed"] / judged if judged else 0.0
    print(
        f"{score:.1f} % of {judged} killed; {dict(count)};"
        f" {len(left) - open_ones} explained, {open_ones} not; {wrong} explanations are wrong"
    )
    return 1 if open_ones or wrong or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
