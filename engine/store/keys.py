"""The names of everything in Redis (docs/reference/redis-keys.md).

Law: every key bears one hash tag, so that a script's keys live on one node of a cluster; names
hold channels and numbers, never anything from a message (I7).
"""

from __future__ import annotations

TAG = "{pg:main}"

JOURNAL = f"{TAG}:journal"
#: A field of the journal that is no receipt: there while an archive takes what is done with.
ARCHIVE_FIELD = "archive"
PENDING = f"{TAG}:pending"
LEDGER = f"{TAG}:ledger"
META = f"{TAG}:meta"
#: Four windows of 24 hours: at least 72 hours of duplicate detection at any time.
RECEIPTS = tuple(f"{TAG}:receipts:{window}" for window in range(4))
COVERAGE = f"{TAG}:coverage"
WAITS = f"{TAG}:waits"
RELEASED = f"{TAG}:released"
RELEASED_NEWS = f"{TAG}:released-news"
CHAIN = f"{TAG}:chain"
PRIVACY = f"{TAG}:privacy"
PRIVACY_VERSIONS = f"{TAG}:privacy-versions"
ENGINES = f"{TAG}:engines"


def out(channel: str) -> str:
    """The stream of what waits to be sent; lane 0 is the only one so far."""
    return f"{TAG}:out:{channel}:0"


def lane(channel: str) -> str:
    """The hash of a lane's holder, fence, open attempt and orders."""
    return f"{TAG}:lane:{channel}:0"


def counts(channel: str) -> str:
    """The hash of a channel's counters."""
    return f"{TAG}:counts:{channel}"


def parts(channel: str) -> str:
    """The hash of the states of messages that have several parts in a channel."""
    return f"{TAG}:parts:{channel}"


def parked(channel: str) -> str:
    """The hash of parked and held items."""
    return f"{TAG}:parked:{channel}"


def parked_order(channel: str) -> str:
    """The sorted set of their ids."""
    return f"{TAG}:parked-order:{channel}"
