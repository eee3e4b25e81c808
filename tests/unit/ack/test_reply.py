"""Replies: B-4.2 to the byte, the golden vectors E-1 and E-2, and what must never happen."""

from __future__ import annotations

import os
import pathlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from engine.ack.codes import ANSWERS, AckCode, Fault
from engine.ack.interpret import Acknowledged, interpret
from engine.ack.reply import acknowledge, reject_head
from engine.errors import NotHL7Error
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.mllp.framing import unframeable

AT = datetime(2026, 1, 1, 12, 0, 1, 999_999, tzinfo=UTC)
CORPUS = pathlib.Path(
    os.environ.get(
        "PAYERGATE_CORPUS", pathlib.Path(__file__).resolve().parents[3] / ".." / "shared" / "corpus"
    )
)


def message(msh: bytes) -> Message:
    return Message.parse(msh + b"\rEVN||20260101\rPID|1||1\r")


def msh(version: bytes = b"2.5.1", type_: bytes = b"ADT^A04^ADT_A01") -> bytes:
    return b"MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|20260101120000||%b|M1|P|%b" % (type_, version)


def reply(header: bytes, code: AckCode = AckCode.AA, fault: Fault | None = None) -> bytes:
    return acknowledge(message(header), code, "E1", AT, fault)


def test_e_1_original_mode() -> None:
    """Golden vector E-1."""
    assert reply(msh()) == (
        b"MSH|^~\\&|ENG|PAYHUB|HIS|HOSP|20260101120001+0000||ACK^A04^ACK|E1|P|2.5.1\rMSA|AA|M1\r"
    )


def test_e_2_unsupported_version() -> None:
    """Golden vector E-2, first part, to the byte."""
    answer = reply(msh(version=b"9.9"), AckCode.AR, Fault.VERSION_ID)
    assert answer.endswith(b"\rMSA|AR|M1\rERR||MSH^1^12|203^Unsupported version id^HL70357|E\r")
    assert answer.startswith(b"MSH|^~\\&|ENG|PAYHUB|HIS|HOSP|20260101120001+0000||")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.EVENT_CODE, b"ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E\r"),
        (Fault.PROCESSING_ID, b"ERR||MSH^1^11|202^Unsupported processing id^HL70357|E\r"),
        (Fault.MESSAGE_TYPE, b"ERR||MSH^1^9^1^1|200^Unsupported message type^HL70357|E\r"),
    ],
)
def test_e_2_other_rejects(fault: Fault, error: bytes) -> None:
    """Golden vector E-2, events and processing ids."""
    assert ANSWERS[fault].code is AckCode.AR
    assert reply(msh(), AckCode.AR, fault).endswith(b"MSA|AR|M1\r" + error)


