"""`payergate consent`: what patients have signed or refused, in the registry of the engine.

Law: a consent permits only what it says, and a refusal whatever it does not exclude (rules.md §7).
"""

from __future__ import annotations

from typing import Any

from engine.cli import registering
from engine.privacy.sorts import Sort


def register(subparsers: Any) -> None:
    """Add `consent` and its actions to the command line."""
    registering.register(subparsers, Sort.CONSENT)
