"""When a demo with a number of messages is over, whether it went well, and its JSON. Pure.

Law: it went well if every message was acknowledged, every channel has an outcome for every message,
and every insurer has counted what the store says was delivered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.demo.board import ChannelLine, Snapshot

_ACCEPTED = ("AA", "CA")


def settled(snapshot: Snapshot) -> bool:
    """Nothing is under way any more."""
    acknowledged = sum(snapshot.acknowledged.values())
    return acknowledged >= snapshot.sent and all(
        line.depth == 0 and line.final >= snapshot.sent and line.sink_messages >= line.delivered
        for line in snapshot.channels
    )


def is_ok(snapshot: Snapshot) -> bool:
    """It went well."""
    accepted = sum(snapshot.acknowledged.get(code, 0) for code in _ACCEPTED)
    return accepted == snapshot.sent and all(
        line.depth == 0 and line.final == snapshot.sent and _agree(line)
        for line in snapshot.channels
    )


def as_json(snapshot: Snapshot, ports: Mapping[str, int]) -> dict[str, Any]:
    """The contract of `demo --json` (docs/reference/cli.md). `ports`: listeners and insurers."""
    return {
        "messages": snapshot.sent,
        "acknowledged": dict(snapshot.acknowledged),
        "ports": dict(ports),
        "channels": {
            line.channel: {
                "delivered": line.delivered,
                "parked": line.parked,
                "held": line.held,
                "withheld": line.withheld,
                "duplicates": line.duplicates,
                "sink_messages": line.sink_messages,
            }
            for line in snapshot.channels
        },
        "ok": is_ok(snapshot),
    }


def _agree(line: ChannelLine) -> bool:
    """The insurer has what was delivered; more only where an attempt's outcome was unknown."""
    return line.delivered <= line.sink_messages <= line.delivered + line.duplicates
