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
from engine.mllp.framing import unframeable

#: Versions whose ERR segment is ERR-1 of type ELD; all others have ERR-2 to ERR-8 (2.5).
_ELD_VERSIONS = frozenset({b"2.0", b"2.0D", b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.3.2", b"2.4"})

#: For a header that names no delimiters.
_STANDARD_ENCODING = b"^~\\&"

_CODES = {code: code.value.encode("ascii") for code in AckCode}


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
        fields = [b"" if unframeable(field) else field for field in fields]
    if len(fields) < 13:
        fields = fields + [b""] * (13 - len(fields))
    separator = message.delimiters.field
    component = message.delimiters.component
    kind = message.split(fields[9], component)
    header = [
        b"MSH",
        fields[2] if component else _STANDARD_ENCODING,
        fields[5],
        fields[6],
        fields[3],
        fields[4],
        _second(at),
        b"",
        component.join((b"ACK", kind[1], b"ACK")) if len(kind) > 1 and kind[1] else b"ACK",
        control_id.encode("ascii"),
        fields[11],
        fields[12],
    ]
    if len(fields) > 18 and fields[18]:
        header += (b"", b"", b"", b"", b"", fields[18])
    msa = separator.join((b"MSA", _CODES[code], fields[10]))
    reply = b"%b\r%b\r" % (separator.join(header), msa)
    return reply if fault is None else reply + _error(message, fields[12], fault)


def reject_head(head: bytes, fault: Fault, control_id: str, at: datetime) -> bytes | None:
    """The refusal of a payload of which only the beginning was kept.

    None when nothing like MSH was seen: then there is no one to answer.
    """
    try:
        message = Message.parse(_header_of(head))
    except NotHL7Error:
        return None
    return acknowledge(message, ANSWERS[fault].code, control_id, at, fault)


def _header_of(head: bytes) -> bytes:
    """The MSH segment; where its end is not there, up to the last field that surely is whole."""
    start = max(head.find(b"MSH"), 0)
    line = head[start:].replace(b"\n", b"\r").split(b"\r", 1)
    return line[0] if len(line) > 1 else line[0].rpartition(line[0][3:4] or b"|")[0]


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
    if message.split(version, marks.component)[0].strip() in _ELD_VERSIONS:
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


@lru_cache(maxsize=64)
def _second(at: datetime) -> bytes:
    """MSH-7 to the second, with its offset; messages of one time share it."""
    return at.strftime("%Y%m%d%H%M%S%z").encode("ascii")
