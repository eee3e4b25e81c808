"""A message that is done with for a channel, decided again by a person's order.

Law: today's policy and today's facts decide, and nobody gets by it what they do not allow. Which
channels a message may go to was fixed when it came: another gets it only where a person names it.
What a channel has it is not sent again, unless a person says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

from engine.intake.acceptance import Acceptances
from engine.intake.disclosed import disclosure_mark
from engine.intake.records import outcome_record
from engine.intake.sealed import Sealing
from engine.policy.compile import CompiledPolicy
from engine.policy.model import State
from engine.policy.outcome import Outcome, Verdict
from engine.redecision.kept_message import KeptMessage
from engine.redecision.redecide import Act, RedecisionError
from engine.store.port import NOBODY_LOOKED, Copy, Footing, Hold, Learned, Reopen

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Stands(Enum):
    """How a message stands with a channel for which it may be taken up again."""

    WITHHELD = "withheld"
    DISCARDED = "discarded"
    DELIVERED = "delivered"
    SHADOW = "shadow"  # decided and not sent, as the channel was in shadow
    NEVER = "never"  # the channel was not there when the message came


@dataclass(frozen=True, slots=True)
class Before:
    """What became of a message in a channel until now. `reason`: why it was not sent, a code.

    `delivered`: how many parts of it the channel acknowledged. `may_have`: whether it has any of
    it, or may have, as a byte left and no answer came. `time`: how often it was taken up already.
    """

    stands: Stands
    reason: str = ""
    delivered: int = 0
    may_have: bool = False
    time: int = 0


class Reopening:
    """Makes `Reopen` operations under one compiled policy."""

    def __init__(self, compiled: CompiledPolicy, sealing: Sealing) -> None:
        self._compiled = compiled
        self._sealing = sealing
        self._acceptances = Acceptances(compiled, sealing)

    def reopen(
        self,
        before: Before,
        case: KeptMessage,
        sealed: bytes,
        outcome: Outcome,
        *,
        act: Act,
        footing: Footing = NOBODY_LOOKED,
    ) -> Reopen:
        """The order that carries out `outcome`, for its channel.

        `sealed` is the message as it was kept. Raises `RedecisionError` when the channel is not
        live.
        """
        channel = outcome.channel
        contract = self._compiled.policy.channels.get(channel)
        if contract is None or contract.state is not State.LIVE:
            raise RedecisionError(
                "channel-not-live",
                f"The channel {channel} is not live in this site.",
                "Make it live, then replay.",
            )
        copies: tuple[Copy, ...] = ()
        hold: Hold | None = None
        learned: tuple[Learned, ...] = ()
        if outcome.verdict is Verdict.DISCLOSE:
            copies = tuple(self._acceptances.copies(case.receipt, outcome))
            mark = disclosure_mark(case.message, case.receipt, channel, self._sealing)
            learned = () if mark is None else (mark,)
        elif outcome.verdict is Verdict.HOLD:
            hold = self._acceptances.hold(outcome, case.keys, case.patients)
        return Reopen(
            channel,
            case.receipt,
            sealed,
            self._record(before, case.receipt, outcome, act),
            before.time,
            None if before.stands is Stands.NEVER else before.delivered,
            before.may_have,
            copies,
            hold,
            learned,
            footing,
        )

    def _record(self, before: Before, receipt: str, outcome: Outcome, act: Act) -> bytes:
        return _encode(
            {
                "kind": "redecided",
                "receipt": receipt,
                "channel": outcome.channel,
                "part": 0,
                "item": "",
                "was": before.stands.value,
                "was_reason": before.reason,
                "time": before.time,
                "at": act.at.isoformat(timespec="milliseconds"),
                "by": act.by,
                "why": act.reason,
                "revision": self._compiled.revision,
                **outcome_record(outcome, State.LIVE),
            }
        ).encode()
