"""Who a message and a fact are about, and when the two are the same person.

Law: a permit matches a patient by identifier *and* authority; a denial matches by identifier alone
where either side lacks the authority (rules.md §10.8). Whatever is uncertain denies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.hl7.escape import unescape
from engine.hl7.wire import Message, Segment


@dataclass(frozen=True, slots=True)
class Patient:
    """One identifier of a patient: PID-3.1 and PID-3.4.1; `authority` is empty where unknown."""

    id: str
    authority: str = ""


def may_be(one: Patient, other: Patient) -> bool:
    """Whether a denial of one reaches the other."""
    return one.id == other.id and (
        not one.authority or not other.authority or one.authority == other.authority
    )


def may_be_any(one: Patient, others: Iterable[Patient]) -> bool:
    """Whether a denial of one reaches any of several, or the reverse."""
    return any(may_be(one, other) for other in others)


def is_certainly(one: Patient, other: Patient) -> bool:
    """Whether a permit of one is the other's."""
    return one == other and one.authority != ""


def patients_in(message: Message, value: bytes) -> tuple[Patient, ...]:
    """Every identifier of a field such as PID-3 or MRG-1, repetition by repetition."""
    found = []
    delimiters = message.delimiters
    for repetition in message.split(value, delimiters.repetition):
        parts = message.split(repetition, delimiters.component)
        patient = _text(message, parts[0])
        if patient:
            found.append(Patient(patient, _text(message, parts[3]) if len(parts) > 3 else ""))
    return tuple(found)


def patients_of(message: Message, segments: list[Segment], field: int) -> tuple[Patient, ...]:
    """Every identifier that one field has in some segments."""
    return tuple(one for segment in segments for one in patients_in(message, segment.field(field)))


def denied_in(message: Message, pid: Segment) -> tuple[Patient, ...]:
    """Whose denials count for a PID: those of PID-3; where it names nobody, of PID-2 and PID-4.

    The older fields only ever deny: what they name may be another's number.
    """
    found = patients_in(message, pid.field(3))
    return found or tuple(
        Patient(one.id) for field in (2, 4) for one in patients_in(message, pid.field(field))
    )


def component(message: Message, value: bytes, number: int) -> str:
    """The text of the first subcomponent of a component of the first repetition."""
    if not value:
        return ""
    delimiters = message.delimiters
    value = message.split(value, delimiters.repetition)[0]
    parts = message.split(value, delimiters.component)
    return _text(message, parts[number - 1]) if number <= len(parts) else ""


def _text(message: Message, part: bytes) -> str:
    """The text of the first subcomponent of a component, without the blanks around it.

    Those that fill an identifier up mean nothing (data type ST: "trailing blanks optional").
    """
    if part.isalnum():  # ASCII in every set, and no delimiter
        return part.decode("ascii")
    if not part:
        return ""
    delimiters = message.delimiters
    part = message.split(part, delimiters.subcomponent)[0]
    text = message.text(part)
    if delimiters.escape and delimiters.escape in part:
        text = unescape(text, delimiters, message.charset)
    text = text.strip()
    return "" if text == '""' else text
