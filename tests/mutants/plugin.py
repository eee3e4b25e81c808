"""A pytest plugin: one module mutated as it is imported, or the lines noted that a test file runs.

`PAYERGATE_MUTANT=engine/policy/cutting/cascade.py:12` mutates; `PAYERGATE_LINES=FILE` notes.
Nothing is written into the source tree.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from tests.mutants.mutations import mutated

#: How many calls of one function are watched line by line.
LOOKS = 100

ROOT = Path(__file__).resolve().parents[2]


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the mutated tree in place of the file's."""

    number = 0

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = mutated(self.get_data(path).decode("utf-8"), self.number)
        return compile(tree, path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: Path, number: int) -> None:
        self._name, self._path, self._number = name, path, number

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(self._path))
        loader.number = self._number
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def _mutate(what: str) -> None:
    file, _, number = what.rpartition(":")
    name = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    assert name not in sys.modules, f"{name} was imported before it could be mutated"
    sys.meta_path.insert(0, _Finder(name, ROOT / file, int(number)))


def _note_lines(into: Path) -> None:
    wanted = tuple(str(ROOT / "engine" / part) for part in ("policy", "hl7", "ack"))
    lines: dict[str, set[int]] = {}
    looked_at: dict[CodeType, int] = {}

    def inside(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            lines[frame.f_code.co_filename].add(frame.f_lineno)
        return inside

    def entered(frame: FrameType, _event: str, _: object) -> Any:
        code = frame.f_code
        looks = looked_at.get(code)
        if looks is None:
            # What a function has not run after so many calls, another file of tests may run.
            looks = LOOKS if code.co_filename.startswith(wanted) else 0
            lines.setdefault(code.co_filename, set()).add(frame.f_lineno)
        looked_at[code] = max(looks - 1, 0)
        return inside if looks else None

    def write() -> None:
        sys.settrace(None)
        found = {
            os.path.relpath(name, ROOT): sorted(seen)
            for name, seen in lines.items()
            if name.startswith(wanted)
        }
        into.write_text(json.dumps(found))

    _WRITERS.append(write)
    sys.settrace(entered)


_WRITERS: list[Any] = []


def pytest_sessionfinish() -> None:
    """Write what was noted."""
    for write in _WRITERS:
        write()


if mutant := os.environ.get("PAYERGATE_MUTANT"):
    _mutate(mutant)
if noted := os.environ.get("PAYERGATE_LINES"):
    _note_lines(Path(noted))
