"""What the store is asked to take responsibility for, made of a message and its decision.

Law: every channel that the policy had at this moment appears in it once, as copies, as a hold or
as withheld, but for drafts, which decide nothing. All content is sealed here, each copy to its own
receipt, channel and part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from engine.hl7.build import with_control_id
from engine.hl7.wire import Message
from engine.intake.receipts import control_id_of_copy, received_at
from engine.intake.recorded import registry_name
from engine.intake.records import Notes, Records
from engine.intake.sealed import (
    Sealing,
    about_copy,
    about_message,
    coverage_name,
    duplicate_key,
    seal_coverages,
)
from engine.policy.compile import CompiledPolicy
from engine.policy.model import ControlId, State
from engine.policy.outcome import Code, Outcome, Verdict
from engine.privacy.facts import CoverageKey, Coverages
from engine.store.port import NOBODY_LOOKED, Accept, Copy, Entering, Footing, Hold, Learned

#: Holds that what the registry says of a patient may end.
_OF_PATIENTS = frozenset(
    {
        Code.AMBIGUOUS_RESTRICTION,
        Code.PAYMENT_UNCONFIRMED,
        Code.FACTS_UNAVAILABLE,
        Code.NOTICE,
        Code.UNIT_UNKNOWN,
        Code.LEAK,
        Code.UNKNOWN_PAYER,
        Code.AMBIGUOUS_COVERAGE,
    }
)

#: Holds that what is learned of coverage may end.
_OF_COVERAGE = frozenset({Code.UNKNOWN_PAYER, Code.AMBIGUOUS_COVERAGE})


class Acceptances:
    """Makes `Accept` operations, and the copies and holds of one outcome."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._sealing = sealing
        self._notes = Notes(compiled.rules, compiled.revision)
        self._renamed = frozenset(
            name
            for name, channel in compiled.policy.channels.items()
            if channel.control_id is ControlId.NEW
        )
        self._states = {name: channel.state for name, channel in compiled.policy.channels.items()}
        self._records = Records(compiled.revision, self._states)
        self._live = tuple(name for name, state in self._states.items() if state is State.LIVE)
        self._registry = registry_name(sealing)

    def accept(
        self,
        *,
        receipt: str,
        listener: str,
        message: Message,
        outcomes: Mapping[str, Outcome],
        asked: Iterable[CoverageKey],
        taught: Mapping[CoverageKey, Coverages],
        footing: Footing = NOBODY_LOOKED,
        patients: tuple[bytes, ...] = (),
        enters: tuple[Entering, ...] = (),
    ) -> Accept:
        """The whole of it. `asked`: what coverage the decision asked for, `taught`: told of it.

        `footing`: what it knew of `patients`, everybody in the message.
        """
        copies: list[Copy] = []
        holds: list[Hold] = []
        withheld: list[str] = []
        decided: list[Outcome] = []
        for channel, outcome in outcomes.items():
            state = self._states[channel]
            if state is State.DRAFT:
                continue
            decided.append(outcome)
            if state is State.SHADOW or outcome.verdict is Verdict.WITHHOLD:
                withheld.append(channel)
            elif outcome.verdict is Verdict.HOLD:
                holds.append(self.hold(outcome, asked, patients))
            else:
                copies.extend(self.copies(receipt, outcome))
        digest = hashlib.sha256(message.raw).digest()
        msh = message.msh
        record = self._records.decision(
            receipt=receipt,
            at=received_at(receipt),
            listener=listener,
            message=message,
            digest=digest,
            outcomes=decided,
        )
        return Accept(
            receipt=receipt,
            duplicate_key=duplicate_key(self._sealing, msh.field(3), msh.field(4), msh.field(10)),
            digest=digest,
            sealed=self._sealing.seal_message(message.raw, about_message(receipt)),
            record=record,
            copies=tuple(copies),
            holds=tuple(holds),
            withheld=tuple(withheld),
            learned=tuple(self._learned(key, coverages) for key, coverages in taught.items()),
            footing=footing,
            enters=enters,
            watches=self._live if enters else (),
        )

    def copies(self, receipt: str, outcome: Outcome) -> list[Copy]:
        """The copies of a disclosing outcome, one a patient."""
        seal, channel = self._sealing.seal_message, outcome.channel
        if channel in self._renamed:
            return self._renamed_copies(receipt, outcome)
        return [
            Copy(
                channel,
                part,
                seal(payload.data, about_copy(receipt, channel, part)),
                self._notes.note(outcome, payload.data),
            )
            for part, payload in enumerate(outcome.payloads)
        ]

    def _renamed_copies(self, receipt: str, outcome: Outcome) -> list[Copy]:
        """Copies with a control id of their own (rules.md §10.20)."""
        copies = []
        for part, payload in enumerate(outcome.payloads):
            control_id = control_id_of_copy(receipt, outcome.channel, part)
            data = with_control_id(payload.data, control_id)
            sealed = self._sealing.seal(data, about_copy(receipt, outcome.channel, part))
            note = self._notes.note(outcome, data, control_id)
            copies.append(Copy(outcome.channel, part, sealed, note))
        return copies

    def hold(
        self,
        outcome: Outcome,
        asked: Iterable[CoverageKey],
        patients: tuple[bytes, ...] = (),
    ) -> Hold:
        """The hold of a holding outcome, with what may end it.

        Where coverage is unknown it waits for what was asked, where it is a matter of what the
        patients signed or restricted, for a change of that.
        """
        codes = [reason.code for reason in outcome.reasons]
        waits = () if _OF_COVERAGE.isdisjoint(codes) else asked
        names = tuple(coverage_name(self._sealing, key) for key in waits)
        if not _OF_PATIENTS.isdisjoint(codes):
            names += patients
        if Code.FACTS_UNAVAILABLE in codes:
            names += (self._registry,)
        return Hold(outcome.channel, codes[0].value, names)

    def _learned(self, key: CoverageKey, coverages: Coverages) -> Learned:
        name = coverage_name(self._sealing, key)
        return Learned(name, seal_coverages(self._sealing, name, coverages))
