"""Tables of disclosures, which people open in spreadsheets."""

from __future__ import annotations

import pytest

from engine.cli.breach_kit import harmless


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=cmd|' /c calc'!A0", "'=cmd|' /c calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("M1;=1", "M1;'=1"),
        ("M1\r\n=1", "M1\r'\n'=1"),
        ("M1", "M1"),
        ("a=1; b-2", "a=1; b-2"),
    ],
)
def test_no_spreadsheet_takes_what_a_sender_wrote_for_a_formula(text: str, expected: str) -> None:
    """Whether it separates cells by commas, by semicolons or by tabs."""
    assert harmless(text) == expected


def test_numbers_stay_numbers() -> None:
    assert harmless(-1) == -1
