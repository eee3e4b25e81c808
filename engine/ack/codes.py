"""The tables of acknowledgment: codes, error conditions, and what our refusals say.

Law: AE and AR are for faults that a resend cannot mend (decision 0005), so no fault here carries a
condition that senders retry on, but for those that only we can cause (`STORE_DOWN`, where a site
asks for it, and `APPLICATION_ERROR`). No text holds a value of a message. The same tables stand in
docs/reference/acknowledgments.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class AckCode(Enum):
    """MSA-1, table 0008: A- application acknowledgment, C- accept acknowledgment (§2.9.2)."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"

    @property
    def positive(self) -> bool:
        """The receiver has taken responsibility."""
        return self in (AckCode.AA, AckCode.CA)


class Condition(Enum):
    """ERR-3 (ERR-1.4 before 2.5), table 0357: the part of it that we say."""

    SEGMENT_SEQUENCE = "100"
    REQUIRED_FIELD_MISSING = "101"
    DATA_TYPE = "102"
    TABLE_VALUE = "103"
    VALUE_TOO_LONG = "104"
    MESSAGE_TYPE = "200"
    EVENT_CODE = "201"
    PROCESSING_ID = "202"
    VERSION_ID = "203"
    APPLICATION = "207"


#: Table 0357 as published.
CONDITION_TEXT: Mapping[Condition, str] = {
    Condition.SEGMENT_SEQUENCE: "Segment sequence error",
    Condition.REQUIRED_FIELD_MISSING: "Required field missing",
    Condition.DATA_TYPE: "Data type error",
    Condition.TABLE_VALUE: "Table value not found",
    Condition.VALUE_TOO_LONG: "Value too long",
    Condition.MESSAGE_TYPE: "Unsupported message type",
    Condition.EVENT_CODE: "Unsupported event code",
    Condition.PROCESSING_ID: "Unsupported processing id",
    Condition.VERSION_ID: "Unsupported version id",
    Condition.APPLICATION: "Application error",
}


class Severity(Enum):
    """ERR-4, table 0516: what a fault of ours can be."""

    ERROR = "E"
    FATAL = "F"


@dataclass(frozen=True, slots=True)
class Location:
    """ERR-2: segment, its occurrence, field; a component where that is what is wrong."""

    segment: str
    field: int
    occurrence: int = 1
    component: int = 0


class Fault(Enum):
    """Why a message was not accepted; the value is its stable name in logs and metrics."""

    UNFRAMEABLE = "unframeable"
    OVERSIZE = "oversize"
    UNREADABLE = "unreadable"
    BATCH = "batch"
    CONTINUED = "continued"
    CONTROL_ID_MISSING = "control-id-missing"
    MESSAGE_TYPE = "message-type"
    EVENT_CODE = "event-code"
    PROCESSING_ID = "processing-id"
    VERSION_ID = "version-id"
    SENDER = "sender"
    STORE_DOWN = "store-down"
    APPLICATION_ERROR = "application-error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a fault is answered with. `detail` goes to ERR-8 (2.5 and later) where not empty."""

    code: AckCode
    condition: Condition
    severity: Severity = Severity.ERROR
    location: Location | None = None
    detail: str = ""


ANSWERS: Mapping[Fault, Answer] = {
    Fault.UNFRAMEABLE: Answer(
        AckCode.AE, Condition.DATA_TYPE, detail="The message holds a byte 0x0B or 0x1C"
    ),
    Fault.OVERSIZE: Answer(
        AckCode.AR,
        Condition.VALUE_TOO_LONG,
        Severity.FATAL,
        detail="The message is longer than this listener takes",
    ),
    Fault.UNREADABLE: Answer(
        AckCode.AE, Condition.SEGMENT_SEQUENCE, detail="A line of the message is no segment"
    ),
    Fault.BATCH: Answer(
        AckCode.AR,
        Condition.SEGMENT_SEQUENCE,
        detail="Batches are not taken, send each message in a frame of its own",
    ),
    Fault.CONTINUED: Answer(
        AckCode.AR,
        Condition.SEGMENT_SEQUENCE,
        detail="Parts of a message are not taken, send it as a whole",
    ),
    Fault.CONTROL_ID_MISSING: Answer(
        AckCode.AE, Condition.REQUIRED_FIELD_MISSING, location=Location("MSH", 10)
    ),
    Fault.MESSAGE_TYPE: Answer(
        AckCode.AR, Condition.MESSAGE_TYPE, location=Location("MSH", 9, component=1)
    ),
    Fault.EVENT_CODE: Answer(
        AckCode.AR, Condition.EVENT_CODE, location=Location("MSH", 9, component=2)
    ),
    Fault.PROCESSING_ID: Answer(AckCode.AR, Condition.PROCESSING_ID, location=Location("MSH", 11)),
    Fault.VERSION_ID: Answer(AckCode.AR, Condition.VERSION_ID, location=Location("MSH", 12)),
    Fault.SENDER: Answer(
        AckCode.AR,
        Condition.TABLE_VALUE,
        location=Location("MSH", 3),
        detail="This listener does not take messages of this sender",
    ),
    Fault.STORE_DOWN: Answer(
        AckCode.AE, Condition.APPLICATION, detail="The message was not stored, send it again later"
    ),
    Fault.APPLICATION_ERROR: Answer(
        AckCode.AE, Condition.APPLICATION, detail="The message was not stored"
    ),
}
