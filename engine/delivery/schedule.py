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
