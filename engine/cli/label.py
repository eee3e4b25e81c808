"""`payergate label`: what visits and patients are labelled for, in the registry of the engine.

Law: a label stands whatever the rules say; what it protects from whom, packs say.
"""

from __future__ import annotations

from typing import Any

from engine.cli import registering
from engine.privacy.sorts import Sort


def register(subparsers: Any) -> None:
    """Add `label` and its actions to the command line."""
    registering.register(subparsers, Sort.LABEL)
