"""Content keys as values: their names, headers, derivation and wrapping. No file, no clock.

Law: a key is for one class and one day, and is known by an id of its own, so that another key of
the same class and day is never taken for it. It leaves memory only wrapped by a master key, bound
to its name. Every message has a key of its own, derived from that of its day (NIST SP 800-108r1, in
counter mode, HMAC-SHA-256): it needs no place to be kept, and is gone when the key of the day is.

The header of a sealed value: version 2 (1 byte), class (1), day since 1970-01-01 (2), id (4).
"""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
ID_BYTES = 4
NONCE_BYTES = 12
HEADER_BYTES = 8
VERSION = b"\x02"

_EPOCH = date(1970, 1, 1)
_NAME = re.compile(r"(content|lasting|parked)-(\d{4}-\d{2}-\d{2})-([0-9a-f]{8})")
_DERIVE = b"\x00\x00\x00\x01payergate message key\x00"
_DERIVED_BITS = b"\x00\x00\x01\x00"


class KeyClass(Enum):
    """What a key is for."""

    #: What arrived on a day and what was cut of it: destroyed when `retention.content` is over.
    CONTENT = "content"
    #: The keys of those messages of a day that outlive it: parked, held, under a legal hold.
    PARKED = "parked"
    #: The registry, learned coverage, identifiers in the ledger: by the day it was made; kept.
    LASTING = "lasting"


_CODES = {KeyClass.CONTENT: 1, KeyClass.LASTING: 2, KeyClass.PARKED: 3}
_CLASSES = {code: class_ for class_, code in _CODES.items()}


@dataclass(frozen=True, slots=True)
class KeyName:
    """One key's name; `day` counts from 1970-01-01, UTC. As text `content-2026-03-01-0badcafe`."""

    class_: KeyClass
    day: int
    id: bytes

    def __str__(self) -> str:
        return f"{self.class_.value}-{day_text(self.day)}-{self.id.hex()}"

    @property
    def header(self) -> bytes:
        """What a value that is sealed with it begins with."""
        return VERSION + bytes((_CODES[self.class_],)) + self.day.to_bytes(2, "big") + self.id

    @classmethod
    def parse(cls, text: str) -> KeyName:
        """What `str` wrote. Raises `ValueError`."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError(text)
        class_, day, id_ = found.groups()
        return cls(KeyClass(class_), day_number(date.fromisoformat(day)), bytes.fromhex(id_))

    @classmethod
    def of_header(cls, header: bytes) -> KeyName:
        """The key that a sealed value names. Raises `ValueError`."""
        if len(header) != HEADER_BYTES or header[:1] != VERSION or header[1] not in _CLASSES:
            raise ValueError("no header")
        return cls(_CLASSES[header[1]], int.from_bytes(header[2:4], "big"), header[4:])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of(at: datetime) -> int:
    """The day of an aware time, in UTC."""
    return day_number(at.astimezone(UTC).date())


def day_text(day: int) -> str:
    """As `2026-03-01`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def message_key(day_key: bytes, message: bytes) -> bytes:
    """The key of one message of that day."""
    return hmac.digest(day_key, _DERIVE + message + _DERIVED_BITS, "sha256")


def wrap(wrapping: bytes, key: bytes, name: bytes) -> bytes:
    """`key`, sealed with `wrapping` and bound to `name`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(wrapping).encrypt(nonce, key, b"payergate wrapped key|" + name)


def unwrap(wrapping: bytes, wrapped: bytes, name: bytes) -> bytes:
    """What `wrap` was given. Raises `ValueError` for another key, another name, a changed byte."""
    nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        return AESGCM(wrapping).decrypt(nonce, sealed, b"payergate wrapped key|" + name)
    except InvalidTag:
        raise ValueError("it does not open") from None
