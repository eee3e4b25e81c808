"""A pytest session that runs each test once, noting its lines, and then each mutant's tests.

Law: every run is in a fork of the session that has collected the tests and run none, so that
nothing that one run caches is there for the next. A mutant gets the tests that run its statement,
quickest first, until one fails. One that survives though its statement is also run at import, or
that only an import makes, is judged (again) by a Python of its own.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import NoReturn

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.children import Work, each, limit_cpu
from tests.mutants.lines import Lines
from tests.mutants.mutations import Mutation
from tests.mutants.swapping import functions_of, swapped

ROOT = Path(__file__).resolve().parents[2]
#: CPU time of a mutant's tests, beyond twice what they took when their lines were noted.
SLACK_S = 20.0
#: A mutant of constants is judged by files of tests, as many as take about so long.
ENOUGH_S = 120.0
#: Pytest's exit status where the mutant leaves none of the tests.
NO_TESTS = int(pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True)
class Noted:
    """A test: how long it takes while it is watched, and the lines of code that it runs."""

    item: pytest.Item
    seconds: float
    lines: dict[str, frozenset[int]]


class Judge:
    """The plugin. `verdicts` has what became of each mutation of the sample."""

    def __init__(
        self,
        sample: list[Mutation],
        folders: tuple[str, ...],
        jobs: int,
        until: float,
        tell: Callable[[Mutation, str], None],
    ) -> None:
        self.verdicts: dict[Mutation, str] = {}
        self._sample = sample
        self._folders = tuple(f"{ROOT / folder}{os.sep}" for folder in folders)
        self._jobs = jobs
        self._until = until
        self._tell = tell
        self._at_import = Lines(self._folders)
        self._noted: list[Noted] = []
        self._functions: dict[str, list[FunctionType]] = {}
        self._importers = importers(ROOT)

    def pytest_collection(self) -> None:
        """Note what importing the tests runs."""
        self._at_import.start()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running the tests."""
        self._at_import.stop()
        if session.testsfailed:
            raise session.Interrupted("tests that cannot be collected judge nothing")
        begin = time.monotonic()
        # Forks share what no collection touches.
        gc.collect()
        gc.freeze()
        self._noted = sorted(self._note(session.items), key=lambda one: one.seconds)
        self._functions = functions_of(self._folders)
        spent = time.monotonic() - begin
        print(f"{len(self._noted)} tests noted in {spent:.0f} s", flush=True)
        begin = time.monotonic()
        for ended in each(self._tasks(), self._jobs):
            verdict = "survived" if ended.status in {0, NO_TESTS} else "killed"
            self._take(ended.of, verdict)
            if len(self.verdicts) == len(self._sample) // 10 or len(self.verdicts) == 20:
                all_s = (time.monotonic() - begin) / len(self.verdicts) * len(self._sample)
                print(f"expected: {(spent + all_s) / 60:.0f} minutes in all", flush=True)
        return True

    # --- tests, as they are -------------------------------------------------------------------

    def _note(self, items: list[pytest.Item]) -> Iterator[Noted]:
        tasks = ((item, self._noting(item)) for item in items)
        for ended in each(tasks, self._jobs):
            if ended.status != 0:
                print(f"left out, as it fails unchanged: {ended.of.nodeid}", flush=True)
                continue
            said = json.loads(ended.said)
            if said["lines"]:
                lines = {file: frozenset(found) for file, found in said["lines"].items()}
                yield Noted(ended.of, said["seconds"], lines)

    def _noting(self, item: pytest.Item) -> Work:
        def work(into: int) -> int:
            limit_cpu(ENOUGH_S)
            lines = Lines(self._folders)
            begin = time.process_time()
            lines.start()
            failed = _fails([item])
            lines.stop()
            found = {file: sorted(seen) for file, seen in lines.found.items()}
            said = {"seconds": time.process_time() - begin, "lines": found}
            with os.fdopen(into, "w") as out:
                json.dump(said, out)
            return int(failed)

        return work

    # --- mutants ------------------------------------------------------------------------------

    def _tasks(self) -> Iterator[tuple[Mutation, Work]]:
        for mutation in self._sample:
            if time.monotonic() > self._until:
                self._take(mutation, "unjudged")
                continue
            covering = list(self._covering(mutation))
            if covering:
                yield mutation, self._judging(mutation, covering)
            else:
                self._take(mutation, "uncovered")

    def _take(self, mutation: Mutation, verdict: str) -> None:
        self.verdicts[mutation] = verdict
        self._tell(mutation, verdict)

    def _covering(self, mutation: Mutation) -> Iterator[Noted]:
        """Tests that run the statement; of what an import runs, those that run what uses it."""
        path, span = str(ROOT / mutation.file), mutation.lines
        users = {path, *self._importers.get(path, ())} if self._is_imported(mutation) else set()
        for one in self._noted:
            if not one.lines.get(path, frozenset()).isdisjoint(span) or users & one.lines.keys():
                yield one

    def _is_imported(self, mutation: Mutation) -> bool:
        """Whether an import runs it, so that what it makes is used elsewhere."""
        at_import = self._at_import.found.get(str(ROOT / mutation.file), set())
        return mutation.is_run_at_import or not at_import.isdisjoint(mutation.lines)

    def _judging(self, mutation: Mutation, covering: list[Noted]) -> Work:
        def work(_into: int) -> int:
            limit_cpu(SLACK_S + 2 * sum(one.seconds for one in covering))
            path = ROOT / mutation.file
            is_swapped = not mutation.is_run_at_import and swapped(
                mutation, path, self._functions.get(str(path), [])
            )
            if is_swapped and _fails(one.item for one in covering):
                return 1
            if is_swapped and not self._is_imported(mutation):
                return 0
            _become(mutation, covering)

        return work


def importers(root: Path) -> dict[str, set[str]]:
    """By the path of each module of the engine: the files that import from it."""
    found: dict[str, set[str]] = {}
    for path in (root / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = root / node.module.replace(".", "/")
                for module in (named.with_suffix(".py"), named / "__init__.py"):
                    found.setdefault(str(module), set()).add(str(path))
    return found


def _fails(items: Iterable[pytest.Item]) -> bool:
    """Whether one of these tests fails, run one after another until one does."""
    return any(
        report.failed
        for item in items
        for report in runtestprotocol(item, nextitem=None, log=False)
    )


def _become(mutation: Mutation, covering: list[Noted]) -> NoReturn:
    """This process goes on as pytest, with the mutant imported and these tests."""
    chosen: list[pytest.Item] = []
    spent = 0.0
    for one in covering:
        spent += one.seconds
        if spent > ENOUGH_S:
            break
        chosen.append(one.item)
    limit_cpu(SLACK_S + 2 * spent)
    os.environ["PAYERGATE_MUTANT"] = f"{mutation.file}:{mutation.number}"
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        out.writelines(f"{item.nodeid}\n" for item in chosen)
        out.flush()
        os.set_inheritable(out.fileno(), True)
        os.environ["PAYERGATE_TESTS"] = str(out.fileno())
        files = dict.fromkeys(str(item.path) for item in chosen)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutants.plugin"]
        os.chdir(ROOT)
        os.execv(sys.executable, [*command, "-p", "no:cacheprovider", "--no-header", *files])  # noqa: S606
