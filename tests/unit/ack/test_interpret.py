"""Reading a counterpart's answer: what counts, and everything that does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ack.codes import AckCode
from engine.ack.interpret import Acknowledged, Mismatched, Unreadable, interpret

MSH = b"MSH|^~\\&|PAY|HUB|HIS|HOSP|20260101||ACK^A04^ACK|P1|P|2.5.1\r"


@pytest.mark.parametrize("code", AckCode)
def test_every_code_of_table_0008(code: AckCode) -> None:
    answer = MSH + b"MSA|%b|M1\r" % code.value.encode()
    assert interpret(answer, b"M1") == Acknowledged(code)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b""])
def test_segment_ends_as_receivers_write_them(end: bytes) -> None:
    answer = (MSH.rstrip() + b"\rMSA|AA|M1").replace(b"\r", end or b"\r") + end
    assert interpret(answer, b"M1") == Acknowledged(AckCode.AA)


def test_blanks_around_the_code_are_passed_over() -> None:
    assert interpret(MSH + b"MSA| AA |M1\r", b"M1") == Acknowledged(AckCode.AA)


@pytest.mark.parametrize("other", [b"M2", b"m1", b"M1 ", b"", b"M1^", b"M10"])
def test_another_control_id_is_another_message(other: bytes) -> None:
    assert interpret(MSH + b"MSA|AA|%b\r" % other, b"M1") == Mismatched()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"MSA|AA|M1\r",
        MSH,
        MSH + b"MSA\r",
        MSH + b"MSA||M1\r",
        MSH + b"MSA|aa|M1\r",
        MSH + b"MSA|OK|M1\r",
        MSH + b"MSA|AA|M1\rMSA|AE|M1\r",
        MSH + MSH + b"MSA|AA|M1\r",
        b"\x06",
        b"\x15",
    ],
)
def test_no_acknowledgment_at_all(answer: bytes) -> None:
    assert interpret(answer, b"M1") == Unreadable()


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (b"MSA|AR|M1\rERR||MSH^1^12|203^Unsupported version id^HL70357|E\r", "203"),
        (b"MSA|AR|M1\rERR|PID^1^3^101&Required field missing&HL70357\r", "101"),
        (b"MSA|AR|M1\rERR|^^^207\r", "207"),
        (b"MSA|AR|M1||||206^Application record locked^HL70357\r", "206"),
        (b"MSA|AR|M1\r", ""),
        (b"MSA|AR|M1\rERR\r", ""),
        (b"MSA|AR|M1\rERR|||207~103\r", "207"),
        (b"MSA|AR|M1\rERR|||104^^|W\rERR|||207^^|E\r", "207"),
        (b"MSA|AR|M1\rERR|||104^^|I\r", "104"),
        (b"MSA|AR|M1\rERR||x|\rERR|||207|F\r", "207"),
        (b"MSA|AR|M1\rERR|||DOE JANE 19800101|E\r", ""),
        (b"MSA|AR|M1\rERR|||" + b"9" * 21 + b"|E\r", ""),
    ],
)
def test_error_codes_old_and_new(rest: bytes, code: str) -> None:
    """ERR-3 (2.5 and later), ERR-1.4 and MSA-6 (before); what looks like no code is none (I7)."""
    assert interpret(MSH + rest, b"M1") == Acknowledged(AckCode.AR, code)


@pytest.mark.parametrize("code", [AckCode.AA, AckCode.CA])
def test_a_positive_answer_has_no_error_code(code: AckCode) -> None:
    answer = MSH + b"MSA|%b|M1\rERR|||0^Message accepted^HL70357|I\r" % code.value.encode()
    assert interpret(answer, b"M1") == Acknowledged(code)


def test_the_answer_s_own_delimiters_are_used() -> None:
    answer = b"MSH$%~\\@$P$H$H$H$2026$$ACK$1$P$2.3\rMSA$AE$M|1\rERR$PID%1%3%102@x\r"
    assert interpret(answer, b"M|1") == Acknowledged(AckCode.AE, "102")


@given(
    st.binary(max_size=120)
    | st.lists(
        st.sampled_from([MSH, b"MSA|", b"AA", b"|", b"M1", b"\r", b"ERR|||", b"^", b"&", b"~"]),
        max_size=15,
    ).map(b"".join)
)
def test_whatever_comes_is_one_of_three(answer: bytes) -> None:
    result = interpret(answer, b"M1")
    assert isinstance(result, Acknowledged | Mismatched | Unreadable)
    if isinstance(result, Acknowledged):
        assert b"M1" in answer
