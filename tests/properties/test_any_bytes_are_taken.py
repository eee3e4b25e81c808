"""Whatever looks like a message is taken: it is read, or refused by name, and nothing breaks.

An exception would be answered AE (`application-error`), and a hospital that sends the same bytes
again would stand still for ever.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ack.codes import ANSWERS, AckCode, Fault
from engine.ack.reply import acknowledge, reject_head
from engine.errors import NotHL7Error
from engine.hl7.wire import Message
from engine.intake.admission import Admission, Gate
from engine.policy.telling.explain import explain
from engine.privacy.facts import Facts
from tests.support.key_ring import any_sealer
from tests.support.reference_site import NOW, Reception, reference_site, sample

SAMPLES = [
    sample(name) for name in ("adt-a01", "adt-a03", "adt-a04", "adt-a08", "dft-p03", "oru-r01")
]
TOKENS = [
    *(b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\x00", b"\xe9", b"\xc3\xa9", b"\x1b$B", b""),
    *(b"\rMSH|", b"\rPID|", b"PID|", b"\x81|", b"\\X0D\\", b"\\X", b"9" * 30, b'""', b"-1"),
    *(b"\xef\xbb\xbf", b"GB18030-2000", b"ISO IR87", b"00000000", b"20261399", b"\xff\xfe"),
]
SEALER = any_sealer()
RECEPTION = Reception(reference_site(), SEALER)
GATE = Gate(Admission(sending=({"MSH-3": "REG", "MSH-4.1": "GOOD HEALTH"},)), "production")
RECEIPT = "0" * 20


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A sample with lines taken out and bytes put in, or over others, most of them in MSH."""
    lines = draw(st.sampled_from(SAMPLES)).split(b"\r")
    for _ in range(draw(st.integers(0, 3))):
        if len(lines) > 1:
            del lines[draw(st.integers(1, len(lines) - 1))]
    raw = b"\r".join(lines)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, min(len(raw), draw(st.sampled_from([120, 10_000])))))
        over = draw(st.sampled_from([0, 0, 1, 2, 20]))
        raw = raw[:at] + draw(st.sampled_from(TOKENS)) + raw[at + over :]
    return raw


def take(raw: bytes) -> None:
    """All that intake and `explain` do with a payload."""
    try:
        message = Message.parse(raw)
    except NotHL7Error:
        reject_head(raw, Fault.UNREADABLE, RECEIPT, NOW)
        return
    GATE.fault(message)
    for fault in Fault:
        acknowledge(message, ANSWERS[fault].code, RECEIPT, NOW, fault)
    acknowledge(message, AckCode.AA, RECEIPT, NOW)
    RECEPTION.accept(raw)
    explain(message, RECEPTION.compiled, Facts(NOW))


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH|^~\\&|REG|GOOD HEALTH|E|P|20260101||ADT^A01|1|P|2.5.1",
        b"MSH|^~\\&|REG|GOOD HEALTH|E|P|20260101||ORU^R01|1|P|2.5.1\rOBR|1\rOBX|1\r",
        b"MSH|\xe9~\\&|REG|GOOD HEALTH|E|P|20260101||ADT\xe9A01|1|P|2.5.1\rPID|1||A\r",
        b"MSH|",
    ],
    ids=["header alone", "no patient", "a delimiter that is half a character", "MSH alone"],
)
def test_a_strange_message_is_taken(raw: bytes) -> None:
    take(raw)


@given(spoiled())
def test_spoiled_messages_are_taken(raw: bytes) -> None:
    take(raw)
