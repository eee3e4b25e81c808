"""What happens after an attempt: delivered, tried again at some time, or parked. Pure.

Law: the table decides, not the code; an answer the table does not name parks (fail closed), a
missing answer is tried again for ever. Times are seconds; randomness is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Action(Enum):
    """What a reply leads to."""

    COMPLETE = "complete"
    RETRY = "retry"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class ReplyAction:
    """`retry` at most `limit` times (None: for ever), then `then`."""

    action: Action
    limit: int | None = None
    then: Action = Action.PARK


@dataclass(frozen=True, slots=True)
class Retry:
    """Back-off: `first_s · factor^n`, at most `cap_s`, spread by ± `jitter` of itself."""

    first_s: float = 5.0
    factor: float = 2.0
    cap_s: float = 900.0
    jitter: float = 0.2


#: Keys: acknowledgment codes, `timeout` (no or unusable answer), and code/ERR-3 pairs "AR/206".
DEFAULT_REPLY_ACTIONS: Mapping[str, ReplyAction] = {
    "AA": ReplyAction(Action.COMPLETE),
    "CA": ReplyAction(Action.COMPLETE),
    "AE": ReplyAction(Action.RETRY, limit=5),
    "AR": ReplyAction(Action.PARK),
    "AR/206": ReplyAction(Action.RETRY),
    "AR/207": ReplyAction(Action.RETRY),
    "CE": ReplyAction(Action.RETRY),
    "CR": ReplyAction(Action.PARK),
    "timeout": ReplyAction(Action.RETRY),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A channel's reply-action table and its back-off."""

    actions: Mapping[str, ReplyAction] = field(default_factory=lambda: DEFAULT_REPLY_ACTIONS)
    retry: Retry = Retry()


class Happened(Enum):
    """How an attempt ended, as far as the wire can tell."""

    ANSWERED = "answered"  # an acknowledgment that names this message (MSA-2 = our MSH-10)
    UNANSWERED = "unanswered"  # bytes left; none came back, or none that can be used
    NOT_SENT = "not-sent"  # not a byte left: the peer could not be reached


@dataclass(frozen=True, slots=True)
class Complete:
    """The peer has it."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try the same bytes again after `delay_s`.

    `unknown`: the peer may have taken it, so the next attempt is a possible duplicate.
    """

    delay_s: float
    unknown: bool


@dataclass(frozen=True, slots=True)
class Park:
    """Set it aside for a person; `reason` is a code of docs/how-to/handle-dead-letters.md."""

    reason: str


NextStep = Complete | Again | Park

_COMPLETE = Complete()
_FAIL_CLOSED = ReplyAction(Action.PARK)

#: The codes of HL7 table 0008, which a reason may repeat; other text of a peer never enters one.
_CODES = frozenset({"AA", "AE", "AR", "CA", "CE", "CR"})


def next_step(
    schedule: Schedule,
    happened: Happened,
    attempt: int,
    uniform: float,
    *,
    code: str = "",
    error_code: str = "",
) -> NextStep:
    """Decide what follows an attempt.

    `code` is MSA-1 and `error_code` the code of ERR-3 (ERR-1.4 before 2.5), both empty unless
    answered. `attempt` counts the attempts at this entry from 1, restarts included, or, when
    nothing was sent, the failures to connect in a row: those are tried again for ever. `uniform`
    is a random number in [0, 1).
    """
    if happened is Happened.NOT_SENT:
        return Again(back_off_s(schedule.retry, attempt, uniform), unknown=False)
    reply, reason = _lookup(schedule, happened, code, error_code)
    action = reply.action
    if action is Action.RETRY and reply.limit is not None and attempt > reply.limit:
        action, reason = reply.then, f"{reason}-limit"
    if action is Action.COMPLETE:
        return _COMPLETE
    if action is Action.PARK:
        return Park(reason)
    delay_s = back_off_s(schedule.retry, attempt, uniform)
    return Again(delay_s, unknown=happened is Happened.UNANSWERED)


def back_off_s(retry: Retry, attempt: int, uniform: float) -> float:
    """Seconds to wait after `attempt` (from 1) before the next, spread by `uniform` in [0, 1)."""
    try:
        delay_s = min(retry.first_s * retry.factor ** (attempt - 1), retry.cap_s)
    except OverflowError:  # a peer that was away for a thousand attempts
        delay_s = retry.cap_s
    return delay_s * (1.0 + retry.jitter * (2.0 * uniform - 1.0))


def _lookup(
    schedule: Schedule, happened: Happened, code: str, error_code: str
) -> tuple[ReplyAction, str]:
    """What the table says of an answer, and the reason code if that parks it.

    The pair of code and ERR-3 goes before the code alone: AR is a refusal for ever (ERR-3 200 to
    203) or for now (206, 207), and only ERR-3 says which (HL7 table 0357).
    """
    actions = schedule.actions
    if happened is Happened.UNANSWERED:
        return actions.get("timeout", _FAIL_CLOSED), "timeout"
    if error_code:
        pair = actions.get(f"{code}/{error_code}")
        if pair is not None:
            return pair, f"ack-{code}-{error_code}"
    return actions.get(code, _FAIL_CLOSED), f"ack-{code}" if code in _CODES else "ack-other"
