"""The file that holds a site's master keys.

Law: it is made once, whole or not at all, for its owner alone, and a key leaves it only when
nothing rests on that key any more: content under a lost key is lost. A file that others can read is
refused.

Text, a line each: `payergate-keys 2`, then `master ID KEY` (the last one wraps content keys, all of
them open what they wrapped) and `lookup KEY`; ID is 8 hexadecimal digits, KEY 32 bytes in base64.
`seal ID KEY` is a master key of the time when content was sealed by it directly; it still opens
that. A `;` is as good as the end of a line, for where a text has to be one line.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import durable
from engine.errors import EngineError

KEY_BYTES = 32
ID_BYTES = 4

_FIRST_LINES = ("payergate-keys 2", "payergate-keys 1")


class KeyFileError(EngineError):
    """Keys are missing, damaged, or not kept secret."""


class KeysAwayError(KeyFileError):
    """Keys cannot be had now, and may be back: whoever needs one waits, and nothing is given up."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Master keys by id, which of them wraps, and the key of lookups.

    `only_wrap`: those that never sealed content themselves.
    """

    masters: Mapping[bytes, bytes]
    current: bytes
    lookup: bytes
    only_wrap: frozenset[bytes] = frozenset()


def create_keys(path: Path) -> None:
    """Make a new key file, unless there is one by now. Durable when this returns."""
    id_ = secrets.token_bytes(ID_BYTES)
    masters = {id_: secrets.token_bytes(KEY_BYTES)}
    keys = Keys(masters, id_, secrets.token_bytes(KEY_BYTES), frozenset(masters))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.create_once(path, _text(keys).encode("ascii"))


def replace_keys(path: Path, keys: Keys) -> None:
    """Put `keys` in the place of what the file holds. Durable when this returns."""
    durable.replace(path, _text(keys).encode("ascii"))


def rotated(keys: Keys) -> Keys:
    """With a new master key, which wraps from now on."""
    id_ = secrets.token_bytes(ID_BYTES)
    masters = {**keys.masters, id_: secrets.token_bytes(KEY_BYTES)}
    return Keys(masters, id_, keys.lookup, keys.only_wrap | {id_})


def without_former(keys: Keys) -> Keys:
    """Without the former keys that only wrapped, once nothing is wrapped by them any more."""
    former = keys.only_wrap - {keys.current}
    masters = {id_: key for id_, key in keys.masters.items() if id_ not in former}
    return Keys(masters, keys.current, keys.lookup, keys.only_wrap - former)


def read_keys(path: Path) -> Keys:
    """The keys of a file. Raises `KeyFileError`, which never holds a key."""
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyFileError(
                    "keys-open", f"the key file {path} can be read by others.", f"chmod 600 {path}"
                )
            text = file.read()
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
        return parse_keys(text)
    except ValueError:
        raise KeyFileError(
            "keys-damaged",
            f"the key file {path} is damaged.",
            "Put it back from its backup.",
        ) from None


def parse_keys(text: str) -> Keys:
    """The keys of such a text. Raises `ValueError`, which holds no key."""
    lines = [line.split() for line in text.replace(";", "\n").splitlines()]
    if not lines or " ".join(lines[0]) not in _FIRST_LINES:
        raise ValueError("the first line")
    masters: dict[bytes, bytes] = {}
    only_wrap: set[bytes] = set()
    lookup = current = b""
    for line in lines[1:]:
        match line:
            case ["seal" | "master" as kind, id_, key]:
                current = bytes.fromhex(id_)
                masters[current] = _decode(key)
                if kind == "master":
                    only_wrap.add(current)
            case ["lookup", key]:
                lookup = _decode(key)
            case []:
                pass
            case _:
                raise ValueError("a line of another kind")
    if len(current) != ID_BYTES or not lookup:
        raise ValueError("a key is missing")
    return Keys(masters, current, lookup, frozenset(only_wrap))


def _text(keys: Keys) -> str:
    lines = [_FIRST_LINES[0]]
    for id_, key in keys.masters.items():
        kind = "master" if id_ in keys.only_wrap else "seal"
        lines.append(f"{kind} {id_.hex()} {_encode(key)}")
    return "\n".join([*lines, f"lookup {_encode(keys.lookup)}"]) + "\n"


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decode(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError("not 32 bytes")
    return key
