"""A visit, and how it is known again: what an earlier disclosure of it is found by.

Law: a number alone names no visit, for two hospitals count alike; it counts together with who gave
it (rules.md §10.8, §10.9). Where that is not certain, there is no visit, and what depends on one is
not sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.hl7.path import Path, texts, texts_in
from engine.hl7.wire import Message, Segment

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
    patients = message.all("PID")
    return _visit(message, message.all("PV1")) if len(patients) == 1 else None


def visits_of(message: Message) -> tuple[Visit, ...]:
    """The visit of each patient of a message, each once.

    Two of different assigners with one number are left out: by the number they cannot be told
    apart.
    """
    patients = message.all("PID")
    if len(patients) == 1:
        one = visit_of(message)
        return () if one is None else (one,)
    found: dict[Visit, None] = {}
    ends = [*[segment.index for segment in patients[1:]], len(message.segments)]
    for patient, end in zip(patients, ends, strict=True):
        part = message.segments[patient.index : end]
        visit = _visit(message, [segment for segment in part if segment.id == "PV1"])
        if visit is not None:
            found[visit] = None
    numbers = [visit.number for visit in found]
    return tuple(visit for visit in found if numbers.count(visit.number) == 1)


def _visit(message: Message, segments: list[Segment]) -> Visit | None:
    """The visit of the PV1 segments of one patient."""
    if len(segments) != 1:
        return None
    numbers = texts_in(message, segments[0], _NUMBER)
    if len(numbers) != 1 or numbers[0] in ("", '""'):
        return None
    authorities = texts_in(message, segments[0], _AUTHORITY) or texts(message, _FACILITY)
    authority = authorities[0] if authorities else ""
    return Visit(numbers[0], authority) if authority not in ("", '""') else None
