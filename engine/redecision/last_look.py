"""The last look of a channel's lane: what was cut under other policies or facts is decided again.

Law: a queued copy is sent only if today's policy would send it on what the privacy registry says
now, and then never more than it was cut to (I6): of a policy that has narrowed its own cut, of one
that has widened the old one; facts count alike. What is withheld today is withheld; whatever else
came of it, a person must look. While the registry gives no answer the entry waits at the head. No
answer of the store, no send: the lane's lease runs out meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast

from twisted.internet.defer import Deferred

from engine.commit import GroupCommit
from engine.delivery.look import UNDECIPHERABLE, AsCut, NotYet, ParkIt, Send, Sight, Withhold
from engine.errors import EngineError, NotHL7Error
from engine.hl7.build import with_control_id
from engine.hl7.wire import Message
from engine.policy.finished.narrower import is_no_wider
from engine.policy.outcome import Code, Outcome, Verdict
from engine.redecision.kept_message import KeptMessage
from engine.redecision.redecide import Redecision
from engine.store.keyfile import KeysAwayError
from engine.store.port import Fetch, Opened
from engine.store.sealing import SealError

#: Why an entry is parked when today's policy sends something that is not simply less.
POLICY_CHANGED = "policy-changed"

#: Why an entry is parked when the message it was cut from is not there to be decided again.
NOT_IN_JOURNAL = "not-in-journal"


def _never_left(opened: Opened) -> bool:
    """Whether this attempt is the first of which a byte could leave."""
    return opened.attempt == 1 and not opened.possible_duplicate


class LastLook:
    """Implements `engine.delivery.look.Look` for `channel`.

    `unseal` as in `AsCut`; `now` is aware. `taken_back` is told of each mark that is taken back,
    before it is, by the message that made it and the channel.
    """

    def __init__(
        self,
        channel: str,
        redecision: Redecision,
        commit: GroupCommit,
        unseal: Callable[[Opened], bytes],
        now: Callable[[], datetime],
        *,
        taken_back: Callable[[Message, str], object] = lambda *_: None,
    ) -> None:
        self._channel = channel
        self._redecision = redecision
        self._commit = commit
        self._as_cut = AsCut(unseal)
        self._now = now
        self._taken_back = taken_back

    def __call__(self, opened: Opened) -> Sight | Deferred[Sight]:
        """At once for what was cut under today's policy and today's facts, later for the rest."""
        sight = self._as_cut(opened)
        if not isinstance(sight, Send):
            return sight
        if not opened.stale and self._redecision.is_current(
            self._channel, opened.note, self._now()
        ):
            return sight
        return Deferred.fromCoroutine(self._again(opened, sight))

    async def _again(self, opened: Opened, cut: Send) -> Sight:
        kept = await self._commit.submit(Fetch(opened.receipt))
        if not isinstance(kept, bytes):
            return ParkIt(NOT_IN_JOURNAL)
        try:
            case = self._redecision.case(opened.receipt, kept)
        except KeysAwayError as away:
            return NotYet(away.code)
        except (SealError, NotHL7Error):
            return ParkIt(UNDECIPHERABLE)
        except EngineError as error:  # it names more patients than a message may since it was taken
            return ParkIt(error.code)
        recalled: tuple[bytes | None, ...] = ()
        asked: KeptMessage | None = case if case.names or case.patients else None
        while asked is not None:
            case = asked
            recalled = cast("tuple[bytes | None, ...]", await self._commit.submit(case.recall))
            asked = self._redecision.wider(case, recalled)
        outcome = self._redecision.decide(case, recalled, self._now()).get(self._channel)
        sight = self._seen(opened, cut, case, outcome)
        if sight == ParkIt(POLICY_CHANGED) and self._is_concealing(opened, outcome):
            # One of the two has another address than the other: what both allow is none.
            outcome = self._redecision.decide_concealing(
                case, recalled, self._now(), self._channel
            ).get(self._channel)
            sight = self._seen(opened, cut, case, outcome)
        if isinstance(sight, Withhold | ParkIt) and _never_left(opened):
            undo = self._redecision.taken_back(case, self._channel)
            if undo is not None:  # before it leaves the lane, so that no cancel comes between
                self._taken_back(case.message, self._channel)
                await self._commit.submit(undo)
        return sight

    def _seen(self, opened: Opened, cut: Send, case: KeptMessage, outcome: Outcome | None) -> Sight:
        if outcome is None:
            return ParkIt(POLICY_CHANGED)
        if outcome.verdict is Verdict.DISCLOSE:
            return self._both(opened, cut, case, outcome)
        code = outcome.reasons[0].code
        if code is Code.FACTS_UNAVAILABLE:
            return NotYet(code.value)
        reason = code.value
        return Withhold(reason) if outcome.verdict is Verdict.WITHHOLD else ParkIt(reason)

    def _is_concealing(self, opened: Opened, outcome: Outcome | None) -> bool:
        """Whether a confidential communication held when the copy was cut, or holds today."""
        codes = () if outcome is None else (one.code for one in outcome.reasons)
        return Code.CONFIDENTIAL_COMMUNICATION in codes or self._redecision.was_concealing(
            opened.note
        )

    def _both(self, opened: Opened, cut: Send, case: KeptMessage, outcome: Outcome) -> Sight:
        """What two decisions allow together: the one that cut the copy, and today's."""
        part = self._redecision.part(case, outcome, opened.part, self._channel, opened.sealed)
        if part is None:
            return ParkIt(POLICY_CHANGED)
        # A resend has the control id of the first attempt, whatever today's policy says of ids.
        payload = with_control_id(outcome.payloads[part].data, cut.control_id)
        if payload == cut.payload:
            return cut
        today, then = Message.parse(payload), Message.parse(cut.payload)
        if is_no_wider(then, today):  # a policy that has widened since widens nothing queued
            return cut
        if is_no_wider(today, then):
            is_ours = cut.control_id != case.message.msh.field(10)
            note = self._redecision.note(outcome, payload, cut.control_id if is_ours else b"")
            return Send(payload, cut.control_id, note)
        return ParkIt(POLICY_CHANGED)
