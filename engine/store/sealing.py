"""Content at rest: sealed with AES-256-GCM, found by keyed hash.

Law: nothing from a message reaches a store or a disk unsealed (I7). A blob opens only with its own
key and in its own context, so that what was sealed for one channel can never be taken for
another's. What a message said has the message's key, which goes with the key of the message's day;
what must outlive days has a key that lasts. The lookup key is a key of its own and outlives all
rotation.

A blob is: the key's header (8 bytes, `engine.store.keynames`), nonce (12), ciphertext and tag (16).
Version 1, of former times, has a header of 5 bytes: version and the id of a master key.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.clock import SystemClock
from engine.errors import EngineError
from engine.intake.receipts import received_ms
from engine.store.keyfile import Keys, create_keys
from engine.store.keynames import (
    HEADER_BYTES,
    NONCE_BYTES,
    VERSION,
    KeyClass,
    KeyName,
    message_key,
)
from engine.store.keyring import ErasedKeyError, KeyRing, Ring
from engine.store.keysource import KeySource

#: Nonces are random: below 2^32 seals a key, a repetition stays less likely than 2^-32
#: (NIST SP 800-38D §8.3). A message's key seals a handful; a lasting one is renewed by rotation.
OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + 16
LOOKUP_BYTES = 16

_FORMER_VERSION = b"\x01"
_FORMER_HEADER_BYTES = 5
_DAY_MS = 86_400_000


class SealError(EngineError):
    """A blob that does not open: the wrong key, the wrong context, or a changed byte."""


class Sealer:
    """Seals, opens and hashes with a site's keys."""

    def __init__(self, keys: Keys, ring: Ring) -> None:
        self._ring = ring
        self._former = {
            _FORMER_VERSION + id_: AESGCM(key)
            for id_, key in keys.masters.items()
            if id_ not in keys.only_wrap
        }
        self._lookup = hashlib.blake2b(
            digest_size=LOOKUP_BYTES, key=keys.lookup, person=b"payergate-lookup"
        )
        self._message: tuple[bytes, bytes, AESGCM] | None = None  # the last: name, header, cipher
        self._lasting: tuple[bytes, AESGCM] | None = None

    @classmethod
    def of(cls, source: KeySource, *, create: bool = False) -> Sealer:
        """The sealer of a site's keys. `create`: file and folder are made first if there are none.

        Never a file beside a folder that is there: its keys would be under another master key.
        Raises `KeyFileError` for keys that are missing, damaged, or open to others.
        """
        is_new = create and not source.folder.exists()
        if is_new and source.file is not None and not source.file.exists():
            create_keys(source.file)
        ring = KeyRing(source, SystemClock().now)
        sealer = cls(ring.masters, ring)
        if create:
            ring.folder.create()
            ring.look()
        return sealer

    @classmethod
    def from_file(cls, path: Path, *, create: bool = False) -> Sealer:
        """The sealer of a key file with the folder that stands beside it."""
        return cls.of(KeySource.beside(path), create=create)

    @property
    def known_by(self) -> bytes:
        """What tells this key file from others, and tells nothing of its keys."""
        return self.keyed_hash(b"known by")

    # --- sealing --------------------------------------------------------------------------------

    def seal(self, content: bytes, context: bytes) -> bytes:
        """`content`, sealed to last; `context` must be given again to open it and is not kept."""
        _, key, header = self._ring.current(KeyClass.LASTING, 0)
        found = self._lasting
        if found is None or found[0] is not header:
            found = self._lasting = header, AESGCM(key)
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + found[1].encrypt(nonce, content, header + context)

    def seal_message(self, content: bytes, context: bytes) -> bytes:
        """`content` of a message, whose receipt begins `context`; `|` ends it if more follows."""
        message = context.partition(b"|")[0]
        found = self._message
        if found is None or found[0] != message:
            day = received_ms(message.decode("ascii")) // _DAY_MS
            _, key, header = self._ring.current(KeyClass.CONTENT, day)
            cipher = AESGCM(message_key(key, message))
            found = self._message = message, header, cipher
        _, header, cipher = found
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + cipher.encrypt(nonce, content, header + context)

    # --- opening --------------------------------------------------------------------------------

    def open(self, blob: bytes, context: bytes) -> bytes:
        """What was sealed. Raises `SealError`, which never holds content, and `KeysAwayError`."""
        if blob[:1] == VERSION:
            header_bytes = HEADER_BYTES
            cipher = self._cipher(blob[:HEADER_BYTES], context)
        else:
            header_bytes = _FORMER_HEADER_BYTES
            cipher = self._former_cipher(blob[:_FORMER_HEADER_BYTES])
        header, end = blob[:header_bytes], header_bytes + NONCE_BYTES
        try:
            return cipher.decrypt(blob[header_bytes:end], blob[end:], header + context)
        except (InvalidTag, ValueError):
            raise _damaged() from None

    def _cipher(self, header: bytes, context: bytes) -> AESGCM:
        message = context.partition(b"|")[0]
        found = self._message
        if found is not None and found[1] == header and found[0] == message:
            return found[2]
        try:
            name = KeyName.of_header(header)
            if name.class_ is not KeyClass.CONTENT:
                return AESGCM(self._ring.find(name))
            cipher = AESGCM(self._ring.of_message(name, message))
        except ErasedKeyError:
            raise SealError(
                "sealed-erased",
                "the content was erased: the key of its day was destroyed.",
                "The ledger has the proof; see `payergate keys ls`.",
            ) from None
        except ValueError:
            raise _damaged() from None
        self._message = message, header, cipher
        return cipher

    def _former_cipher(self, header: bytes) -> AESGCM:
        cipher = self._former.get(header)
        if cipher is None:
            raise SealError(
                "sealed-key-unknown",
                "the content was sealed with a key that the key file does not have.",
                "Put the former key back into the key file.",
            )
        return cipher

    # --- names ----------------------------------------------------------------------------------

    def keyed_hash(self, text: bytes) -> bytes:
        """16 bytes to look `text` up by; without the key nobody can guess at it."""
        hasher = self._lookup.copy()
        hasher.update(text)
        return hasher.digest()


def _damaged() -> SealError:
    return SealError(
        "sealed-damaged",
        "the content does not open: it was changed, or belongs somewhere else.",
        "Restore it from where it came from; see docs/explanation/durability.md.",
    )
