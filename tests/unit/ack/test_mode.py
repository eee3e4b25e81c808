"""MSH-15 and MSH-16 are honoured, by the table (HL7 2.9.1 §2.9.2, table 0155)."""

from __future__ import annotations

import pytest

from engine.ack.codes import AckCode
from engine.ack.mode import answer_code
from engine.hl7.wire import Message

AA, AE, AR, CA, CE, CR = (AckCode[name] for name in ("AA", "AE", "AR", "CA", "CE", "CR"))


@pytest.mark.parametrize(
    ("accept", "application", "code", "expected"),
    [
        ("", "", AA, AA),
        ("", "", AE, AE),
        ("", "", AR, AR),
        ("AL", "NE", AA, CA),
        ("AL", "NE", AE, CE),
        ("AL", "NE", AR, CR),
        ("AL", "AL", AA, CA),
        ("AL", "", AA, CA),
        ("NE", "NE", AA, None),
        ("NE", "NE", AR, None),
        ("NE", "", AA, None),
        ("ER", "NE", AA, None),
        ("ER", "NE", AR, CR),
        ("SU", "NE", AA, CA),
        ("SU", "NE", AE, None),
        ("NE", "AL", AA, AA),
        ("NE", "AL", AE, AE),
        ("", "AL", AA, AA),
        ("", "NE", AA, None),
        ("NE", "ER", AA, None),
        ("NE", "ER", AE, AE),
        ("XX", "", AA, CA),
    ],
)
def test_what_is_answered(
    accept: str, application: str, code: AckCode, expected: AckCode | None
) -> None:
    line = f"MSH|^~\\&|HIS|HOSP|ENG|HUB|2026||ADT^A01|M1|P|2.5.1|||{accept}|{application}"
    msh = Message.parse(line.encode()).msh
    assert answer_code(msh, code) is expected
