"""Small words that several commands need."""

from __future__ import annotations


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 test`, `2 tests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"
