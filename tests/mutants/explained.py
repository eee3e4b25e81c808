"""Mutants that no test can or need notice, and why: `explained.txt`.

A line is `FILE: FUNCTION: CHANGE -- why`, the key as `make mutants` prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.mutants.mutations import Mutation

EXPLAINED = Path(__file__).with_name("explained.txt")


def explanations(text: str) -> dict[str, str]:
    """Why, by key."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    parts = [line.partition(" -- ") for line in lines]
    return {key: why.strip() for key, _, why in parts}


def stale(explained: Mapping[str, str], known: Iterable[Mutation]) -> list[str]:
    """Lines that explain nothing: the code that they speak of is gone, or no reason is given."""
    keys = {mutation.key for mutation in known}
    return [key for key, why in explained.items() if key not in keys or not why]
