"""The keys that sign the ledger's checkpoints: Ed25519, in files of their own.

Law: who verifies a ledger must not be able to forge one, so the signature is asymmetric and the
public part stands in a file that may be given to anybody. The private part is for the engine's user
alone, made once, never overwritten; it seals nothing, so that an auditor needs no key to content.

Text, a line each: `payergate-ledger-key 1`, then `sign ID KEY` (the last one signs); beside it
FILE.pub with `payergate-ledger-public 1` and `verify ID KEY`. KEY is 32 bytes in base64.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine import durable
from engine.archive.chain import Checkpoint, Head, Mark, signed_bytes
from engine.errors import EngineError

_PRIVATE = "payergate-ledger-key 1"
_PUBLIC = "payergate-ledger-public 1"


class LedgerKeyError(EngineError):
    """A file of ledger keys is missing, damaged, or not kept secret."""


class Verifier:
    """Knows good checkpoints."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {id_: Ed25519PublicKey.from_public_bytes(key) for id_, key in keys.items()}

    def __call__(self, checkpoint: Checkpoint) -> bool:
        """Whether one of these keys signed it."""
        key = self._keys.get(checkpoint.key_id)
        if key is None:
            return False
        try:
            key.verify(checkpoint.signature, checkpoint.signed)
        except InvalidSignature:
            return False
        return True


class Signer:
    """Makes checkpoints with the last key of a file."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._id = list(keys)[-1]
        self._key = Ed25519PrivateKey.from_private_bytes(keys[self._id])

    def checkpoint(self, mark: Mark, head: Head, at_ms: int) -> Checkpoint:
        """`head`, signed."""
        signature = self._key.sign(signed_bytes(mark, head, at_ms))
        return Checkpoint(mark, head.seq, head.hash, at_ms, self._id, signature)


def public_file(path: Path) -> Path:
    """Where the public part of the key file `path` is."""
    return path.with_name(path.name + ".pub")


def create_signing_key(path: Path) -> None:
    """Make the key file and its public part, unless there is one by now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    id_ = secrets.token_hex(8)
    public = key.public_key().public_bytes_raw()
    private = key.private_bytes_raw()
    durable.create_once(path, _text(_PRIVATE, f"sign {id_} {_encode(private)}"))
    if (id_, private) in _read(path, _PRIVATE, "sign").items():
        text = _text(_PUBLIC, f"verify {id_} {_encode(public)}")
        durable.create_once(public_file(path), text, 0o644)


def read_signer(path: Path) -> Signer:
    """The signer of a key file. Raises `LedgerKeyError`."""
    keys = _read(path, _PRIVATE, "sign")
    if path.stat().st_mode & 0o077:
        raise LedgerKeyError(
            "ledger-key-open",
            f"the ledger's key file {path} can be read by others.",
            f"chmod 600 {path}",
        )
    return Signer(keys)


def read_verifier(path: Path) -> Verifier:
    """The verifier of a file of public keys. Raises `LedgerKeyError`."""
    return Verifier(_read(path, _PUBLIC, "verify"))


def _text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode("ascii")


def _read(path: Path, first: str, word: str) -> dict[str, bytes]:
    try:
        lines = path.read_text("ascii").splitlines()
    except FileNotFoundError:
        raise LedgerKeyError(
            "ledger-key-missing",
            f"there is no file {path}.",
            "Put it back from its backup; without it the ledger's checkpoints cannot be trusted.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerKeyError(
            "ledger-key-unreadable",
            f"the file {path} cannot be read ({type(error).__name__}).",
            "Let the engine's user read it.",
        ) from None
    keys = _parse(lines, first, word)
    if not keys:
        raise LedgerKeyError(
            "ledger-key-damaged", f"the file {path} is damaged.", "Put it back from its backup."
        )
    return keys


def _parse(lines: list[str], first: str, word: str) -> dict[str, bytes]:
    """Keys by id; none of a file that is not whole."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines):
        parts = line.split()
        if number == 0:
            good = line == first
        elif good := len(parts) == 3 and parts[0] == word:
            keys[parts[1]] = _decode(parts[2])
            good = len(keys[parts[1]]) == 32
        if not good:
            return {}
    return keys


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
