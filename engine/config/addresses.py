"""Addresses: `tcp:HOST:PORT` and `tls:HOST:PORT`, and whether one leaves this machine; URLs.

Law: nothing crosses a network in the clear unless the site says `insecure: true` beside it; no
password stands in a site's files.
"""

from __future__ import annotations

import ipaddress
import re

from engine.config.model import Address
from engine.policy.language import Mistake, Reader
from engine.policy.language.source import Node

_PASSWORD = re.compile(r"://[^?#]*:[^?#]*@|[?&]password=")
_ADDRESS = re.compile(
    r"(?P<scheme>tcp|tls):(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})"
)


def address(node: Node | None, what: str, reader: Reader, *, least_port: int) -> Address | None:
    """An address; `least_port` 0 allows "any free port"."""
    text = reader.text(node, what)
    if node is None or text is None:
        return None
    match = _ADDRESS.fullmatch(text)
    if match is None or not least_port <= int(match["port"]) <= 65535:
        reader.bad_value(
            node,
            f"{what} cannot be `{text}`.",
            "Write `tls:HOST:PORT` or `tcp:HOST:PORT`; an IPv6 address in brackets.",
        )
        return None
    return Address(match["v6"] or match["host"], int(match["port"]), match["scheme"] == "tls")


def is_loopback(found: Address) -> bool:
    """Whether the address cannot leave this machine."""
    if found.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(found.host).is_loopback
    except ValueError:
        return False  # a name may mean any machine


def demand_secrecy(node: Node, found: Address, reader: Reader, *, insecure: bool) -> None:
    """Note an address that is neither TLS nor loopback: `needs-tls`, unless it is `insecure`."""
    if found.tls or is_loopback(found):
        return
    if insecure:
        reader.problems.note(
            node.place,
            Mistake.INSECURE,
            f"{found} is reached in the clear, as `insecure: true` says.",
            "See that a VPN or a TLS proxy is in between; every report says so.",
        )
        return
    reader.problems.note(
        node.place,
        Mistake.NEEDS_TLS,
        f"{found} is reached in the clear.",
        "Use `tls:`, or take it upon you with `insecure: true` beside it.",
    )


def holds_password(node: Node, url: str, whose: str, reader: Reader, mend: str) -> bool:
    """Whether a password stands in `whose` URL; notes it, with the mend."""
    if not _PASSWORD.search(url):
        return False
    reader.problems.note(
        node.place, Mistake.SECRET_IN_SITE, f"A password stands in {whose} URL.", mend
    )
    return True
