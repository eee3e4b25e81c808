"""How the server is reached.

Law: a client never repeats a command by itself, and no error of ours quotes the url, which may
hold a password.
"""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.errors import StoreError

#: How long a server may take to answer before it counts as unavailable.
TIMEOUT_S = 2.0

_SCHEMES = ("redis://", "rediss://", "unix://")


def connect(url: str, timeout_s: float = TIMEOUT_S) -> Redis:
    """A client for `url`, made so that it never repeats a command by itself.

    redis-py would repeat a command ten times over a stalled server, and each would be carried out.
    """
    if not url.startswith(_SCHEMES):
        raise StoreError(
            "store-url",
            "the store's url is not one of redis://, rediss:// and unix://.",
            "Write store.url as redis://HOST:PORT, or use `embedded`.",
        )
    try:
        return Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
        )
    except ValueError:  # its text may quote the password
        raise StoreError(
            "store-url", "the store's url cannot be read.", "Check its port and its options."
        ) from None