@pytest.mark.parametrize("version", [b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.4"])
def test_before_2_5_the_error_is_an_eld(version: bytes) -> None:
    answer = reply(msh(version=version), AckCode.AR, Fault.PROCESSING_ID)
    assert answer.endswith(
        b"|P|%b\rMSA|AR|M1\rERR|MSH^1^11^202&Unsupported processing id&HL70357\r" % version
    )


@pytest.mark.parametrize("version", [b"2.5", b"2.6", b"2.7.1", b"2.8.2", b"2.9", b"2.5.1^USA", b""])
def test_from_2_5_on_and_unknown_versions_have_err_3(version: bytes) -> None:
    answer = reply(msh(version=version), AckCode.AE, Fault.CONTROL_ID_MISSING)
    assert b"|P|%b\rMSA" % version in answer
    assert answer.endswith(b"ERR||MSH^1^10|101^Required field missing^HL70357|E\r")


def test_a_detail_goes_to_err_8() -> None:
    answer = reply(msh(), AckCode.AE, Fault.UNFRAMEABLE)
    assert answer.endswith(
        b"ERR|||102^Data type error^HL70357|E||||The message holds a byte 0x0B or 0x1C\r"
    )


def test_the_sender_s_delimiters_are_used() -> None:
    header = b"MSH$%~\\@$HIS$HOSP$ENG$PAYHUB$2026$$ADT%A01$M^1|2$P$2.3"
    assert reply(header, AckCode.AR, Fault.VERSION_ID) == (
        b"MSH$%~\\@$ENG$PAYHUB$HIS$HOSP$20260101120001+0000$$ACK%A01%ACK$E1$P$2.3\r"
        b"MSA$AR$M^1|2\rERR$MSH%1%12%203@Unsupported version id@HL70357\r"
    )


def test_a_text_that_would_collide_with_a_delimiter_is_left_out() -> None:
    odd = b"MSH|,~\\&|HIS|HOSP|ENG|PAYHUB|2026||ADT,A01|M1|P|2.5"
    answer = reply(odd, AckCode.AE, Fault.STORE_DOWN)
    assert answer.endswith(b"ERR|||207,Application error,HL70357|E\r")


def test_msh_18_is_copied_when_present() -> None:
    answer = reply(msh() + b"||||||UNICODE UTF-8")
    assert answer.endswith(b"|P|2.5.1||||||UNICODE UTF-8\rMSA|AA|M1\r")


def test_processing_id_and_mode_are_copied_whole() -> None:
    header = msh().replace(b"|P|", b"|T^A|")
    assert b"|E1|T^A|2.5.1\r" in reply(header)


def test_msa_2_is_msh_10_byte_for_byte() -> None:
    header = msh().replace(b"|M1|", b"| \\T\\\xe9^x~ |")
    assert reply(header).endswith(b"MSA|AA| \\T\\\xe9^x~ \r")


@pytest.mark.parametrize(
    ("type_", "expected"),
    [(b"ADT", b"ACK"), (b"ADT^", b"ACK"), (b"", b"ACK"), (b"ORU^R01", b"ACK^R01^ACK")],
)
def test_a_missing_trigger_gives_the_general_acknowledgment(type_: bytes, expected: bytes) -> None:
    assert b"||%b|E1|" % expected in reply(msh(type_=type_))


def test_a_short_header_is_answered() -> None:
    assert reply(b"MSH|^~\\&|HIS") == (b"MSH|^~\\&|||HIS||20260101120001+0000||ACK|E1||\rMSA|AA|\r")


def test_a_header_without_delimiters_is_answered_in_the_standard_ones() -> None:
    assert reply(b"MSH||HIS|HOSP|ENG|PAYHUB|2026||ADT|M1|P|2.5").startswith(b"MSH|^~\\&|ENG|PAYHUB")


def test_fields_that_cannot_be_framed_are_left_empty() -> None:
    """The refusal of an unframeable message is itself framed."""
    header = msh().replace(b"HIS", b"H\x0bS").replace(b"|M1|", b"|M\x1c1|")
    answer = reply(header, AckCode.AE, Fault.UNFRAMEABLE)
    assert not unframeable(answer)
    assert answer.startswith(b"MSH|^~\\&|ENG|PAYHUB||HOSP|")
    assert b"\rMSA|AE|\r" in answer


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert reply(msh(), AckCode.AE, Fault.SENDER) == reply(msh(), AckCode.AE, Fault.SENDER)


def test_the_time_keeps_its_offset() -> None:
    at = datetime(2026, 7, 1, 8, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert b"|20260701080000-0400|" in acknowledge(message(msh()), AckCode.AA, "E1", at)


@pytest.mark.parametrize("fault", Fault)
def test_no_fault_says_anything_of_the_message(fault: Fault) -> None:
    """Nothing but the header fields that the standard copies, whatever the fault."""
    header = msh() + b"||||||||"
    body = b"PID|1||SECRET-MRN||SECRET^NAME\r"
    answer = acknowledge(Message.parse(header + b"\r" + body), ANSWERS[fault].code, "E1", AT, fault)
    assert b"SECRET" not in answer
    assert interpret(answer, b"M1") == Acknowledged(
        ANSWERS[fault].code, ANSWERS[fault].condition.value
    )


def test_an_oversize_head_is_rejected_when_its_header_is_there() -> None:
    answer = reject_head(message(msh()).raw + b"OBX|1|ED|" + b"x" * 3000, Fault.OVERSIZE, "E1", AT)
    assert answer is not None
    assert answer.endswith(
        b"MSA|AR|M1\rERR|||104^Value too long^HL70357|F"
        b"||||The message is longer than this listener takes\r"
    )


def test_a_header_that_was_cut_is_answered_without_its_last_field() -> None:
    answer = reject_head(b"MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|2026||ADT^A0", Fault.OVERSIZE, "E1", AT)
    assert answer is not None
    assert answer.startswith(
        b"MSH|^~\\&|ENG|PAYHUB|HIS|HOSP|20260101120001+0000||ACK|E1||\rMSA|AR|\r"
    )


@pytest.mark.parametrize(
    "head", [b"", b"MSH", b"MSH|", b"PID|1", b"<html>", b"\xff\xfeM\0S\0H\0", b"MSHX^"]
)
def test_nothing_like_msh_has_no_answer(head: bytes) -> None:
    assert reject_head(head, Fault.OVERSIZE, "E1", AT) is None


def test_every_message_of_the_corpus_can_be_answered() -> None:
    """Real messages: always a framed reply, which our own reader takes for the right one."""
    answered = 0
    for path in sorted(CORPUS.glob("*/*.hl7")):
        for raw in split_messages(path.read_bytes())[:3]:
            try:
                view = Message.parse(raw)
            except NotHL7Error:
                continue
            for fault in (None, Fault.VERSION_ID):
                code = AckCode.AR if fault else AckCode.AA
                answer = acknowledge(view, code, "E1", AT, fault)
                assert not unframeable(answer)
                expected = view.msh.field(10)
                if unframeable(expected):
                    expected = b""
                read = interpret(answer, expected)
                assert isinstance(read, Acknowledged), path
                assert read.code is code
            answered += 1
    assert answered > 1000


def test_a_whole_header_is_answered_whole_whatever_stands_in_it_or_before_it() -> None:
    header = msh().replace(b"|HIS|", b"|HIS?|")
    for before in (b"", b"\xef\xbb\xbf", b"a line\r"):
        answer = reject_head(before + header + b"\rPID|1||7", Fault.OVERSIZE, "E1", AT)
        assert answer is not None
        assert b"|HIS?|" in answer
        assert b"\rMSA|AR|M1\r" in answer


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_whole_header_may_end_in_any_way(end: bytes) -> None:
    answer = reject_head(msh() + end + b"PID|1||7", Fault.OVERSIZE, "E1", AT)
    assert answer is not None
    assert b"|P|2.5.1\rMSA|AR|M1\r" in answer


@pytest.mark.parametrize("byte", [b"\x0b", b"\x1c"])
def test_what_ends_a_frame_is_never_echoed(byte: bytes) -> None:
    answer = reply(msh().replace(b"|M1|", b"|M" + byte + b"1|"), AckCode.AE, Fault.UNFRAMEABLE)
    assert byte not in answer
    assert b"|HIS|HOSP|" in answer
