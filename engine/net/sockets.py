"""The listening sockets: bound before anything else starts, and kept while workers come and go.

Law: a port that cannot be had is the first thing that is said, with its mend; once bound, a socket
stays open until the engine ends, so that a worker's death refuses nobody: connections wait in the
kernel's queue for the next worker.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.config.model import Listener
from engine.errors import EngineError

#: Connections that may wait for a worker to take them.
BACKLOG = 128

#: How often a port that is still taken is tried again, in seconds.
AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Bound:
    """One listener's socket. `address` is where it really listens: `host:port`."""

    listener: str
    socket: socket.socket
    address: str

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return int(self.socket.family)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a port: the worker of an engine that was killed needs a moment."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    seconds: float = 3.0


def bind_all(listeners: Iterable[Listener], patience: Patience) -> tuple[Bound, ...]:
    """Bind every listener's port, or none: raises `EngineError` for the first that fails."""
    bound: list[Bound] = []
    try:
        for listener in listeners:
            bound.append(_bind(listener, patience))  # noqa: PERF401 - what is bound must be closed
    except EngineError:
        for one in bound:
            one.socket.close()
        raise
    return tuple(bound)


def _bind(listener: Listener, patience: Patience) -> Bound:
    deadline = patience.monotonic() + patience.seconds
    while True:
        try:
            made = _listen(listener.listen.host, listener.listen.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or patience.monotonic() >= deadline:
                raise _explained(listener, error) from None
            patience.sleep(AGAIN_S)
        else:
            host, port = made.getsockname()[:2]
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return Bound(listener.name, made, shown)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _explained(listener: Listener, error: OSError) -> EngineError:
    where = f"Listener {listener.name} cannot listen on {listener.listen}"
    setting = f"config.yaml (listeners, {listener.name}, listen)"
    if error.errno == errno.EADDRINUSE:
        return EngineError(
            "port-in-use",
            f"{where}: another process has this port.",
            f"End that process (`ss -ltnp` names it), or choose another port in {setting}.",
        )
    if error.errno == errno.EACCES:
        return EngineError(
            "port-denied",
            f"{where}: this account may not.",
            f"Choose a port above 1023 in {setting}, or grant CAP_NET_BIND_SERVICE.",
        )
    return EngineError(
        "address-unusable",
        f"{where}: this machine has no such address.",
        f"Give an address of this machine, or 0.0.0.0 for all of them, in {setting}.",
    )
