"""Where copies go under one site and under another: what the meaning of rules does not tell.

Law: another address is another receiver, and in the clear is to everybody. Another receiver behind
the same address is a matter of the contract (`engine.policy.compare.contracts`).
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.model import Delivery, Site
from engine.policy.compare.changes import Change, Effect, Found
from engine.policy.compare.contracts import contract_change


def destinations(old: Site, new: Site) -> Iterator[Change]:
    """What differs for the channels that both sites have."""
    for name in sorted(old.deliveries.keys() & new.deliveries.keys()):
        for effect, text in _address(old.deliveries[name], new.deliveries[name]):
            yield contract_change(new.policy.channels[name], effect, text)


def _address(before: Delivery, after: Delivery) -> Found:
    if (before.to.host, before.to.port) != (after.to.host, after.to.port):
        yield Effect.MAY_DISCLOSE, f"copies go to {after.to}, before to {before.to}"
    if before.to.tls and not after.to.tls:
        yield Effect.MAY_DISCLOSE, "copies go in the clear"
    elif after.to.tls and not before.to.tls:
        yield Effect.DISCLOSES_LESS, "copies go encrypted"
