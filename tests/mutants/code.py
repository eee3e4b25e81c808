"""The code that is mutated: the pure core, without its data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.mutants.mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[2]
CODE = ("engine/policy", "engine/hl7", "engine/ack")
#: Data without code; a test holds each against its source.
DATA = {"engine/hl7/structure_table.py", "engine/hl7/segments.py"}


def candidates() -> Iterator[Mutation]:
    """Every mutation there is."""
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.relative_to(ROOT).as_posix() not in DATA:
                yield from mutations(path, ROOT)
