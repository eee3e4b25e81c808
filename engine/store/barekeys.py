"""Master keys alone, as a KMS or a vault gives them: 32 bytes each, in base64 or hexadecimal.

Law: the last one wraps content keys, all of them open what they wrapped. What a key file says
besides is derived: ids of each key, the key of lookups of the first one, which therefore stays.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

from engine.store.keyfile import ID_BYTES, KEY_BYTES, Keys

_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")


def bare_keys(text: str) -> Keys | None:
    """The keys of a text that has one a line and nothing else; None if it is not such a text."""
    keys = [_key(line) for line in text.replace(";", "\n").split()]
    known = [key for key in keys if key is not None]
    if not known or len(known) < len(keys):
        return None
    masters = {_derived(key, b"payergate master id")[:ID_BYTES]: key for key in known}
    current = _derived(known[-1], b"payergate master id")[:ID_BYTES]
    return Keys(masters, current, _derived(known[0], b"payergate lookup"), frozenset(masters))


def _key(text: str) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == KEY_BYTES else None


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, hashlib.sha256)
