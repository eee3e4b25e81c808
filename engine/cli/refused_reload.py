"""What became of the last SIGHUP where it changed nothing: kept beside the engine, for `status`.

Law: it stands there for as long as the engine runs with another site than somebody asked for.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from engine import durable
from engine.cli.moments import utc

_FILE = "reload-refused.json"


@dataclass(frozen=True, slots=True)
class RefusedReload:
    """When (UTC), by which error, where first (`file:line:column`, or empty), how many problems."""

    at: str
    code: str
    place: str = ""
    problems: int = 0


def note_refusal(var: Path, at: datetime, code: str, place: str, problems: int) -> None:
    """Keep it; where the disk does not take it, the log alone has it."""
    said = asdict(RefusedReload(utc(at), code, place, problems))
    with suppress(OSError):
        durable.replace(var / _FILE, json.dumps(said).encode())


def forget_refusal(var: Path) -> None:
    """The files are in force."""
    with suppress(OSError):
        (var / _FILE).unlink(missing_ok=True)


def read_refusal(var: Path) -> RefusedReload | None:
    """The last one, if it still stands; None also where it cannot be read."""
    try:
        return RefusedReload(**json.loads((var / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
