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
from engine.hl7.wire import Message, Segment


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
    msas = message.all("MSA")
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
    # The sort is stable: errors in their order, then what was only said by the way.
    for err in sorted(message.all("ERR"), key=lambda err: err.field(4).strip() in _NO_ERROR):
        for field, component in ((err.field(3), 1), (err.field(1), 4)):
            if code := _code_in(message, field, component):
                return code
    return _code_in(message, msa.field(6), 1)


def _code_in(message: Message, field: bytes, component: int) -> str:
    """The first part of a component of the first repetition, if it looks like a code."""
    marks = message.delimiters
    parts = message.split(message.split(field, marks.repetition)[0], marks.component)
    if component > len(parts):
        return ""
    code = message.split(parts[component - 1], marks.subcomponent)[0].strip()
    return code.decode("ascii") if _ERROR_CODE.fullmatch(code) else ""
