"""A kept message decided again, with today's policy and today's facts: replay, release, last look.

Law: a new decision is never wider than today's policy, whatever the old one said. It takes the
place of exactly the item that was kept, so that nothing is sent twice: of a message about several
patients, a parked part comes back as that part or not at all.

    redecision = Redecision(compiled, sealing)
    case = redecision.case(receipt, sealed)              # sealed: what `Fetch(receipt)` answered
    case, recalled = redecision.gather(case, ask)        # ask: answers `Recall`
    outcomes = redecision.decide_kept(case, recalled, now)
    resolve = redecision.resolve(item, case, outcomes, Act(...))   # for each item of the receipt
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.disclosed import cancelled_name, disclosure_mark, followed
from engine.intake.records import Notes, outcome_record, read_note
from engine.intake.registered import Known, PatientNames, facts_of, known_of
from engine.intake.sealed import Sealing, Snapshots, about_copy, about_message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.model import State
from engine.policy.outcome import Code, Outcome, Verdict
from engine.policy.reasons import plain
from engine.policy.runnable.events import CANCEL_FOLLOWS
from engine.policy.vocabulary.conditions import MessageType
from engine.privacy.concealing import concealing
from engine.privacy.coverage import Persons, coverage_keys, needs_coverage
from engine.privacy.facts import CoverageKey, Disclosed, Facts
from engine.redecision.kept_message import Answers, KeptMessage
from engine.store.port import (
    NOBODY_LOOKED,
    Copy,
    Footing,
    Hold,
    Item,
    Kept,
    Learned,
    Recall,
    Resolve,
    Unlearn,
)

#: For questions whose answer does not depend on the time.
_ANY_TIME = datetime.min.replace(tzinfo=UTC)

_CANCELLED = (plain(Code.CANCELLED),)

_encode = json.JSONEncoder(separators=(",", ":")).encode


class RedecisionError(EngineError):
    """The item cannot be decided again; it stays where it is."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who had it decided again, when and why; all of it is recorded. `at` is aware."""

    by: str
    at: datetime
    reason: str = ""


