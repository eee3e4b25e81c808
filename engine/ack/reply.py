"""Acknowledgments that we give (HL7 2.9.1 §2.9, §2.13.1; ERR before 2.5: §2.16.5 of 2.4).

Law: a reply is a function of the message's header, the code, a control id and a time; the same
arguments give the same bytes. It speaks in the sender's own delimiters, repeats MSH-10 byte for
byte in MSA-2, and holds nothing else of the message than MSH fields that the standard says to
copy. It can always be framed: a field that holds VT or FS is left empty.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from engine.ack.codes import ANSWERS, CONDITION_TEXT, AckCode, Fault, Location
from engine.errors import NotHL7Error
from engine.hl7.wire import Message

#: Versions whose ERR segment is ERR-1 of type ELD; all others have ERR-2 to ERR-8 (2.5).
_ELD_VERSIONS = frozenset({b"2.0", b"2.0D", b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.3.2", b"2.4"})

_STANDARD_ENCODING = b"^~\\&"


def acknowledge(
    message: Message,
    code: AckCode,
    control_id: str,
    at: datetime,
    fault: Fault | None = None,
) -> bytes:
    """The acknowledgment of `message`, unframed.

    `control_id` becomes the reply's MSH-10, `at` (aware) its MSH-7. With a `fault` an ERR segment
    follows, in the form that the message's version has.
    """
    msh = message.msh
    fields = msh.fields
    if b"\x0b" in msh.raw or b"\x1c" in msh.raw:
        fields = [b"" if b"\x0b" in field or b"\x1c" in field else field for field in fields]
    if len(fields) < 13:
        fields = fields + [b""] * (13 - len(fields))
    separator = message.delimiters.field
    component = message.delimiters.component or b"^"
    kind = fields[9].split(component, 2)
    trigger = kind[1] if len(kind) > 1 else b""
    header = [
        b"MSH",
        fields[2] or _STANDARD_ENCODING,
        *fields[5:7],
        *fields[3:5],
        _time_stamp(at),
        b"",
        component.join((b"ACK", trigger, b"ACK")) if trigger else b"ACK",
        control_id.encode("ascii"),
        fields[11],
        fields[12],
    ]
    if len(fields) > 18 and fields[18]:
        header += (b"", b"", b"", b"", b"", fields[18])
    reply = b"%b\rMSA%b%b%b%b\r" % (
        separator.join(header),
        separator,
        code.value.encode("ascii"),
        separator,
        fields[10],
    )
    return reply if fault is None else reply + _error(message, fields[12], fault)


def reject_head(head: bytes, fault: Fault, control_id: str, at: datetime) -> bytes | None:
    """The refusal of a payload of which only the beginning was kept.

    None when nothing like MSH was seen: then there is no one to answer.
    """
    try:
        message = Message.parse(_whole_fields(head))
    except NotHL7Error:
        return None
    return acknowledge(message, ANSWERS[fault].code, control_id, at, fault)


def _whole_fields(head: bytes) -> bytes:
    """`head` up to the last field of MSH that is certain to be complete."""
    start = max(head.find(b"MSH"), 0)
    if b"\r" in head[start:] or b"\n" in head[start:]:
        return head
    return head[: max(head.rfind(head[start + 3 : start + 4] or b"|"), 0)]


def _error(message: Message, version: bytes, fault: Fault) -> bytes:
    """The ERR segment; texts are left out where a delimiter of the sender's occurs in them."""
    answer = ANSWERS[fault]
    marks = message.delimiters
    separator, component = marks.field, marks.component or b"^"
    used = {separator, component, marks.repetition, marks.escape, marks.subcomponent}

    def said(text: str) -> bytes:
        encoded = text.encode("ascii")
        return b"" if any(mark and mark in encoded for mark in used) else encoded

    condition = (
        answer.condition.value.encode("ascii"),
        said(CONDITION_TEXT[answer.condition]),
        b"HL70357",
    )
    if version.split(component, 1)[0].strip() in _ELD_VERSIONS:
        # A component of ELD is a CE, written with subcomponents; without that mark, its code alone.
        coded = marks.subcomponent.join(condition) if marks.subcomponent else condition[0]
        where = _location(answer.location, 3)
        return b"ERR%b%b\r" % (separator, component.join([*where, coded]))
    fields = [
        b"ERR",
        b"",
        component.join(_location(answer.location, 6)).rstrip(component),
        component.join(condition),
        answer.severity.value.encode("ascii"),
    ]
    if detail := said(answer.detail):
        fields += (b"", b"", b"", detail)
    return separator.join(fields) + b"\r"


def _location(location: Location | None, parts: int) -> list[bytes]:
    """ERL (six parts) or the beginning of ELD (three): segment, sequence, field, …, component."""
    if location is None:
        return [b""] * parts
    component = str(location.component) if location.component else ""
    repetition = "1" if component else ""
    all_parts = (
        location.segment,
        str(location.occurrence),
        str(location.field),
        repetition,
        component,
        "",
    )
    return [part.encode("ascii") for part in all_parts[:parts]]


def _time_stamp(at: datetime) -> bytes:
    """MSH-7 to the second, with its offset."""
    return _second(at.replace(microsecond=0))


@lru_cache(maxsize=4)
def _second(at: datetime) -> bytes:
    return at.strftime("%Y%m%d%H%M%S%z").encode("ascii")
