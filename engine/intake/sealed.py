"""What goes to the store sealed, and the names under which it does.

Law: whatever holds a value of a message is sealed before it leaves this process, bound to the place
it is for: a copy cut for one channel cannot be opened as another's. Where the store must find
something again, it gets a keyed hash, never the value (I7).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache, partial
from typing import Protocol

from engine.privacy.facts import CoverageKey, CoverageRow, Coverages
from engine.privacy.visit import Visit

#: How many names, and how many snapshots, are remembered.
REMEMBERED = 5_000


class Sealing(Protocol):
    """Authenticated encryption and keyed hashing: `engine.store.sealing.Sealer`."""

    def seal(self, content: bytes, context: bytes) -> bytes:
        """`content`, unreadable, bound to `context`, for as long as the site lasts."""

    def seal_message(self, content: bytes, context: bytes) -> bytes:
        """The same for what a message said, until its day is erased; `context` is one `about_…`."""

    def open(self, blob: bytes, context: bytes) -> bytes:
        """The content; raises `EngineError` when it was not sealed for `context`."""

    def keyed_hash(self, text: bytes) -> bytes:
        """A name for `text` that tells nothing of it to who has no key."""


def about_message(receipt: str) -> bytes:
    """What a received message is bound to."""
    return receipt.encode("ascii")


def about_copy(receipt: str, channel: str, part: int) -> bytes:
    """What one channel's copy is bound to."""
    return f"{receipt}|{channel}|{part}".encode("ascii")


def duplicate_key(
    sealing: Sealing, application: bytes, facility: bytes, control_id: bytes
) -> bytes:
    """The name of a sender's message: MSH-3, MSH-4 and MSH-10, as received."""
    return sealing.keyed_hash(b"\x1c".join((b"message", application, facility, control_id)))


def coverage_name(sealing: Sealing, key: CoverageKey) -> bytes:
    """The name under which the store keeps what is known of `key`."""
    # As JSON: a number may hold any character, once its escapes are undone.
    parts = ("coverage", key.level.value, key.patient, key.authority, key.number)
    return sealing.keyed_hash(json.dumps(parts).encode())


def disclosure_name(sealing: Sealing, visit: Visit, channel: str) -> bytes:
    """The name under which it stands that something of `visit` was queued for `channel`."""
    parts = ("disclosed", channel, visit.authority, visit.number)
    return sealing.keyed_hash("\x1c".join(parts).encode())


def cancel_name(sealing: Sealing, visit: Visit, trigger: str) -> bytes:
    """The name under which it stands that a cancel (A11, A12, A13) of `visit` came."""
    parts = ("cancelled", trigger, visit.authority, visit.number)
    return sealing.keyed_hash("\x1c".join(parts).encode())


def seal_coverages(sealing: Sealing, name: bytes, coverages: Coverages) -> bytes:
    """A snapshot of coverage, for the place `name`."""
    rows = [(row.channel, _text(row.since), _text(row.until)) for row in coverages.rows]
    return sealing.seal(json.dumps([rows, coverages.others]).encode(), name)


def unseal_coverages(sealing: Sealing, name: bytes, sealed: bytes) -> Coverages:
    """The snapshot that `seal_coverages` made."""
    rows, others = json.loads(sealing.open(sealed, name))
    return Coverages(
        tuple(CoverageRow(channel, _date(since), _date(until)) for channel, since, until in rows),
        others,
    )


class Snapshots:
    """Names and contents of coverage; each is hashed or opened once while it is `remembered`.

    The store is asked for the same ones again and again, and what it answers has seldom changed.
    """

    def __init__(self, sealing: Sealing, remembered: int = REMEMBERED) -> None:
        self.name = lru_cache(remembered)(partial(coverage_name, sealing))
        self._open = lru_cache(remembered)(partial(unseal_coverages, sealing))

    def read(
        self, names: Mapping[CoverageKey, bytes], answers: Iterable[bytes | None]
    ) -> dict[CoverageKey, Coverages | None]:
        """What `Recall(names.values())` answered."""
        return {
            key: None if sealed is None else self._open(name, sealed)
            for (key, name), sealed in zip(names.items(), answers, strict=True)
        }


def hash_key(sealing: Sealing) -> bytes:
    """The key of masks that hash, which outlives the rotation of sealing keys."""
    return sealing.keyed_hash(b"key of masks")


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
