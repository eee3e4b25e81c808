"""Which acknowledgment a sender asked for (MSH-15, MSH-16; HL7 2.9.1 §2.9.2, table 0155).

Law: with both empty it is original mode, one application acknowledgment. Where MSH-15 has a value
it is enhanced mode, and an accept acknowledgment goes out as MSH-15 says. The later application
acknowledgment of enhanced mode is an exchange of its own on another channel, which the engine does
not open; a sender that asks for it and for no accept acknowledgment gets it as the direct answer,
which is what such senders wait for. A value outside the table means always: a sender is rather
told too much than left waiting.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.ack.codes import AckCode
from engine.hl7.wire import Segment

_ACCEPT: Mapping[AckCode, AckCode] = {
    AckCode.AA: AckCode.CA,
    AckCode.AE: AckCode.CE,
    AckCode.AR: AckCode.CR,
}

#: Table 0155: when an acknowledgment is due, by whether it is positive.
_DUE: Mapping[bytes, frozenset[bool]] = {
    b"AL": frozenset({True, False}),
    b"NE": frozenset(),
    b"ER": frozenset({False}),
    b"SU": frozenset({True}),
}


def answer_code(msh: Segment, code: AckCode) -> AckCode | None:
    """The code to answer with where original mode says `code` (A-); None when no answer is due."""
    accept, application = msh.field(15), msh.field(16)
    if not accept and not application:
        return code
    if accept and not (accept == b"NE" and application):
        return _ACCEPT[code] if _due(accept, code) else None
    return code if _due(application, code) else None


def _due(asked: bytes, code: AckCode) -> bool:
    return code.positive in _DUE.get(asked, _DUE[b"AL"])
