"""`payergate restriction`: what patients have restricted, in the registry of the engine.

Law: a restriction stands whatever the rules say (45 CFR 164.522(a)).
"""

from __future__ import annotations

from typing import Any

from engine.cli import registering
from engine.privacy.registry import Sort


def register(subparsers: Any) -> None:
    """Add `restriction` and its actions to the command line."""
    registering.register(subparsers, Sort.RESTRICTION)
