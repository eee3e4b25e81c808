"""A kept message decided again, with today's policy and today's facts: replay, and release.

Law: a new decision is never wider than today's policy, whatever the old one said. It takes the
place of exactly the item that was kept, so that nothing is sent twice: of a message about several
patients, a parked part comes back as that part or not at all.

    redecision = Redecision(compiled, sealing)
    case = redecision.case(receipt, sealed)              # sealed: what `Fetch(receipt)` answered
    outcomes = redecision.decide(case, recalled, now)    # recalled: what `Recall(case.names)` did
    resolve = redecision.resolve(item, case, outcomes, Act(...))   # for each item of the receipt
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.acceptance import Acceptances
from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.model import State
from engine.policy.outcome import Outcome, Verdict
from engine.privacy.coverage import coverage_keys, needs_coverage
from engine.privacy.facts import CoverageKey, Facts
from engine.records import outcome_record
from engine.sealed import Sealing, about_copy, about_message, coverage_name, coverages_of
from engine.store.port import Copy, Hold, Item, Kept, Resolve

_encode = json.JSONEncoder(separators=(",", ":")).encode


class RedecisionError(EngineError):
    """The item cannot be decided again; it stays where it is."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who had it decided again, when and why; all of it is recorded. `at` is aware."""

    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A journalled message, open. `names`: what to `Recall` before it is decided, in order."""

    receipt: str
    message: Message
    keys: tuple[CoverageKey, ...]
    names: tuple[bytes, ...]


class Redecision:
    """Decides again under one compiled policy."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._compiled = compiled
        self._sealing = sealing
        self._acceptances = Acceptances(compiled, sealing)

    def case(self, receipt: str, sealed: bytes) -> KeptMessage:
        """Open what the journal holds of `receipt`. Raises `EngineError` if it does not open."""
        message = Message.parse(self._sealing.open(sealed, about_message(receipt)))
        keys = coverage_keys(message) if needs_coverage(message, self._compiled) else ()
        names = tuple(coverage_name(self._sealing, key) for key in keys)
        return KeptMessage(receipt, message, keys, names)

    def decide(
        self, case: KeptMessage, recalled: tuple[bytes | None, ...], now: datetime
    ) -> Mapping[str, Outcome]:
        """Today's outcome for every channel. `now` is aware."""
        names = dict(zip(case.keys, case.names, strict=True))
        known = coverages_of(self._sealing, names, recalled)
        coverages = {key: found for key, found in known.items() if found is not None}
        return decide(case.message, self._compiled, Facts(now, coverages))

    def resolve(
        self, item: Item, case: KeptMessage, outcomes: Mapping[str, Outcome], act: Act
    ) -> Resolve:
        """Put the outcome for the item's channel in the item's place.

        Raises `RedecisionError` when the channel is not live any more, or when it is not certain
        which patient a part was about.
        """
        outcome = outcomes.get(item.channel)
        channel = self._compiled.policy.channels.get(item.channel)
        if outcome is None or channel is None or channel.state is not State.LIVE:
            raise RedecisionError(
                "channel-not-live",
                f"The channel {item.channel} is not live in this site.",
                "Make it live again, or discard the item with a reason.",
            )
        copies: tuple[Copy, ...] = ()
        hold: Hold | None = None
        if outcome.verdict is Verdict.DISCLOSE:
            copies = self._copies(item, case, outcome)
        elif outcome.verdict is Verdict.HOLD:
            hold = self._acceptances.hold(outcome, case.keys)
        record = self._record(item, outcome, channel.state, act)
        return Resolve(item.channel, item.id, record, copies, hold)

    def _copies(self, item: Item, case: KeptMessage, outcome: Outcome) -> tuple[Copy, ...]:
        """All parts for a hold; for a dead letter its own part alone."""
        copies = self._acceptances.copies(item.receipt, outcome)
        if item.kind is Kept.HELD:
            return tuple(copies)
        if len(case.message.all("PID")) > 1 and not self._is_same_patient(item, case, outcome):
            raise RedecisionError(
                "part-unclear",
                "The message is about several patients, and today's policy would send others of"
                " them, so that it is not certain which one this part is.",
                "Discard it with a reason and have the hospital send the message again.",
            )
        return (copies[item.part],)

    def _is_same_patient(self, item: Item, case: KeptMessage, outcome: Outcome) -> bool:
        """Whether part n is still about the patient whom the parked copy was cut for."""
        if item.part >= len(outcome.payloads):
            return False
        about = about_copy(item.receipt, item.channel, item.part)
        before = Message.parse(self._sealing.open(item.sealed, about)).all("PID")
        kept = outcome.payloads[item.part].kept
        now = [pid for pid in case.message.all("PID") if pid.index in kept]
        ids = [pid.field(3) for pid in case.message.all("PID")]
        return (
            len(before) == len(now) == 1
            and before[0].field(3) == now[0].field(3)
            and ids.count(now[0].field(3)) == 1
        )

    def _record(self, item: Item, outcome: Outcome, state: State, act: Act) -> bytes:
        return _encode(
            {
                "kind": "redecided",
                "receipt": item.receipt,
                "channel": item.channel,
                "part": item.part,
                "item": item.id,
                "was": item.kind.value,
                "was_reason": item.reason,
                "at": act.at.isoformat(timespec="milliseconds"),
                "by": act.by,
                "why": act.reason,
                "revision": self._compiled.revision,
                **outcome_record(outcome, state),
            }
        ).encode()
