"""Messages as arguments of lua/accept.lua, and its replies as answers. Pure.

Law: one call takes consecutive messages of a batch, at most `CALL_MESSAGES` and `CALL_BYTES` (one
message that is larger goes alone), so that no call stalls the store for others. The calls of one
batch form a chain: what follows a refused one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.store import keys
from engine.store.commands.call import Command, call, footing_arguments
from engine.store.port import Accept, Accepted
from engine.store.scripts import ACCEPT

CALL_MESSAGES = 256
CALL_BYTES = 4 * 1024 * 1024

#: What accept.lua answers for a call behind a refused one.
BEHIND = b"behind"

_KEYS = (
    keys.JOURNAL, keys.PENDING, keys.LEDGER, keys.META, *keys.RECEIPTS, keys.COVERAGE, keys.WAITS,
    keys.RELEASED, keys.RELEASED_NEWS, keys.CHAIN, keys.PRIVACY_VERSIONS, keys.PRIVACY,
)  # fmt: skip
_CHANNEL_KEYS = (keys.out, keys.counts, keys.parts, keys.parked, keys.parked_order)


def calls(messages: Sequence[Accept]) -> Iterator[Sequence[Accept]]:
    """Cut a run of messages into what one call takes each."""
    start, size_bytes = 0, 0
    for at, message in enumerate(messages):
        message_bytes = _size_bytes(message)
        full = at - start == CALL_MESSAGES or size_bytes + message_bytes > CALL_BYTES
        if full and at > start:
            yield messages[start:at]
            start, size_bytes = at, 0
        size_bytes += message_bytes
    if start < len(messages):
        yield messages[start:]


def accept_command(messages: Sequence[Accept], after: str, leave: str) -> Command:
    """One call. `after`: what the call before it in the chain leaves; `leave`: what this one does.

    Both are empty at the ends of the chain.
    """
    channels: dict[str, int] = {}
    lanes: dict[str, int] = {}

    def index(channel: str) -> int:
        return channels.setdefault(channel, len(channels))

    arguments: Command = [after, leave, len(messages)]
    add = arguments.extend
    for message in messages:
        size_at = len(arguments)
        add((0, message.receipt, message.duplicate_key, message.digest, message.sealed))
        add((message.record, *footing_arguments(message.footing), len(message.copies)))
        for copy in message.copies:
            add((index(copy.channel), copy.part, copy.sealed, copy.note))
        add((len(message.holds),))
        for hold in message.holds:
            add((index(hold.channel), hold.channel, hold.reason, len(hold.waits_for)))
            add(hold.waits_for)
        add((len(message.withheld),))
        add(index(channel) for channel in message.withheld)
        add((len(message.learned),))
        for learned in message.learned:
            add((learned.key, learned.sealed))
        add((len(message.enters),))
        for entering in message.enters:
            add((entering.patient, entering.sealed, entering.record))
        add((len(message.watches),))
        for channel in message.watches:
            add((index(channel), channel, lanes.setdefault(channel, len(lanes))))
        arguments[size_at] = len(arguments) - size_at - 1
    names = [*_KEYS, *(key(channel) for channel in channels for key in _CHANNEL_KEYS)]
    names += [keys.lane(channel) for channel in reversed(lanes)]
    return call(ACCEPT, names, *arguments)


def read_answer(text: bytes) -> Accepted:
    """`= RECEIPT`, a duplicate; `~ RECEIPT`, stale; or `+ REUSED RECEIPT OPEN RELEASED…`."""
    kind, *words = text.decode().split(" ")
    if kind == "~":
        return Accepted(words[0], stale=True)
    if kind == "=":
        return Accepted(words[0], duplicate=True)
    reused, receipt, open_, *released = words
    return Accepted(
        receipt, reused_id=reused == "1", released=tuple(released), open_attempts=int(open_)
    )


def _size_bytes(message: Accept) -> int:
    size = len(message.sealed) + len(message.record)
    for copy in message.copies:
        size += len(copy.sealed) + len(copy.note)
    for learned in message.learned:
        size += len(learned.sealed)
    for entering in message.enters:
        size += len(entering.sealed) + len(entering.record)
    return size
