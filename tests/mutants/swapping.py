"""A mutant made of modules that are imported already: its functions get other code.

Whoever holds the function, by whatever name, holds the mutated one. What only an import runs
(constants, defaults) cannot be had so.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutants.mutations import Mutation, mutated

Key = tuple[str, int, int]


def functions_of(folders: tuple[str, ...]) -> dict[str, list[FunctionType]]:
    """Every function there is, by the file that it was written in."""
    found: dict[str, list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(folders):
            found.setdefault(one.__code__.co_filename, []).append(one)
    return found


def swapped(mutation: Mutation, path: Path, functions: list[FunctionType]) -> bool:
    """Make the change in these functions of its file; whether one of them has it now."""
    source = path.read_text("utf-8")
    before = _codes(compile(source, str(path), "exec", dont_inherit=True))
    after = _codes(compile(mutated(source, mutation.number), str(path), "exec", dont_inherit=True))
    changed = [key for key, code in before.items() if key in after and after[key] != code]
    new = {before[key]: after[key] for key in changed}
    done = False
    for function in functions:
        code = new.get(function.__code__)
        if code is not None and len(code.co_freevars) == len(function.__code__.co_freevars):
            function.__code__ = code
            done = True
    return done


def _codes(module: CodeType) -> dict[Key, CodeType]:
    """Every function's code, by its name, its line, and which of those it is."""
    found: dict[Key, CodeType] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for code in _nested(module):
        name = (code.co_qualname, code.co_firstlineno)
        found[*name, seen[name]] = code
        seen[name] += 1
    return found


def _nested(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _nested(one)
