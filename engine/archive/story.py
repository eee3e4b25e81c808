"""What the archive writes down of a message's content, found once, when it is archived.

Law: the story of a copy is told only where the very bytes that were cut can be made again (their
digest says so); otherwise nothing is claimed. It names segments, reasons and counts, never a value;
patients are keyed hashes, and what must be readable later is sealed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from engine.archive.terms import patient_terms, patients_of, terms_of
from engine.errors import EngineError
from engine.hl7.build import with_control_id
from engine.hl7.wire import Message, Segment
from engine.intake.receipts import control_id_of_copy
from engine.intake.sealed import Sealing
from engine.policy.compile import CompiledPolicy
from engine.policy.model import ControlId
from engine.policy.telling.explain import CopyStory, SegmentStory, tell_copies
from engine.redecision.kept_message import Answers, KeptMessage
from engine.redecision.redecide import Redecision
from engine.store.keyfile import KeysAwayError
from engine.store.port import Recall

#: USPS abbreviations; anything else in PID-11.4 is not written down.
STATES = frozenset(
    """
    AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM
    NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI
    """.split()  # noqa: SIM905 - read as a list of names
)


@dataclass(frozen=True, slots=True)
class Person:
    """One PID: whom it is about, as hashes; the identifiers sealed; the state, where it is one."""

    terms: tuple[str, ...]  # hexadecimal
    who: str  # base64 of the sealed identifiers
    state: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One message. `copies`: channel → a story for each copy, as JSON."""

    people: tuple[Person, ...] = ()
    copies: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    def as_json(self) -> str:
        """For the archive's column."""
        people = [[list(one.terms), one.who, one.state] for one in self.people]
        return json.dumps({"people": people, "copies": self.copies}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Story:
        """What `as_json` wrote."""
        said = json.loads(text)
        people = tuple(Person(tuple(terms), who, state) for terms, who, state in said["people"])
        return cls(people, said["copies"])

    def copy(self, channel: str, sha256: str) -> dict[str, Any] | None:
        """The story of the copy with these bytes, if it is known."""
        return next((one for one in self.copies.get(channel, ()) if one["sha256"] == sha256), None)


class Scribe:
    """Writes stories under one compiled policy."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._compiled = compiled
        self._sealing = sealing
        self._redecision = Redecision(compiled, sealing)
        self.revision = compiled.revision

    @property
    def sealing(self) -> Sealing:
        """What it seals with."""
        return self._sealing

    def open(self, receipt: str, sealed: bytes) -> KeptMessage | None:
        """The message, and what to ask the store for; None when it does not open or is none.

        Raises `KeysAwayError` when its key may be back.
        """
        try:
            return self._redecision.case(receipt, sealed)
        except KeysAwayError:
            raise
        except EngineError:
            return None

    def gather(
        self, kept: KeptMessage, ask: Callable[[Recall], Answers]
    ) -> tuple[KeptMessage, Answers]:
        """The message with all that is to be asked, and the answers."""
        return self._redecision.gather(kept, ask)

    def terms(self, kept: KeptMessage) -> frozenset[bytes]:
        """What the message is found by."""
        return terms_of(self._sealing, kept.message)

    def copies(
        self,
        kept: KeptMessage,
        channels: Iterable[str],
        recalled: tuple[bytes | None, ...],
        at: datetime,
    ) -> dict[str, tuple[CopyStory, ...]]:
        """For each of `channels` its copies as they would go, decided as at the time `at`."""
        facts = self._redecision.facts(kept, recalled, at)
        told = tell_copies(kept.message, self._compiled, facts, channels)
        return {channel: self._renamed(kept.receipt, channel, told[channel]) for channel in told}

    def tell(
        self,
        kept: KeptMessage,
        channels: Iterable[str],
        recalled: tuple[bytes | None, ...],
        at: datetime,
    ) -> Story:
        """The story of the message and its copies for `channels`, decided as at the time `at`."""
        places = {pid.index + 1: number for number, pid in enumerate(kept.message.all("PID"))}
        copies = {
            channel: [_told(copy, places) for copy in told]
            for channel, told in self.copies(kept, channels, recalled, at).items()
        }
        return Story(self.people(kept), copies)

    def people(self, kept: KeptMessage) -> tuple[Person, ...]:
        """Everybody whom the message is about."""
        return tuple(self._person(kept, pid) for pid in kept.message.all("PID"))

    def _renamed(
        self, receipt: str, channel: str, copies: tuple[CopyStory, ...]
    ) -> tuple[CopyStory, ...]:
        """With control ids of their own where the channel's copies have them (rules.md §10.20)."""
        if self._compiled.policy.channels[channel].control_id is not ControlId.NEW:
            return copies
        return tuple(
            replace(
                copy,
                data=with_control_id(copy.data, control_id_of_copy(receipt, channel, part)),
            )
            for part, copy in enumerate(copies)
        )

    def _person(self, kept: KeptMessage, pid: Segment) -> Person:
        message, sealing = kept.message, self._sealing
        ids = patients_of(message, pid)
        terms = tuple(sorted(term.hex() for term in patient_terms(sealing, ids)))
        sealed = sealing.seal(json.dumps(ids).encode(), about_people(kept.receipt))
        who = base64.b64encode(sealed).decode("ascii") if ids else ""
        return Person(terms, who, _state(message, pid))


def about_people(receipt: str) -> bytes:
    """What the sealed identifiers of a ledger row are bound to."""
    return f"{receipt}|people".encode("ascii")


def unseal_people(sealing: Sealing, receipt: str, who: str) -> tuple[tuple[str, str], ...]:
    """The identifiers with their authorities."""
    found = json.loads(sealing.open(base64.b64decode(who), about_people(receipt)))
    return tuple((number, authority) for number, authority in found)


def _state(message: Message, pid: Segment) -> str:
    address = message.split(pid.field(11), message.delimiters.repetition)[0]
    parts = message.split(address, message.delimiters.component)
    text = message.text(parts[3]).strip().upper() if len(parts) > 3 else ""
    return text if text in STATES else ""


def _told(copy: CopyStory, places: Mapping[int, int]) -> dict[str, Any]:
    """What went and what did not: counts of segments by id, and why."""
    kept: Counter[str] = Counter()
    cut: dict[str, Counter[str]] = {}
    withheld: dict[str, Counter[str]] = {}
    for segment in copy.segments:
        if segment.verdict != "withheld":
            kept[segment.id] += 1
        if segment.verdict != "kept":
            where = cut if segment.verdict == "cut" else withheld
            where.setdefault(segment.id or "?", Counter()).update(_reasons(segment))
    people = [places[one.index] for one in copy.segments if one.index in places]
    return {
        "sha256": hashlib.sha256(copy.data).hexdigest(),
        "people": people,
        "kept": dict(kept),
        "cut": {id_: dict(reasons) for id_, reasons in cut.items()},
        "withheld": {id_: dict(reasons) for id_, reasons in withheld.items()},
    }


def _reasons(segment: SegmentStory) -> set[str]:
    codes = {one.code for one in segment.because}
    return codes - {"granted"} or codes
