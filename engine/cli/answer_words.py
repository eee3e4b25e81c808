"""What came back for a message that was sent, in words: what it says, and what to do. Pure.

Law: where it is not certain that the message did not arrive, that is said; nothing is advised that
could have it twice at the receiver unseen.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.ack.codes import CONDITION_TEXT, AckCode, Condition
from engine.delivery.answers import Failed
from engine.mllp.framing import UnframeablePayload

#: What `send` calls answers that are no acknowledgment of the message.
MISMATCHED, UNREADABLE = "mismatched", "unreadable"

#: And an acceptance of what had not left as a whole.
EARLY = "ack-early"

_LATER = "It was not taken. Send it again later; see the receiver's log."
_MEND = "It was not taken. The same bytes will be refused again: mend the message"
_TYPE = f"{_MEND}, or the types that the receiver takes (payergate: `accept.messages`)."

#: What to do about a refusal with an error code of table 0357 (ERR-3).
_REFUSED: Mapping[str, str] = {
    Condition.SEGMENT_SEQUENCE.value: f"{_MEND}'s segments.",
    Condition.REQUIRED_FIELD_MISSING.value: f"{_MEND}; ERR-2 of the answer names the field.",
    Condition.DATA_TYPE.value: f"{_MEND}.",
    Condition.TABLE_VALUE.value: (
        f"{_MEND}, or the senders that the receiver takes (payergate: `accept.sending`)."
    ),
    Condition.VALUE_TOO_LONG.value: (
        f"{_MEND}, or the size that the receiver takes (payergate: `limits.message`)."
    ),
    Condition.MESSAGE_TYPE.value: _TYPE,
    Condition.EVENT_CODE.value: _TYPE,
    Condition.PROCESSING_ID.value: (
        "It was not taken. MSH-11 must fit the receiver: P in production, T or D elsewhere"
        " (payergate: `engine.environment`)."
    ),
    Condition.VERSION_ID.value: f"{_MEND}: the receiver does not take the version in MSH-12.",
    Condition.APPLICATION.value: _LATER,
}

_NOT_SENT = "Nothing was sent."
_IN_DOUBT = "It may have arrived: look at the receiver before you send it again."

#: What to do where there is no acknowledgment.
_NO_ANSWER: Mapping[str, str] = {
    Failed.REFUSED.value: f"{_NOT_SENT} Nobody listens at --to: start the receiver.",
    Failed.NAME.value: f"{_NOT_SENT} There is no such host: see --to.",
    Failed.NO_ROUTE.value: f"{_NOT_SENT} The network does not lead there: see --to.",
    Failed.CONNECT_TIMEOUT.value: f"{_NOT_SENT} The host does not answer: see --to and firewalls.",
    Failed.CONNECT.value: f"{_NOT_SENT} No connection came about: see --to.",
    Failed.LOST.value: f"The receiver closed the connection. {_IN_DOUBT}",
    Failed.ACK_TIMEOUT.value: f"No answer within --timeout. {_IN_DOUBT}",
    Failed.OVERSIZE.value: f"The answer is too long to be one. {_IN_DOUBT}",
    MISMATCHED: f"The answer is of another message (MSA-2 is not the MSH-10). {_IN_DOUBT}",
    UNREADABLE: f"The answer is no acknowledgment: is this an MLLP receiver? {_IN_DOUBT}",
    EARLY: f"It was acknowledged before all of it had left. {_IN_DOUBT}",
    UnframeablePayload().code: f"{_NOT_SENT} It holds a byte that ends an MLLP frame.",
}


def in_words(ack: str | None, error: str | None) -> str:
    """What an answer that is not positive means, and what to do."""
    if ack is None:
        return _NO_ANSWER.get(error or "", _IN_DOUBT)
    if AckCode(ack).positive:
        return ""
    known = {condition.value: text for condition, text in CONDITION_TEXT.items()}
    named = f"{known[error]}. " if error in known else ""
    return named + _REFUSED.get(error or "", f"{_MEND}; the answer's ERR or MSA-3 may say more.")
