"""What goes out: one channel's lane, one holder at a time, one open attempt at a time.

Law: an attempt is on disk before a byte of it leaves, and only the latest fence moves a lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Claim:
    """Become the holder of a channel's lane, under the next fence.

    `holder` names one life of one process. `takeover`: the former holder is known to be dead. An
    attempt that was open has an unknown outcome from now on. Turns begin again at 1.
    """

    channel: str
    holder: str
    lease_ms: int
    takeover: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """`fence` 0: somebody else holds the lane for another `wait_ms`."""

    fence: int
    wait_ms: int = 0


class Final(Enum):
    """How an entry leaves its lane."""

    DELIVERED = "delivered"
    PARKED = "parked"
    WITHHELD = "withheld"  # the last look allowed nothing any more


@dataclass(frozen=True, slots=True)
class Settle:
    """The entry is done. `record` is its ledger record; `reason` is set unless delivered.

    `answered` is the acknowledgment code that came, or empty.
    """

    entry: str
    final: Final
    record: bytes
    reason: str = ""
    answered: str = ""


@dataclass(frozen=True, slots=True)
class Postpone:
    """The entry stays at the head, to be tried again after `delay_ms`.

    `unknown`: bytes left and no definite answer came, so the next attempt is a possible duplicate.
    `keep_attempt`: the attempt counts, as a byte of it may have left; else it was opened in vain.
    """

    entry: str
    delay_ms: int
    error: str
    unknown: bool
    answered: str = ""
    keep_attempt: bool = True


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of a lane: close what was open, then open an attempt on the head.

    `turn` counts the holder's steps from 1 under one fence; the same turn twice is one step, and
    its second answer equals the first. The lease is prolonged by `lease_ms`. A step that makes no
    sense under the fence (another turn than the next, a close of what is not open, something open
    and no close) changes nothing and is answered FENCED: claim again. With `open_next` false
    nothing is opened; the answer says why nothing would be, or WAIT for 0 ms.
    """

    channel: str
    fence: int
    turn: int
    lease_ms: int
    close: Settle | Postpone | None = None
    open_next: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt is open, durably: send `sealed` now.

    `attempt` counts from 1 over restarts; a replay of a parked item counts anew.
    `possible_duplicate`: an earlier attempt's outcome is not known, also one before the replay.
    `waited_ms` is the entry's age. `stale`: the facts of privacy that it was cut under have changed
    (`Footing`); this alone is as of the answer, also when a step is answered for a second time.
    """

    entry: str
    receipt: str
    part: int
    sealed: bytes
    note: bytes
    attempt: int
    possible_duplicate: bool
    waited_ms: int
    stale: bool = False


class Halt(Enum):
    """Why a lane has nothing to send just now; of several reasons, the first in this order.

    FENCED, PAUSED (or killed), EMPTY, WAIT.
    """

    EMPTY = "empty"
    PAUSED = "paused"
    WAIT = "wait"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Halted:
    """Nothing was opened. With WAIT, `wait_ms` until the head may be tried again."""

    why: Halt
    wait_ms: int = 0
