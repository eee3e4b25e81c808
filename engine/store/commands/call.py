"""A command as the server takes it, and what several kinds of them are made of. Pure.

Law: every key of a script is declared, every number is decimal text, content is passed as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.store import keys
from engine.store.port import Footing, Operation, Result
from engine.store.scripts import Script

Argument = str | bytes | int
Command = list[Argument]

#: From the type of an operation to what makes its commands and what reads their replies.
Table = Mapping[
    type[Operation],
    tuple[Callable[[Any], list[Command]], Callable[[Any, Sequence[Any]], Result]],
]


#: Why the privacy registry is doubted; nothing while it is believed.
DOUBT: Command = ["HGET", keys.META, "registry"]


def call(script: Script, names: Sequence[str], *arguments: Argument) -> Command:
    """One call of a script with the keys `names`."""
    return ["EVALSHA", script.sha, len(names), *names, *arguments]


def identity(*parts: bytes) -> bytes:
    """What an order is known by: itself. No key of a message is as long."""
    return b"order:" + hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def footing_arguments(footing: Footing) -> tuple[Argument, Argument, Argument]:
    """Version, until, patients."""
    return footing.version, footing.until_ms or "", b"".join(footing.patients)


def since_ms(entry: bytes) -> int:
    """A stream's ids begin with the server's time."""
    return int(entry.partition(b"-")[0])


def nothing(_op: Operation, _replies: Sequence[Any]) -> None:
    """The answer of what has none."""


def yes(_op: Operation, replies: Sequence[Any]) -> bool:
    """Whether a script has done it."""
    return bool(replies[0] == 1)


def receipts(_op: Operation, replies: Sequence[Any]) -> tuple[str, ...]:
    """Receipts as text."""
    return tuple(receipt.decode() for receipt in replies[0])
