"""Small words that several commands need."""

from __future__ import annotations


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 test`, `2 tests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"


def visible(text: str) -> str:
    """A sender's text on one line of a terminal: what would act on it is shown, not done."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
