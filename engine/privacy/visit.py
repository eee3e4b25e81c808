"""A visit, and how it is known again: what an earlier disclosure of it is found by.

Law: a number alone names no visit, for two hospitals count alike; it counts together with who gave
it (rules.md §10.8, §10.9). Where that is not certain, there is no visit, and what depends on one is
not sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.hl7.path import Path, texts
from engine.hl7.wire import Message

_NUMBER = Path("PV1", 19, 1)
_AUTHORITY = Path("PV1", 19, 4, subcomponent=1)
_FACILITY = Path("MSH", 4, 1)


@dataclass(frozen=True, slots=True)
class Visit:
    """`number` is PV1-19.1; `authority` who assigned it: PV1-19.4.1, else the sender (MSH-4.1)."""

    number: str
    authority: str


def visit_of(message: Message) -> Visit | None:
    """The one visit that a message is about; None where it names none, or several patients."""
    if len(message.all("PID")) != 1 or len(message.all("PV1")) != 1:
        return None
    numbers = texts(message, _NUMBER)
    if len(numbers) != 1 or numbers[0] in ("", '""'):
        return None
    authorities = texts(message, _AUTHORITY) or texts(message, _FACILITY)
    authority = authorities[0] if authorities else ""
    return Visit(numbers[0], authority) if authority not in ("", '""') else None
