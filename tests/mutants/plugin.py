"""A pytest plugin: one module mutated as it is imported, and some tests in a given order.

`PAYERGATE_MUTANT=engine/policy/cutting/cascade.py:12` says which change of which file,
`PAYERGATE_TESTS` the descriptor of an open file of test ids. Nothing is written into the source
tree.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutants.mutations import mutated

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests that are wanted, in the order in which they are."""
    with os.fdopen(int(os.environ["PAYERGATE_TESTS"]), encoding="utf-8") as file:
        file.seek(0)
        order = {name: number for number, name in enumerate(file.read().splitlines())}
    items[:] = sorted(
        (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
    )


if mutant := os.environ.get("PAYERGATE_MUTANT"):
    _mutate(mutant)
