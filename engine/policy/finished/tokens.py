"""Whole tokens in a text."""

from __future__ import annotations


def has_token(text: str, token: str) -> bool:
    """Whether `token` stands there by itself: neither letter nor digit before or after it."""
    at = text.find(token)
    while at >= 0:
        end = at + len(token)
        if not (at and text[at - 1].isalnum()) and not (end < len(text) and text[end].isalnum()):
            return True
        at = text.find(token, at + 1)
    return False