class Redecision:
    """Decides again under one compiled policy."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._compiled = compiled
        self._sealing = sealing
        self._acceptances = Acceptances(compiled, sealing)
        self._notes = Notes(compiled.rules, compiled.revision)
        self._patients = PatientNames(sealing)
        self._snapshots = Snapshots(sealing)
        self._expires_at = {
            rules.id: rules.expires_at for rules in compiled.for_type(MessageType("")).channels
        }

    def case(self, receipt: str, sealed: bytes) -> KeptMessage:
        """Open what the journal holds of `receipt`.

        Raises `SealError`, `KeysAwayError` or `NotHL7Error` if it does not open or is no message,
        another `EngineError` if it is none that may be decided.
        """
        message = Message.parse(self._sealing.open(sealed, about_message(receipt)))
        return self._case(receipt, message)

    def _case(self, receipt: str, message: Message, persons: Persons = ()) -> KeptMessage:
        keys: tuple[CoverageKey, ...] = ()
        if needs_coverage(message, self._compiled):
            keys = coverage_keys(message, persons)
        names = [self._snapshots.name(key) for key in keys]
        follows = followed(message, self._compiled, self._sealing)
        names += () if follows is None else follows.names
        cancelled = cancelled_name(message, self._sealing)
        names += () if cancelled is None else (cancelled,)
        asks_cancel, patients = cancelled is not None, self._patients.of(message)
        return KeptMessage(receipt, message, keys, tuple(names), follows, asks_cancel, patients)

    def wider(self, case: KeptMessage, recalled: Answers) -> KeptMessage | None:
        """The same with more to recall: its patient has other identifiers. None: that was all."""
        if not case.keys:
            return None
        known = self._known(case, recalled, _ANY_TIME)
        if not known.rights.persons:
            return None
        found = self._case(case.receipt, case.message, known.rights.persons)
        return None if found.keys == case.keys else found

    def gather(
        self, case: KeptMessage, ask: Callable[[Recall], Answers]
    ) -> tuple[KeptMessage, Answers]:
        """All that must be recalled, from who answers at once."""
        recalled = ask(case.recall)
        wider = self.wider(case, recalled)
        return (case, recalled) if wider is None else (wider, ask(wider.recall))

    def decide(self, case: KeptMessage, recalled: Answers, now: datetime) -> Mapping[str, Outcome]:
        """Today's outcome for every channel. `now` is aware."""
        return decide(case.message, self._compiled, self.facts(case, recalled, now))

    def decide_concealing(
        self, case: KeptMessage, recalled: Answers, now: datetime, channel: str
    ) -> Mapping[str, Outcome]:
        """As `decide`, but that `channel` learns nothing of where anybody in it is reached."""
        facts = concealing(self.facts(case, recalled, now), case.message, channel)
        return decide(case.message, self._compiled, facts)

    def facts(self, case: KeptMessage, recalled: Answers, now: datetime) -> Facts:
        """What is known besides the message."""
        end = len(case.keys)
        names = dict(zip(case.keys, case.names[:end], strict=True))
        known = self._snapshots.read(names, recalled[:end])
        coverages = {key: found for key, found in known.items() if found is not None}
        follows = case.followed
        disclosed: frozenset[Disclosed] = frozenset()
        if follows is not None:
            disclosed = follows.disclosed(recalled[end : end + len(follows.names)])
        known_now = self._known(case, recalled, now)
        units = self._compiled.policy.units
        return facts_of(known_now, now, coverages, disclosed, units, is_kept=True)

    def _known(self, case: KeptMessage, recalled: Answers, now: datetime) -> Known:
        return known_of(self._sealing, case.patients, recalled[len(case.names) :], now)

    def footing(self, case: KeptMessage, recalled: Answers, now: datetime) -> Footing:
        """What a decision on these facts rests on."""
        return self._known(case, recalled, now).footing

    def decide_kept(
        self, case: KeptMessage, recalled: Answers, now: datetime
    ) -> Mapping[str, Outcome]:
        """As `decide`, for what was held or parked: its cancel may have overtaken it.

        Then it goes to nobody any more: the cancel has gone its way, and does not come again.
        """
        outcomes = dict(self.decide(case, recalled, now))
        cancelled = recalled[len(case.names) - 1] if case.asks_cancel else None
        if cancelled is not None and cancelled.decode("ascii") > case.receipt:
            for channel in outcomes:
                outcomes[channel] = Outcome(channel, Verdict.WITHHOLD, _CANCELLED)
        return outcomes

    def taken_back(self, case: KeptMessage, channel: str) -> Unlearn | None:
        """What undoes the mark of a copy that will not be sent to `channel` as it was queued."""
        mark = disclosure_mark(case.message, case.receipt, channel, self._sealing)
        return None if mark is None else Unlearn(mark.key, mark.sealed)

    def resolve(
        self,
        item: Item,
        case: KeptMessage,
        outcomes: Mapping[str, Outcome],
        act: Act,
        footing: Footing = NOBODY_LOOKED,
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
        learned: tuple[Learned, ...] = ()
        if outcome.verdict is Verdict.DISCLOSE:
            copies = self._copies(item, case, outcome)
            mark = disclosure_mark(case.message, item.receipt, item.channel, self._sealing)
            learned = () if mark is None else (mark,)
        elif outcome.verdict is Verdict.HOLD:
            hold = self._acceptances.hold(outcome, case.keys, case.patients)
        record = self._record(item, outcome_record(outcome, channel.state), act)
        channel_id, id_ = item.channel, item.id
        return Resolve(channel_id, id_, record, copies, hold, learned=learned, footing=footing)

    def stays_held(self, item: Item, reason: str, act: Act) -> Resolve:
        """Hold what cannot be decided any more, with that reason, until a person acts."""
        record = self._record(item, {"verdict": Verdict.HOLD.value, "reasons": [reason]}, act)
        return Resolve(item.channel, item.id, record, hold=Hold(item.channel, reason))

    def part(
        self, case: KeptMessage, outcome: Outcome, part: int, channel: str, sealed: bytes
    ) -> int | None:
        """Which payload of `outcome` is about the patient whom copy `part` was cut for.

        `sealed` is that copy. None when no payload certainly is.
        """
        if part >= len(outcome.payloads):
            return None
        if len(case.message.all("PID")) <= 1:
            return part
        return part if self._is_same_patient(case, outcome, part, channel, sealed) else None

    def note(self, outcome: Outcome, data: bytes, control_id: bytes = b"") -> bytes:
        """The note of one payload, for the record of its delivery; `control_id` if it is ours."""
        return self._notes.note(outcome, data, control_id)

    def is_current(self, channel: str, note: bytes, now: datetime) -> bool:
        """Whether a copy with `note` was cut under this policy, which holds for `channel` still.

        An agreement that has ended since needs no new revision to matter; and a cancel is always
        decided again, as what it cancels may not have been sent after all.
        """
        said = read_note(note)
        if said.get("revision") != self._compiled.revision:
            return False
        if CANCEL_FOLLOWS in cast("Sequence[str]", said.get("rules", ())):
            return False
        expires_at = self._expires_at.get(channel)
        return expires_at is None or now < expires_at

    def was_concealing(self, note: bytes) -> bool:
        """Whether a copy with `note` was cut under a confidential communication."""
        return bool(read_note(note).get("applied"))

    def _copies(self, item: Item, case: KeptMessage, outcome: Outcome) -> tuple[Copy, ...]:
        """All parts for a hold; for a dead letter its own part alone."""
        copies = self._acceptances.copies(item.receipt, outcome)
        if item.kind is Kept.HELD:
            return tuple(copies)
        part = self.part(case, outcome, item.part, item.channel, item.sealed)
        if part is None:
            raise RedecisionError(
                "part-unclear",
                "The message is about several patients, and today's policy would send others of"
                " them, so that it is not certain which one this part is.",
                "Discard it with a reason and have the hospital send the message again.",
            )
        return (copies[part],)

    def _is_same_patient(
        self, case: KeptMessage, outcome: Outcome, part: int, channel: str, sealed: bytes
    ) -> bool:
        """Whether part n is still about the patient whom the copy was cut for."""
        about = about_copy(case.receipt, channel, part)
        before = Message.parse(self._sealing.open(sealed, about)).all("PID")
        kept = outcome.payloads[part].kept
        now = [pid for pid in case.message.all("PID") if pid.index in kept]
        ids = [pid.field(3) for pid in case.message.all("PID")]
        return (
            len(before) == len(now) == 1
            and before[0].field(3) == now[0].field(3)
            and ids.count(now[0].field(3)) == 1
        )

    def _record(self, item: Item, outcome: Mapping[str, object], act: Act) -> bytes:
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
                **outcome,
            }
        ).encode()
