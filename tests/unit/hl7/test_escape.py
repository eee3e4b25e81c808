"""Escape sequences, read and written."""

from __future__ import annotations

import pytest

from engine.hl7.charset import UTF_8, Charset
from engine.hl7.escape import escape, unescape
from engine.hl7.wire import Delimiters

USUAL = Delimiters(b"|", b"^", b"~", b"\\", b"&", b"#")
OTHER = Delimiters(b"!", b"%", b"@", b"*", b"$", b"")
NO_ESCAPE = Delimiters(b"|", b"^", b"~", b"", b"", b"")


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"A\F\B\S\C\T\D\R\E\E\F\P\G", "A|B^C&D~E\\F#G"),
        (r"\X41\\X0D0A\ \X\ \X4\ \X4G\ ", "A\r\n \\X\\ \\X4\\ \\X4G\\ "),
        (r"\XC3A9\ ", "é "),
        (r"\H\bold\N\ \.br\ \.sp+1\ \.ce\ ", r"\H\bold\N\ \.br\ \.sp+1\ \.ce\ "),
        (r"\H\F\N\ ", r"\H\F\N\ "),
        (r"\Zabc\F\ \Z\F\ \C2842\ \M2442\ ", r"\Zabc\F\ \Z\F\ \C2842\ \M2442\ "),
        (r"C:\dir\F\x", "C:\\dir|x"),
        ("end\\", "end\\"),
        ("\\F", "\\F"),
        (r"\Q\ \f\ ", r"\Q\ \f\ "),
    ],
)
def test_known_sequences_are_decoded_and_all_others_stay(escaped: str, text: str) -> None:
    assert unescape(escaped, USUAL, UTF_8) == text


def test_the_message_s_own_delimiters_are_meant() -> None:
    assert unescape(r"a*F*b*S*c*E*d\F\e*P*", OTHER, UTF_8) == r"a!b%c*d\F\e*P*"
    assert escape("a!b%c*d|e", OTHER) == "a*F*b*S*c*E*d|e"


def test_hexadecimal_bytes_are_in_the_message_s_character_set() -> None:
    assert unescape(r"\XE9\ ", USUAL, Charset("iso8859_1")) == "é "


def test_text_that_would_end_a_field_a_segment_or_a_frame_is_escaped() -> None:
    assert escape("a|^&~\\#\r\n\x0b\x1c", USUAL) == (
        r"a\F\\S\\T\\R\\E\\P\\X0D\\X0A\\X0B\\X1C" + "\\"
    )


def test_without_an_escape_character_nothing_is_decoded_and_delimiters_become_spaces() -> None:
    assert unescape(r"a\F\b", NO_ESCAPE, UTF_8) == r"a\F\b"
    assert escape("a|b^c\rd\\e", NO_ESCAPE) == "a b c d\\e"
