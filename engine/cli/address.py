"""`HOST:PORT` on the command line."""

from __future__ import annotations

from engine.errors import UsageError


def host_and_port(text: str) -> tuple[str, int]:
    """Read `HOST:PORT` or `[IPv6]:PORT`; raises `UsageError` for anything else."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError("address", f"{text!r} is no address.", "Write HOST:PORT.")
    return host, int(port)
