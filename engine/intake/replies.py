"""The acknowledgment of a payload.

Law: it is made of the receipt that stands and the message alone.
"""

from __future__ import annotations

from engine.ack.codes import AckCode, Fault
from engine.ack.mode import answer_code
from engine.ack.reply import acknowledge, reject_head
from engine.hl7.wire import Message
from engine.intake.receipts import received_at

#: The answer to a message that wants none, and the absence of an answer (`engine.net.connection`).
NO_REPLY_WANTED = b""


def answer_to(message: Message, code: AckCode, receipt: str, fault: Fault | None = None) -> bytes:
    """The acknowledgment, or `NO_REPLY_WANTED`; made of nothing but its arguments."""
    wanted = answer_code(message.msh, code)
    if wanted is None:
        return NO_REPLY_WANTED
    return acknowledge(message, wanted, receipt, received_at(receipt), fault)


def refuse_payload(payload: bytes, receipt: str, fault: Fault) -> bytes | None:
    """Answer what is no message but has an MSH; what has none has nobody to answer."""
    return reject_head(_header_line(payload), fault, receipt, received_at(receipt))


def _header_line(payload: bytes) -> bytes:
    """What there is of an MSH segment, with the end of its line; a second MSH is left out."""
    start = payload.find(b"MSH")
    ends = [end for end in (payload.find(b"\r", start), payload.find(b"\n", start)) if end > start]
    return payload[start : min(ends) + 1] if start >= 0 and ends else payload
