"""What a counterpart's answer means.

Law: an answer counts only if its MSA-2 equals the MSH-10 that is outstanding, byte for byte, and
its MSA-1 is a code of table 0008; everything else leaves the outcome unknown (HL7 2.9.1 §2.9).
Nothing of an answer is passed on but a code from a closed set and an error code that looks like
one, so that a counterpart cannot write PHI into our records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.ack.codes import AckCode
from engine.errors import NotHL7Error
from engine.hl7.wire import Delimiters, Message, Segment


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The answer to the outstanding message. `error_code`: as in table 0357, or empty."""

    code: AckCode
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Mismatched:
    """An acknowledgment of another message."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No acknowledgment at all: garbage, no or several MSA, an unknown code."""


Interpretation = Acknowledged | Mismatched | Unreadable

_CODES = {code.value.encode("ascii"): code for code in AckCode}
_ERROR_CODE = re.compile(rb"[A-Za-z0-9_.-]{1,20}")
_NO_ERROR = frozenset({b"I", b"W"})  # ERR-4, table 0516: information, warning


def interpret(answer: bytes, control_id: bytes) -> Interpretation:
    """Read `answer` (unframed) as the acknowledgment of the message whose MSH-10 is `control_id`.

    The error code is ERR-3.1, or ERR-1.4.1 where the answer has none (before 2.5), or MSA-6.1.
    """
    try:
        message = Message.parse(answer)
    except NotHL7Error:
        return Unreadable()
    msas = [segment for segment in message.segments if segment.id == "MSA"]
    if len(msas) != 1:
        return Unreadable()
    msa = msas[0]
    code = _CODES.get(msa.field(1).strip())
    if code is None:
        return Unreadable()
    if msa.field(2) != control_id:
        return Mismatched()
    return Acknowledged(code, "" if code.positive else _error_code(message, msa))


def _error_code(message: Message, msa: Segment) -> str:
    errors = [segment for segment in message.segments if segment.id == "ERR"]
    errors.sort(key=lambda err: err.field(4).strip() in _NO_ERROR)  # stable: errors first
    for err in errors:
        for component, number in ((err.field(3), 1), (err.field(1), 4)):
            if code := _coded(_component(component, number, message.delimiters), message):
                return code
    return _coded(_component(msa.field(6), 1, message.delimiters), message)


def _component(field: bytes, number: int, marks: Delimiters) -> bytes:
    """Component `number` of the first repetition; a delimiter that is `b""` divides nothing."""
    first = field.split(marks.repetition, 1)[0] if marks.repetition else field
    parts = first.split(marks.component) if marks.component else [first]
    return parts[number - 1] if number <= len(parts) else b""


def _coded(component: bytes, message: Message) -> str:
    """The first subcomponent, if it looks like a code, else nothing."""
    mark = message.delimiters.subcomponent
    code = (component.split(mark, 1)[0] if mark else component).strip()
    return code.decode("ascii") if _ERROR_CODE.fullmatch(code) else ""
