"""Content at rest: sealed with AES-256-GCM, found by keyed hash.

Law: nothing from a message reaches a store or a disk unsealed (I7). A blob opens only with its own
key and in its own context, so that what was sealed for one channel can never be taken for
another's. The lookup key is a key of its own and outlives the rotation of the sealing keys.

A blob is: version (1 byte), key id (4), nonce (12), ciphertext and tag (16). Version 1: the key is
one of the key file's. Other versions are for keys that travel with the blob, wrapped.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import EngineError
from engine.store.keyfile import Keys, create_keys, read_keys

#: Nonces are random: below 2^32 seals a key, a repetition stays less likely than 2^-32
#: (NIST SP 800-38D §8.3). Rotate before.
NONCE_BYTES = 12
OVERHEAD_BYTES = 33
LOOKUP_BYTES = 16

_VERSION = b"\x01"
_HEADER_BYTES = 5
_CIPHERTEXT = _HEADER_BYTES + NONCE_BYTES


class SealError(EngineError):
    """A blob that does not open: the wrong key, the wrong context, or a changed byte."""


class Sealer:
    """Seals, opens and hashes with the keys of one key file."""

    def __init__(self, keys: Keys) -> None:
        self._ciphers = {_VERSION + id_: AESGCM(key) for id_, key in keys.sealing.items()}
        self._header = _VERSION + keys.current
        self._encrypt = self._ciphers[self._header].encrypt
        self._lookup = hashlib.blake2b(
            digest_size=LOOKUP_BYTES, key=keys.lookup, person=b"payergate-lookup"
        )

    @classmethod
    def from_file(cls, path: Path, *, create: bool = False) -> Sealer:
        """The sealer of a key file, which is made first if `create` and there is none.

        Raises `KeyFileError` for a file that is missing, damaged, or open to others.
        """
        if create and not path.exists():
            create_keys(path)
        return cls(read_keys(path))

    @property
    def known_by(self) -> bytes:
        """What tells this key file from others, and tells nothing of its keys."""
        return self.keyed_hash(b"known by")

    def seal(self, content: bytes, context: bytes) -> bytes:
        """`content`, sealed; `context` must be given again to open it and is not kept."""
        nonce = os.urandom(NONCE_BYTES)
        header = self._header
        return header + nonce + self._encrypt(nonce, content, header + context)

    def open(self, blob: bytes, context: bytes) -> bytes:
        """What was sealed. Raises `SealError`, which never holds content."""
        header = blob[:_HEADER_BYTES]
        cipher = self._ciphers.get(header)
        if cipher is None:
            raise SealError(
                "sealed-key-unknown",
                "the content was sealed with a key that the key file does not have.",
                "Put the former key back into the key file.",
            )
        try:
            return cipher.decrypt(
                blob[_HEADER_BYTES:_CIPHERTEXT], blob[_CIPHERTEXT:], header + context
            )
        except (InvalidTag, ValueError):
            raise SealError(
                "sealed-damaged",
                "the content does not open: it was changed, or belongs somewhere else.",
                "Restore it from where it came from; see docs/explanation/durability.md.",
            ) from None

    def keyed_hash(self, text: bytes) -> bytes:
        """16 bytes to look `text` up by; without the key nobody can guess at it."""
        hasher = self._lookup.copy()
        hasher.update(text)
        return hasher.digest()
