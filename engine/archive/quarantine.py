"""What becomes of a record that cannot be archived as it is. Pure.

Law: one record never keeps others from the archive, and none is passed over. A row of the chain
stands for it, with the record itself, sealed, since nobody knows what is in it. Where it ended a
copy, the row counts as a disclosure that must be accounted for and may have been received, of
everybody whom the message is about: never too few are told.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.archive.database import ArchiveRefusedError
from engine.archive.entries import ENDS, Entry, disclosed, recipient, time_of
from engine.archive.story import Person
from engine.intake.receipts import received_ms
from engine.intake.sealed import Sealing
from engine.policy.model import Channel

#: The kind of such a row.
QUARANTINED = "quarantined"

#: What a record is at fault for, not the archive: values that do not fit, members that are missing
#: or of another type.
FAULTS = (
    ArchiveRefusedError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A record by itself. `contract`: of its channel, if the site has it."""

    position: str
    record: Mapping[str, Any]
    people: tuple[Person, ...] = ()
    contract: Channel | None = None

    @property
    def receipt(self) -> str:
        """Its message, if it names one."""
        text = self.record.get("receipt")
        return text if isinstance(text, str) and is_receipt(text) else ""

    @property
    def channel(self) -> str:
        """Its channel, if it can be the name of one."""
        text = self.record.get("channel")
        return text if isinstance(text, str) and text.isascii() and len(text) <= 64 else ""

    @property
    def kind(self) -> str:
        """What kind of record it is."""
        return str(self.record["kind"]).encode("ascii", "replace").decode("ascii")[:32]


def quarantine(suspect: Suspect, fault: BaseException, sealing: Sealing) -> Entry:
    """The row that stands for the record."""
    record, position = suspect.record, suspect.position
    sealed = sealing.seal(json.dumps(record).encode("ascii"), about_record(position))
    members: dict[str, object] = {
        "of": suspect.kind,
        "fault": type(fault).__name__,
        "position": position,
        "record": base64.b64encode(sealed).decode("ascii"),
    }
    if suspect.kind in ENDS:
        channel = suspect.channel
        members |= {
            "disclosed": "no" if disclosed(record) == "no" else "possibly",
            "accountable": True,
            "recipient": recipient(channel, suspect.contract),
            "who": [one.who for one in suspect.people if one.who],
            "states": sorted({one.state for one in suspect.people if one.state}),
        }
    return Entry(
        QUARANTINED,
        time_of(record, position),
        suspect.receipt,
        suspect.channel,
        _terms(suspect.people),
        members,
    )


def unseal_record(sealing: Sealing, row: Mapping[str, Any]) -> dict[str, Any]:
    """The record that a row of this kind stands for. Raises `EngineError`."""
    sealed = base64.b64decode(row["record"])
    record: dict[str, Any] = json.loads(sealing.open(sealed, about_record(row["position"])))
    return record


def about_record(position: str) -> bytes:
    """What a sealed record is bound to."""
    return f"{position}|record".encode("ascii")


def is_receipt(text: object) -> bool:
    """Whether it is the name of a message."""
    try:
        return isinstance(text, str) and received_ms(text) >= 0
    except ValueError:
        return False


def _terms(people: Iterable[Person]) -> tuple[str, ...]:
    return tuple(sorted({term for one in people for term in one.terms}))
