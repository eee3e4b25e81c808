"""Operations for tests of the store: short to write, plain to read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from engine.store.port import (
    Accept,
    Advance,
    Copy,
    Hold,
    Learned,
    Opened,
    Operation,
    Postpone,
    Result,
    Settle,
    Store,
)

LEASE_MS = 60_000


def do(store: Store, operation: Operation) -> Result:
    """The answer to one operation, in a batch of its own."""
    return store.execute([operation])[0]


def copy(channel: str, part: int = 0, content: bytes = b"\x00sealed\r\n\xff") -> Copy:
    """A copy for `channel`."""
    return Copy(channel, part, content, b'{"rules": []}')


def message(
    receipt: str,
    *channels: str,
    control_id: str = "",
    content: bytes = b"",
    copies: Iterable[Copy] = (),
    holds: Iterable[Hold] = (),
    withheld: Iterable[str] = (),
    learned: Iterable[tuple[bytes, bytes]] = (),
) -> Accept:
    """A message for `channels`; its control id and content are its own unless they are given."""
    identity = hashlib.blake2b((control_id or receipt).encode(), digest_size=16).digest()
    body = content or receipt.encode()
    return Accept(
        receipt,
        identity,
        hashlib.sha256(body).digest(),
        b"\x01sealed:" + body,
        b'{"decided": "' + receipt.encode() + b'"}',
        copies=(*(copy(channel) for channel in channels), *copies),
        holds=tuple(holds),
        withheld=tuple(withheld),
        learned=tuple(Learned(key, sealed) for key, sealed in learned),
    )


def advance(
    channel: str,
    fence: int,
    turn: int,
    close: Settle | Postpone | None = None,
    *,
    open_next: bool = True,
) -> Advance:
    """One step of a lane, with a lease that outlives any test."""
    return Advance(channel, fence, turn, LEASE_MS, close, open_next)


def opened(result: Result) -> Opened:
    """The answer, which must be an open attempt."""
    assert isinstance(result, Opened), result
    return result
