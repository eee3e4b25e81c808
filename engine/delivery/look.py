"""The last look at an entry, just before its first byte would leave: send, withhold, or park.

Law: a look may only narrow. What it cannot read or cannot decide is parked, never sent (I2, I6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from engine.errors import EngineError, NotHL7Error
from engine.hl7.wire import Message
from engine.store.keyfile import KeysAwayError
from engine.store.port import Opened

#: Why an entry is parked when what was sealed cannot be opened or is no message.
UNDECIPHERABLE = "undecipherable"


@dataclass(frozen=True, slots=True)
class Send:
    """Send `payload`, whose MSH-10 is `control_id`.

    `note` replaces the entry's own in the ledger when what is sent is less than what was cut.
    """

    payload: bytes
    control_id: bytes
    note: bytes | None = None


@dataclass(frozen=True, slots=True)
class Withhold:
    """Nothing may be sent any more; `reason` is a code of docs/reference/reasons.md."""

    reason: str


@dataclass(frozen=True, slots=True)
class ParkIt:
    """A person must look; `reason` is a code of docs/how-to/handle-dead-letters.md."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """It cannot be told now, and will be told by itself: try again after a while."""

    reason: str


Sight = Send | Withhold | ParkIt | NotYet

#: May answer at once or later; a look that needs the journal answers later.
Look = Callable[[Opened], "Sight | Deferred[Sight]"]


class AsCut:
    """The look of a site whose policy and facts have not changed: what was cut is sent.

    `unseal` gives the payload of an opened entry, and raises `EngineError` when it cannot.
    """

    def __init__(self, unseal: Callable[[Opened], bytes]) -> None:
        self._unseal = unseal

    def __call__(self, opened: Opened) -> Sight:
        """Send it as it was cut."""
        try:
            payload = self._unseal(opened)
        except KeysAwayError as away:
            return NotYet(away.code)
        except EngineError:
            return ParkIt(UNDECIPHERABLE)
        control_id = control_id_of(payload)
        return Send(payload, control_id) if control_id else ParkIt(UNDECIPHERABLE)


def control_id_of(payload: bytes) -> bytes:
    """MSH-10 of a message of ours, which always ends its segments in CR; empty if there is none."""
    header = payload[: payload.find(b"\r")]
    if not header.isascii():  # a separator may be half a character there
        try:
            return Message.parse(payload).msh.field(10)
        except NotHL7Error:
            return b""
    fields = payload.split(payload[3:4] or b"|", 10)
    if len(fields) < 10 or not payload.startswith(b"MSH"):
        return b""
    control_id = fields[9]
    return b"" if b"\r" in b"".join(fields[:9]) else control_id.partition(b"\r")[0]
