"""Socket options of every MLLP connection, in both directions.

Law: a dead peer is noticed in two minutes (60 s idle, then 4 probes 15 s apart), before a firewall
forgets the connection; and no small message waits for another (TCP_NODELAY).
"""

from __future__ import annotations

import socket
from typing import Any

IDLE_S = 60
INTERVAL_S = 15
PROBES = 4

_OPTIONS = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", IDLE_S),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", INTERVAL_S),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
)


def tune(transport: Any) -> None:
    """Set on the socket of `transport`, if it has one, what this system knows of them."""
    handle = getattr(transport, "getHandle", None)
    if handle is None:
        return
    connection = handle()
    for level, name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            connection.setsockopt(level, option, value)
