"""What the insurers have received, read from the folders that `payergate sink --out` writes.

A sink appends a line to `index.jsonl` for each message, after the message's own file is in place
(docs/reference/cli.md); so a line that is whole can be followed.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping

from engine.demo.board import Arrival, Kind
from engine.hl7.wire import Message


class SinkFolder:
    """One insurer's folder, followed as it grows."""

    def __init__(self, channel: str, folder: pathlib.Path) -> None:
        self.channel = channel
        self._folder = folder
        self._read_bytes = 0
        self.count = 0

    def new(self, sent_segments: Mapping[str, int]) -> list[Arrival]:
        """What came since the last call; `sent_segments` is by control id."""
        index = self._folder / "index.jsonl"
        if not index.exists():
            return []
        with index.open("rb") as file:
            file.seek(self._read_bytes)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(newline)
        found = [self._arrival(json.loads(line), sent_segments) for line in whole.splitlines()]
        self.count += len(found)
        return found

    def _arrival(self, line: Mapping[str, object], sent_segments: Mapping[str, int]) -> Arrival:
        message = Message.parse((self._folder / f"{line['n']:08d}.hl7").read_bytes())
        kind = message.msh.field(9).split(message.delimiters.component)
        return Arrival(
            channel=self.channel,
            type="^".join(part.decode("ascii", "replace") for part in kind[:2]),
            segments=tuple(segment.id for segment in message.segments),
            sent_segments=sent_segments.get(str(line["control_id"]), 0),
        )


class Kinds:
    """Counts copies by channel and message type, in memory that does not grow with them."""

    def __init__(self) -> None:
        self._copies: dict[tuple[str, str], int] = {}
        self._segments: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, copy: Arrival) -> None:
        """Count one copy."""
        key = (copy.channel, copy.type)
        self._copies[key] = self._copies.get(key, 0) + 1
        self._segments.setdefault(key, {}).update(dict.fromkeys(copy.segments))

    def all(self) -> list[Kind]:
        """By channel and type."""
        return [
            Kind(channel, kind, copies, tuple(self._segments[channel, kind]))
            for (channel, kind), copies in sorted(self._copies.items())
        ]
