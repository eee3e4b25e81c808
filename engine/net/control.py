"""What the supervisor and a worker tell each other: JSON lines over a socket pair.

Law: the worker says once that it listens, or why it cannot; the supervisor says once that the
worker should drain. The end of the supervisor's side is an order as well: end at once, for a worker
that nobody watches must not hold the ports against the next engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DRAIN = b"drain\n"


@dataclass(frozen=True, slots=True)
class Listening:
    """The worker takes connections."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot start; the parts are those of an `EngineError`."""

    code: str
    what: str
    mend: str
    exit_code: int


Report = Listening | Failed


def encode(report: Report) -> bytes:
    """A report as its line."""
    if isinstance(report, Listening):
        return b'{"listening": true}\n'
    parts = {"code": report.code, "what": report.what, "mend": report.mend}
    return json.dumps({**parts, "exit_code": report.exit_code}).encode() + b"\n"


class Reports:
    """Cuts what arrives into reports; any chunking."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Report]:
        """The reports that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            yield Listening() if "listening" in said else Failed(**said)
