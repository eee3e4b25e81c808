"""What the ledger says of each thing that happened: rows made of the store's records. Pure.

Law: a row of a disclosure says all that 45 CFR 164.528(b)(2) asks (when, to whom with the address,
what, why), on which basis, whether it must be accounted for, what was cut and for which reason, and
what the counterpart answered. A record that cannot be read becomes a row that says so; none is
passed over. No member holds a clinical value (I7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.archive.story import Person, Story
from engine.policy.model import (
    WITHOUT_AUTHORIZATION,
    Channel,
    Consent,
    PayerType,
    Policy,
    Purpose,
    Rule,
)

#: Kinds of rows that end a copy in its lane.
ENDS = frozenset({"delivered", "parked", "withheld"})

#: 45 CFR 164.512 permits what 164.528 wants accounted for: oversight, workers' compensation, law.
_ACCOUNTED_BASIS = "164.512"

#: Segments as people call what they hold.
CLASSES = {
    "MSH": "message header",
    "EVN": "event",
    "PID": "identity and demographics",
    "PD1": "demographics",
    "NK1": "next of kin",
    "PV1": "visit",
    "PV2": "visit",
    "IN1": "insurance",
    "IN2": "insurance",
    "IN3": "insurance",
    "GT1": "guarantor",
    "DG1": "diagnoses",
    "DRG": "diagnosis-related group",
    "PR1": "procedures",
    "AL1": "allergies",
    "FT1": "charges",
    "ORC": "orders",
    "OBR": "orders",
    "OBX": "results",
    "NTE": "notes",
    "SPM": "specimens",
    "TXA": "document header",
    "MRG": "former identifiers",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to be, before it has its number and hash. `patients` are hashes in hexadecimal."""

    kind: str
    at_ms: int
    receipt: str = ""
    channel: str = ""
    patients: tuple[str, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What the archive knows of the message that a record is about."""

    type: str = ""
    control_id: str = ""
    story: Story = field(default_factory=Story)


def read_record(record: bytes) -> dict[str, Any]:
    """A record of the store's ledger; one that is no JSON object becomes one that says so."""
    try:
        said = json.loads(record)
        if isinstance(said, dict) and isinstance(said.get("kind"), str):
            return said
    except ValueError:
        pass
    return {"kind": "unreadable", "record_sha256": hashlib.sha256(record).hexdigest()}


def time_of(record: Mapping[str, Any], position: str) -> int:
    """Unix milliseconds of a record, by the store's clock where it does not say."""
    try:
        return int(datetime.fromisoformat(record["at"]).timestamp() * 1000)
    except (KeyError, OverflowError, TypeError, ValueError):
        return int(position.partition("-")[0])


def short(value: object, characters: int) -> str:
    """A text that any database takes: bounded, and without NUL, which PostgreSQL refuses."""
    return str(value).replace("\x00", "\ufffd")[:characters]


class Clerk:
    """Makes rows under one policy."""

    def __init__(self, policy: Policy, rules: Mapping[str, Rule]) -> None:
        self._channels = policy.channels
        self._rules = rules

    def contract(self, channel: str) -> Channel | None:
        """The contract with a channel, if the site has it."""
        return self._channels.get(channel)

    def entry(self, record: Mapping[str, Any], position: str, message: Message) -> Entry:
        """The row of one record."""
        kind = short(record["kind"], 16)
        channel = short(record.get("channel", ""), 64)
        people: Iterable[Person] = message.story.people
        members = {
            name: value
            for name, value in record.items()
            if name not in {"kind", "receipt", "channel", "at", "seq", "patients"}
        }
        members["position"] = position
        if kind in ENDS:
            told = message.story.copy(channel, str(record.get("sha256", "")))
            people = _concerned(message.story, told)
            members |= self._disclosure(record, channel, message, told)
            members["who"] = [one.who for one in people if one.who]
            members["states"] = sorted({one.state for one in people if one.state})
        return Entry(
            kind,
            time_of(record, position),
            short(record.get("receipt", ""), 20),
            channel,
            tuple(sorted({term for one in people for term in one.terms})),
            members,
        )

    def _disclosure(
        self,
        record: Mapping[str, Any],
        channel: str,
        message: Message,
        told: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """To whom, what, on which basis, and how it ended."""
        names = [name for name in record.get("rules", ()) if isinstance(name, str)]
        rules = [self._rules[name] for name in names if name in self._rules]
        contract = self._channels.get(channel)
        kept: Mapping[str, int] = told["kept"] if told else {}
        return {
            "type": message.type,
            "control_id": record.get("control_id", message.control_id),  # as it was sent
            "source_control_id": message.control_id,
            "recipient": recipient(channel, contract),
            "disclosed": disclosed(record),
            "accountable": accountable(contract, rules, record.get("basis", ())),
            "description": describe(message.type, kept),
            "kept": dict(kept),
            "cut": told["cut"] if told else {},
            "withheld_segments": told["withheld"] if told else {},
            "cut_known": told is not None,
            "consents": record.get("consents", []),
            "restrictions": record.get("restrictions", []),
            "applied": record.get("applied", []),
        }


def recipient(channel: str, contract: Channel | None) -> dict[str, str]:
    """Name and, if known, address (164.528(b)(2)(ii)), and the agreement."""
    if contract is None:
        return {"channel": channel, "name": channel, "address": "", "agreement": ""}
    return {
        "channel": channel,
        "name": contract.name,
        "address": contract.address,
        "agreement": contract.agreement_reference,
    }


def disclosed(record: Mapping[str, Any]) -> str:
    """Whether the counterpart has it: yes, possibly, no. A refusal has been received, too."""
    if record["kind"] == "delivered" or record.get("ack"):
        return "yes"
    return "possibly" if record.get("attempts") else "no"


def accountable(contract: Channel | None, rules: Iterable[Rule], basis: Iterable[object]) -> bool:
    """Whether 164.528 wants it in an accounting.

    Not for treatment, payment and operations, and not under an authorization (164.528(a)(1)); but
    for whatever 164.512 permits, and for whatever is not known to be exempt.
    """
    rules = tuple(rules)
    bases = {str(one) for one in basis} | {rule.basis for rule in rules}
    if any(_ACCOUNTED_BASIS in one for one in bases):
        return True
    if contract is not None and contract.payer_type is PayerType.WORKERS_COMP:
        return True
    return not rules or not all(_is_exempt(rule) for rule in rules)


def _is_exempt(rule: Rule) -> bool:
    exempt: frozenset[Purpose] = WITHOUT_AUTHORIZATION
    return rule.purpose in exempt or rule.consent is Consent.REQUIRED


def describe(type_: str, kept: Mapping[str, int]) -> str:
    """The brief description of what was disclosed (164.528(b)(2)(iii)): classes, no values."""
    classes = dict.fromkeys(CLASSES.get(id_, f"segment {id_}") for id_ in kept if id_ != "MSH")
    what = ", ".join(classes)
    return f"{type_}: {what}" if what else type_


def _concerned(story: Story, told: Mapping[str, Any] | None) -> tuple[Person, ...]:
    """The people whom a copy is about; where that is not certain, everybody in the message."""
    places = told["people"] if told else ()
    chosen = tuple(story.people[place] for place in places if place < len(story.people))
    return chosen or story.people


def act(kind: str, at: datetime, by: str, reason: str, **members: object) -> Entry:
    """The row of a person's act or look. `at` is aware."""
    receipt = str(members.pop("receipt", ""))
    channel = str(members.pop("channel", ""))
    patients = members.pop("patients", ())
    terms = tuple(str(one) for one in patients) if isinstance(patients, tuple) else ()
    said = {"by": by, "why": reason, **members}
    return Entry(kind, int(at.astimezone(UTC).timestamp() * 1000), receipt, channel, terms, said)
