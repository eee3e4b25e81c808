"""The file that holds a site's master keys.

Law: it is made once, whole or not at all, for its owner alone, and never overwritten: content
sealed with a lost key is lost. A file that others can read is refused.

Text, a line each: `payergate-keys 1`, then `seal ID KEY` (the last one seals, all of them open) and
`lookup KEY`; ID is 8 hexadecimal digits, KEY is 32 bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError

KEY_BYTES = 32
ID_BYTES = 4

_FIRST_LINE = "payergate-keys 1"


class KeyFileError(EngineError):
    """The key file is missing, damaged, or not kept secret."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Sealing keys by id, which of them seals, and the key of lookups."""

    sealing: Mapping[bytes, bytes]
    current: bytes
    lookup: bytes


def create_keys(path: Path) -> None:
    """Make a new key file, unless there is one by now. Durable when this returns."""
    lines = [
        _FIRST_LINE,
        f"seal {secrets.token_hex(ID_BYTES)} {_encode(secrets.token_bytes(KEY_BYTES))}",
        f"lookup {_encode(secrets.token_bytes(KEY_BYTES))}",
    ]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first; its keys stand
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_keys(path: Path) -> Keys:
    """The keys of a file. Raises `KeyFileError`, which never holds a key."""
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyFileError(
                    "keys-open", f"the key file {path} can be read by others.", f"chmod 600 {path}"
                )
            lines = file.read().splitlines()
    except FileNotFoundError:
        raise KeyFileError(
            "keys-missing",
            f"there is no key file {path}.",
            "Put it back from its backup; without it nothing that is stored can be opened.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            "keys-unreadable",
            f"the key file {path} cannot be read ({type(error).__name__}).",
            "Let the engine's user, and nobody else, read it.",
        ) from None
    try:
        return _parse(lines)
    except (ValueError, IndexError, binascii.Error):
        raise KeyFileError(
            "keys-damaged",
            f"the key file {path} is damaged.",
            "Put it back from its backup.",
        ) from None


def _parse(lines: list[str]) -> Keys:
    if lines[0] != _FIRST_LINE:
        raise ValueError(lines[0])
    sealing: dict[bytes, bytes] = {}
    lookup = current = b""
    for line in lines[1:]:
        match line.split():
            case ["seal", id_, key]:
                current = bytes.fromhex(id_)
                sealing[current] = _decode(key)
            case ["lookup", key]:
                lookup = _decode(key)
            case []:
                pass
            case _:
                raise ValueError("a line of another kind")
    if len(current) != ID_BYTES or not lookup:
        raise ValueError("a key is missing")
    return Keys(sealing, current, lookup)


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decode(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("not 32 bytes")
    return key
