"""A large archive, made by the archiver's own functions: real rows, real seals, a real chain.

Only the store is left out: a message is decided, sealed, told and written in bulk, a few
thousand to a transaction. Each went to one insurer; one of a hundred was refused and parked.
"""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.messages import ACCOUNT, ADT_8, CONTROL_ID, PATIENT, VISIT
from engine.archive.entries import Clerk, Entry, Message, read_record
from engine.archive.ledger import Appender
from engine.archive.opening import database_of, signing_key_of
from engine.archive.outcomes import Outcomes
from engine.archive.rows import DAY_MS, Arrived, insert_arrived
from engine.archive.signing import create_signing_key, read_signer
from engine.archive.story import Scribe, Story
from engine.config.load import load_site
from engine.delivery.record import delivery_record
from engine.hl7.wire import Message as Wire
from engine.intake.acceptance import Acceptances
from engine.intake.receipts import Receipts, received_at
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.decide import decide
from engine.policy.meaning.revision import revision
from engine.privacy.facts import Facts
from engine.redecision.kept_message import KeptMessage
from engine.store.port import Copy, Final, Opened
from engine.store.sealing import Sealer

#: So many messages are one transaction.
_BATCH = 2000
#: One message of so many is parked.
PARKED_OF = 100
#: A patient comes back after so many messages.
PATIENTS = 100_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written. `days`: of the messages, counted from 1970, oldest first."""

    messages: int
    disclosures: int
    days: tuple[int, ...]


def fill(root: pathlib.Path, messages: int, days: int, now: datetime) -> Filled:
    """Archive `messages` of the bench site in `root`, spread over the `days` before today."""
    site = load_site(root)
    compiled = compile_policy(site.policy, revision(site.policy))
    sealer = Sealer.of(site.keys, create=True)
    create_signing_key(signing_key_of(site))
    database = database_of(site)
    database.migrate()
    writer = _Writer(compiled, sealer)
    first_day = int(now.timestamp() * 1000) // DAY_MS - days
    signer = read_signer(signing_key_of(site))
    disclosures = 0
    for first in range(0, messages, _BATCH):
        with database.writing() as connection:
            appender = Appender(connection, signer)
            outcomes = Outcomes()
            arrived = []
            for number in range(first, min(first + _BATCH, messages)):
                at_ms = (first_day * messages + number * days) * DAY_MS // messages
                one, entries = writer.written(number, at_ms, outcomes)
                arrived.append(one)
                disclosures += len(entries) - 1
                appender.add(entries)
            insert_arrived(connection, arrived, outcomes)
            outcomes.save(connection)
            appender.finish(at_ms)
    database.close()
    return Filled(messages, disclosures, tuple(range(first_day, first_day + days)))


class _Writer:
    """Decides and tells messages, and says how each copy ended."""

    def __init__(self, compiled: CompiledPolicy, sealer: Sealer) -> None:
        self._compiled = compiled
        self._scribe = Scribe(compiled, sealer)
        self._acceptances = Acceptances(compiled, sealer)
        self._clerk = Clerk(compiled.policy, compiled.rules)
        self._told: dict[str, dict[str, Any]] = {}
        self._at_ms = 0
        self._receipts = Receipts(lambda: self._at_ms, lambda bits: (1 << bits) // 3)

    def written(self, number: int, at_ms: int, outcomes: Outcomes) -> tuple[Arrived, list[Entry]]:
        """One message and its rows of the chain: the decision, then an end for each copy."""
        self._at_ms = at_ms
        receipt = self._receipts.next()
        at = received_at(receipt)
        message = Wire.parse(admission(number))
        accept = self._acceptances.accept(
            receipt=receipt,
            listener="intake",
            message=message,
            outcomes=decide(message, self._compiled, Facts(at)),
            asked=(),
            taught={},
        )
        one = Arrived(read_record(accept.record), accept.sealed)
        one.opened = self._scribe.open(receipt, accept.sealed)
        if one.opened is None:
            raise RuntimeError("a message of the benchmark does not open")
        one.story = self._story(one.opened, accept.copies, at)
        one.terms = self._scribe.terms(one.opened)
        outcomes.decided(one.record)
        about = Message(one.record["type"], one.record["control_id"], one.story)
        records = [one.record, *(_end(receipt, copy, number, at) for copy in accept.copies)]
        for record in records[1:]:
            outcomes.happened(record)
        return one, [self._clerk.entry(record, f"{at_ms}-0", about) for record in records]

    def _story(self, kept: KeptMessage, copies: tuple[Copy, ...], at: datetime) -> Story:
        """The scribe's own story, told once for each insurer: only the digest is another."""
        (copy,) = copies
        if copy.channel not in self._told:
            unknown = (None,) * (len(kept.names) + len(kept.patients))
            story = self._scribe.tell(kept, (copy.channel,), unknown, at)
            self._told[copy.channel] = story.copies[copy.channel][0]
        told = self._told[copy.channel] | {"sha256": json.loads(copy.note)["sha256"]}
        return Story(self._scribe.people(kept), {copy.channel: [told]})


def admission(number: int) -> bytes:
    """An admission that names one insurer, of the patient `number % PATIENTS`."""
    patient = number % PATIENTS
    lines = ADT_8.split(b"\r")
    insured = [line for line in lines if line.startswith(b"IN1|")]
    chosen = insured[patient % len(insured)]
    kept = [line for line in lines if not line.startswith(b"IN1|") or line is chosen]
    values = {
        CONTROL_ID: b"B%09d" % number,
        PATIENT: b"P%07d" % patient,
        ACCOUNT: b"A%07d" % number,
        VISIT: b"V%07d" % number,
    }
    message = b"\r".join(kept)
    for place, value in values.items():
        message = message.replace(place, value)
    return message


def _end(receipt: str, copy: Copy, number: int, at: datetime) -> dict[str, Any]:
    is_parked = number % PARKED_OF == 0
    final, ack = (Final.PARKED, "AR") if is_parked else (Final.DELIVERED, "AA")
    opened = Opened("1-0", receipt, copy.part, b"", copy.note, 1, False, 5)
    reason = "refused" if is_parked else ""
    record = delivery_record(copy.channel, opened, final, at, attempts=1, ack=ack, reason=reason)
    return read_record(record)
