"""Masks: what a field or component says once most of it is taken away (rules.md §10.25).

Law: a mask never says more than its kind allows, whatever was received; what is empty stays empty,
and so does the delete indicator, which holds no value. A keyed hash without a key says nothing:
anybody could make the same one from a list of names.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from engine.hl7.build import field_value
from engine.hl7.escape import unescape
from engine.hl7.wire import Message
from engine.policy.model import Masking, MaskKind

_DELETE = b'""'

#: Hexadecimal digits of a keyed hash: 64 bits tell all patients of a hospital apart.
_HASH_DIGITS = 16


def masked(value: bytes, masking: Masking, key: bytes, message: Message) -> bytes:
    """What is sent of `value`, one repetition or one component of it, in the place of all of it.

    `key` is of keyed hashes. Kinds that shorten look at the first component and subcomponent: the
    rest of a name or an id is never part of what they show.
    """
    if value in (b"", _DELETE):
        return value
    if masking.kind is MaskKind.CONSTANT:
        return field_value(message, masking.text)
    if masking.kind is MaskKind.KEYED_HASH:
        text = _text(message, value).encode("utf-8", "surrogatepass")
        return hmac.digest(key, text, "sha256").hex()[:_HASH_DIGITS].encode() if key else b""
    delimiters = message.delimiters
    first = message.split(value, delimiters.component)[0]
    first = message.split(first, delimiters.subcomponent)[0]
    return field_value(message, _SHORTENED[masking.kind](_text(message, first)))


def channel_key(key: bytes, channel: str) -> bytes:
    """The key of one channel's hashes, so that two counterparts cannot compare theirs."""
    return hmac.digest(key, f"mask|{channel}".encode(), hashlib.sha256) if key else b""


def _text(message: Message, value: bytes) -> str:
    return unescape(message.text(value), message.delimiters, message.charset)


def _last4(text: str) -> str:
    return "".join(character for character in text if character.isalnum())[-4:]


_SHORTENED: dict[MaskKind, Callable[[str], str]] = {
    MaskKind.YEAR: lambda text: text[:4],
    MaskKind.ZIP3: lambda text: text[:3],
    MaskKind.INITIAL: lambda text: text[:1],
    MaskKind.LAST4: _last4,
}
