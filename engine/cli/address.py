"""`HOST:PORT` on the command line, also as a site's files write it: `tcp:HOST:PORT`.

Law: who asks for TLS is never served in the clear.
"""

from __future__ import annotations

from engine.errors import EngineError, UsageError

#: The last port that there is.
MOST = 65535


def host_and_port(text: str) -> tuple[str, int]:
    """Read `HOST:PORT` or `[IPv6]:PORT`, with `tcp:` before it or without.

    Raises `UsageError` for anything else, and `EngineError` for `tls:`.
    """
    scheme, _, rest = text.partition(":")
    plain = rest if scheme == "tcp" and ":" in rest else text
    host, colon, port = plain.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise UsageError("address", f"{text!r} is no address.", "Write HOST:PORT.")
    if len(port.lstrip("0")) > len(str(MOST)) or int(port) > MOST:
        raise UsageError(
            "address",
            f"The port of {text!r} is out of range.",
            f"Ports go from 0 to {MOST}.",
        )
    if scheme == "tls" and ":" in rest:
        raise EngineError(
            "tls-unavailable",
            f"This version has no TLS, which {text!r} asks for.",
            "Go through a TLS proxy or a VPN, and name its address as HOST:PORT.",
        )
    return host, int(port)
