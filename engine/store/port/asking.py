"""What people and monitors ask of lanes, and the orders that they give.

Law: a question changes nothing; an order is in the ledger before it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Order(Enum):
    """What a person may order of a lane."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"  # paused for cause; only `resume` lifts it


@dataclass(frozen=True, slots=True)
class Control:
    """Give a lane an order, in force at its next `Advance`; `reason` is shown in status.

    Answers whether it took effect: PAUSE does nothing to a killed lane. RESUME also lets the head
    be tried at once. `record` goes to the ledger and is the order's identity, as in `Resolve`.
    """

    channel: str
    order: Order
    reason: str
    record: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """Publish the engine's state (JSON, no PHI) for `ttl_ms`; answers `LaneView`s in order."""

    engine: str
    state: bytes
    ttl_ms: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Read what `status` shows; answers `View`. Changes nothing."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane from outside. Times are Unix milliseconds by the store's clock; 0: never.

    `depth` counts entries, `attempts` those on the head. `parked`, `held`, `waiting`, `delivered`
    and `withheld` count messages, each in exactly one, so that their sum is the number of messages
    decided for this channel; with several parts the first of that order that holds for a part
    holds for the message, and what a person discards is withheld. `duplicates` counts attempts
    that were opened as possible duplicates and of which at least a byte left.
    """

    channel: str
    depth: int
    oldest_ms: int
    open_entry: str
    attempts: int
    not_before_ms: int
    last_error: str
    order: Order | None
    order_reason: str
    last_ack: str
    last_ack_ms: int
    parked: int
    held: int
    delivered: int
    withheld: int
    duplicates: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What `status` reads: live engines' states (engine id → JSON), lanes, the store's clock."""

    engines: tuple[tuple[str, bytes], ...]
    lanes: tuple[LaneView, ...]
    now_ms: int


class Kept(Enum):
    """Why an item waits for a person."""

    PARKED = "parked"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Item:
    """A dead letter or a hold. `sealed` is empty for holds: nothing was cut."""

    channel: str
    id: str
    kind: Kept
    receipt: str
    part: int
    reason: str
    since_ms: int
    attempts: int
    sealed: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Items:
    """List parked and held items of a channel, oldest first, after `after` (an item id or "").

    `receipt` non-empty narrows it to one message. Answers a tuple of `Item`.
    """

    channel: str
    after: str = ""
    limit: int = 100
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """List a lane's entries, head first; answers a tuple of `Entry`."""

    channel: str
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a lane from outside."""

    entry: str
    receipt: str
    part: int
    size_bytes: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """Ledger records after `after` (a position or ""), oldest first: tuple of (position, JSON)."""

    after: str = ""
    limit: int = 1000
