"""Where copies go under one site and under another: what the meaning of rules does not tell.

Law: another address is another receiver, and in the clear is to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.model import Site
from engine.policy.compare.changes import Cause, Change, Effect


def destinations(old: Site, new: Site) -> Iterator[Change]:
    """Where copies go: another address is another receiver, in the clear is to everybody."""
    for name in sorted(old.deliveries.keys() & new.deliveries.keys()):
        before, after = old.deliveries[name], new.deliveries[name]
        causes = (Cause("new", new.policy.channels[name].place, "", "the channel's file"),)
        if (before.to.host, before.to.port) != (after.to.host, after.to.port):
            text = f"copies go to {after.to}, before to {before.to}"
            yield Change(Effect.MAY_DISCLOSE, text, channels=(name,), causes=causes)
        if before.to.tls and not after.to.tls:
            text = "copies go in the clear"
            yield Change(Effect.MAY_DISCLOSE, text, channels=(name,), causes=causes)
        elif after.to.tls and not before.to.tls:
            text = "copies go encrypted"
            yield Change(Effect.DISCLOSES_LESS, text, channels=(name,), causes=causes)
