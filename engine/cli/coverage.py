"""`payergate coverage`: who insures a patient, where messages do not say it, or contradict.

Law: it is one answer beside what messages taught, and a contradiction holds; only a row that says
that it settles the matter counts alone, on its days (rules.md §4, "Coverage").
"""

from __future__ import annotations

from typing import Any

from engine.cli import registering
from engine.privacy.sorts import Sort


def register(subparsers: Any) -> None:
    """Add `coverage` and its actions to the command line."""
    registering.register(subparsers, Sort.COVERAGE)
