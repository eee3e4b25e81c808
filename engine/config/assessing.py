"""Which counterparts are to be assessed again (`agreement.assessed`, `agreement.reassess_after`).

Law: a reminder, which people act upon: it never holds a message, whatever the day (45 CFR
164.308(a)(8), 164.504(e)).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from engine.errors import Problem, Severity
from engine.policy.language import Mistake
from engine.policy.model import Channel, Policy, State


def overdue(policy: Policy, today: date) -> Iterator[tuple[Channel, date]]:
    """The channels that are due, by id, each with the day since when; drafts are not asked."""
    for _, channel in sorted(policy.channels.items()):
        due = channel.reassess_on
        if due is not None and due <= today and channel.state is not State.DRAFT:
            yield channel, due


def since_when(due: date) -> str:
    """In words, since when the assessment is due."""
    if due == date.min:
        return "no day says when it was last assessed"
    return f"it was due on {due.isoformat()}"


def reminders(policy: Policy, today: date) -> tuple[Problem, ...]:
    """A warning for each channel that is due, where it is written."""
    return tuple(
        Problem(
            channel.place,
            Mistake.REASSESS.value,
            f"{channel.id} is to be assessed again: {since_when(due)}.",
            "Assess it, then write the day as `assessed`.",
            Severity.WARNING,
        )
        for channel, due in overdue(policy, today)
    )
