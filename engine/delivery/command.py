"""What a lane wants done next, and what it then waits for: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.store.port import Advance, Claim, Halt, Opened


@dataclass(frozen=True, slots=True)
class Ask:
    """Submit `operation`. `drop` first closes the connection: no late answer may be taken."""

    operation: Claim | Advance
    drop: bool = False


@dataclass(frozen=True, slots=True)
class TakeLook:
    """Take the last look at `opened`."""

    opened: Opened


@dataclass(frozen=True, slots=True)
class Transmit:
    """Outcome `payload` for an answer."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do for `seconds`, or until woken. `why`: FENCED when somebody else holds it."""

    seconds: float
    why: Halt


@dataclass(frozen=True, slots=True)
class Finished:
    """The lane was stopped and is let go of."""


Command = Ask | TakeLook | Transmit | Rest | Finished


class State(Enum):
    """What the lane waits for."""

    NEW = "new"
    CLAIMING = "claiming"
    ADVANCING = "advancing"
    LOOKING = "looking"
    EXCHANGING = "exchanging"
    RESTING = "resting"
    FINISHED = "finished"
