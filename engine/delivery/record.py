"""The ledger record of how an entry left its lane. Pure.

Law: no disclosure without its record (I4), and no value of a message in one (I7): identifiers of
ours, codes, counts, and the note that was made when the copy was cut.
"""

from __future__ import annotations

import json
from datetime import datetime

from engine.store.port import Final, Opened

_encode = json.JSONEncoder(separators=(",", ":")).encode


def delivery_record(
    channel: str,
    opened: Opened,
    final: Final,
    at: datetime,
    *,
    attempts: int,
    ack: str = "",
    reason: str = "",
    note: bytes | None = None,
) -> bytes:
    """One JSON object: how it ended, then the members of the note (rules, basis, digest …).

    `attempts` counts those of which a byte may have left. `at` is wall-clock time, UTC.
    """
    members: dict[str, object] = {
        "kind": final.value,
        "receipt": opened.receipt,
        "channel": channel,
        "part": opened.part,
        "at": at.isoformat(timespec="milliseconds"),
        "attempts": attempts,
        "possible_duplicate": opened.possible_duplicate,
        "ack": ack,
    }
    if reason:
        members["reason"] = reason
    # The note is an object of ours, already JSON: its members are appended as they stand.
    tail = (opened.note if note is None else note).strip()
    head = _encode(members).encode()
    if len(tail) <= 2:
        return head
    return head[:-1] + b"," + tail[1:]
