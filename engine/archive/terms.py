"""What archived messages are found by: keyed hashes of identifiers. Pure.

Law: an identifier is never stored in clear and never cut short: the key makes the hash worthless to
who has the archive alone. Each kind of identifier has hashes of its own, so that equal numbers of
two kinds are not found for each other. A patient is found by the number alone and, more closely, by
the number with its authority.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.hl7.escape import unescape
from engine.hl7.wire import Message, Segment
from engine.intake.sealed import Sealing

#: Fields that hold a patient's identifiers (CX): PID-2 and PID-4 in older versions.
_PATIENT_FIELDS = (("PID", (3, 2, 4)), ("MRG", (1, 4)))


def patient_term(sealing: Sealing, number: str, authority: str = "") -> bytes:
    """A patient, by number alone or with the authority that gave it."""
    if authority:
        return _term(sealing, "patient-of", number, authority)
    return _term(sealing, "patient", number)


def visit_term(sealing: Sealing, number: str) -> bytes:
    """A visit: PV1-19.1."""
    return _term(sealing, "visit", number)


def account_term(sealing: Sealing, number: str) -> bytes:
    """An account: PID-18.1."""
    return _term(sealing, "account", number)


def control_term(sealing: Sealing, number: str) -> bytes:
    """A message by its sender's number: MSH-10."""
    return _term(sealing, "control", number)


def patients_of(message: Message, pid: Segment) -> tuple[tuple[str, str], ...]:
    """The identifiers in one PID, PID-3 first, each with its authority or an empty text."""
    return tuple(dict.fromkeys(_ids(message, pid, _PATIENT_FIELDS[0][1])))


def patient_terms(sealing: Sealing, ids: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
    """All that one patient is found by."""
    found: dict[bytes, None] = {}
    for number, authority in ids:
        found[patient_term(sealing, number)] = None
        if authority:
            found[patient_term(sealing, number, authority)] = None
    return tuple(found)


def terms_of(sealing: Sealing, message: Message) -> frozenset[bytes]:
    """All that a message is found by."""
    found: set[bytes] = set()
    for segment_id, fields in _PATIENT_FIELDS:
        for segment in message.all(segment_id):
            ids = tuple(_ids(message, segment, fields))
            found.update(patient_terms(sealing, ids))
    for pid in message.all("PID"):
        account = _first(message, pid.field(18))
        if account:
            found.add(account_term(sealing, account))
    for visit in message.all("PV1"):
        number = _first(message, visit.field(19))
        if number:
            found.add(visit_term(sealing, number))
    control = _text(message, message.msh.field(10))
    if control:
        found.add(control_term(sealing, control))
    return frozenset(found)


def _ids(message: Message, segment: Segment, fields: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    delimiters = message.delimiters
    for field in fields:
        for repetition in message.split(segment.field(field), delimiters.repetition):
            parts = message.split(repetition, delimiters.component)
            number = _text(message, parts[0])
            if number:
                space = message.split(parts[3], delimiters.subcomponent)[0] if parts[3:] else b""
                yield number, _text(message, space)


def _first(message: Message, field: bytes) -> str:
    first = message.split(field, message.delimiters.repetition)[0]
    return _text(message, message.split(first, message.delimiters.component)[0])


def _text(message: Message, value: bytes) -> str:
    text = message.text(value)
    escape = message.delimiters.escape
    if escape and escape in value:
        text = unescape(text, message.delimiters, message.charset)
    return "" if text == '""' else text.strip()


def _term(sealing: Sealing, *parts: str) -> bytes:
    return sealing.keyed_hash("\x1c".join(("archive", *parts)).encode())
