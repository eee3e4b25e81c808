"""Who gives a command, and why.

Law: where a reason is asked for there is none but by giving one; what is typed can be recorded,
whatever its bytes are. Nothing here needs the archive, so that a command without one is quick.
"""

from __future__ import annotations

import argparse
import getpass
import os

from engine.errors import UsageError


def operator() -> str:
    """Who gives the command, for the record: the login name, or the user id where it has none."""
    try:
        return as_reason(getpass.getuser())
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def as_reason(text: str) -> str:
    """A reason as it can be recorded: bytes that are no text are shown as such."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def add_reason(
    parser: argparse.ArgumentParser,
    text: str = "why; recorded",
    *,
    is_required: bool = False,
    default: str = "",
) -> None:
    """Add `--reason`; `text` says what it is for."""
    parser.add_argument(
        "--reason", type=as_reason, required=is_required, default=default, help=text
    )


def need_reason(reason: str, text: str = "This is done for a reason only.") -> None:
    """Raise `UsageError` where there is none; `text` says what it is asked for."""
    if not reason.strip():
        raise UsageError("reason", text, "Say --reason TEXT.")
