"""Receipt ids: one per message taken in; they sort in order of arrival and tell their time.

Law: a receipt is 20 characters of `0-9A-Z`: ten for the Unix time in milliseconds, ten for chance.
It fits MSH-10 of every version (HL7 2.1 to 2.6: 20 characters), so that an acknowledgment is made
from its receipt alone, and a repeated message gets the first answer again, byte for byte. Within
one millisecond, or when the clock steps back, the last receipt is counted up instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

#: Digits and capitals without I, L, O and U: 32 characters in ASCII order, none easily misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RECEIPT_CHARACTERS = 20

_TIME_CHARACTERS = 10
_CHANCE_BITS = 50
#: Chance starts in the lower half, so that counting up from it never runs over.
_FIRST_CHANCE_BITS = _CHANCE_BITS - 1
_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
#: How many different times are remembered: a message asks twice, when it comes and when it goes.
_TIMES_KEPT = 1024
_RECEIPT = re.compile(f"[{ALPHABET}]{{{RECEIPT_CHARACTERS}}}")


class Receipts:
    """Makes receipts. `now_ms`: Unix milliseconds; `chance`: that many random bits."""

    def __init__(self, now_ms: Callable[[], int], chance: Callable[[int], int]) -> None:
        self._now_ms = now_ms
        self._chance = chance
        self._last_ms = -1
        self._number = 0
        self._prefix = ""

    def next(self) -> str:
        """A receipt that sorts after every earlier one of this object."""
        now_ms = self._now_ms()
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._number = self._chance(_FIRST_CHANCE_BITS)
            self._prefix = _encode(now_ms)
        else:
            self._number += 1
        return self._prefix + _encode(self._number)


def control_id_of_copy(receipt: str, channel: str, part: int) -> bytes:
    """MSH-10 of a copy that does not keep the source's; 20 characters, as every version bears.

    A resend and a replay have the same; copies of one message for two channels have nothing in
    common but the time of the receipt.
    """
    about = f"{receipt}|{channel}|{part}".encode("ascii")
    chance = int.from_bytes(hashlib.blake2b(about, digest_size=8).digest(), "big")
    number = _encode(chance & (1 << _CHANCE_BITS) - 1)
    return (receipt[:_TIME_CHARACTERS] + number).encode("ascii")


def received_ms(receipt: str) -> int:
    """The Unix time in milliseconds at which `receipt` was made; `ValueError` when it is none."""
    if not _RECEIPT.fullmatch(receipt):
        raise ValueError(receipt)
    return _milliseconds(receipt[:_TIME_CHARACTERS])


def received_at(receipt: str) -> datetime:
    """The same as a time in UTC; receipts of one millisecond share it."""
    return _time(received_ms(receipt))


@lru_cache(maxsize=_TIMES_KEPT)
def _milliseconds(characters: str) -> int:
    milliseconds = 0
    for character in characters:
        milliseconds = milliseconds << 5 | _VALUES[character]
    return milliseconds


@lru_cache(maxsize=_TIMES_KEPT)
def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def earliest_receipt(ms: int) -> str:
    """No receipt made at the Unix time `ms` or later sorts before this one."""
    return _encode(ms) + ALPHABET[0] * (RECEIPT_CHARACTERS - _TIME_CHARACTERS)


def _encode(number: int) -> str:
    """Fifty bits as ten characters."""
    return (
        _PAIRS[number >> 40 & 1023]
        + _PAIRS[number >> 30 & 1023]
        + _PAIRS[number >> 20 & 1023]
        + _PAIRS[number >> 10 & 1023]
        + _PAIRS[number & 1023]
    )
