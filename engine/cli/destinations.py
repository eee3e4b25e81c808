"""Where copies go under one site and under another: what the meaning of rules does not tell.

Law: another address is another receiver, and so is another name behind the same address; in the
clear is to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.model import Delivery, Site
from engine.policy.compare.changes import Cause, Change, Effect, Found
from engine.policy.model import Channel

#: What a hub passes messages on by: receiving application and facility (HL7 v2.5.1, 2.15.9.5 and
#: 2.15.9.6), and since 2.7 receiving organization and network address.
_RECEIVER = (5, 6, 23, 25)


def destinations(old: Site, new: Site) -> Iterator[Change]:
    """What differs for the channels that both sites have."""
    for name in sorted(old.deliveries.keys() & new.deliveries.keys()):
        before, after = old.policy.channels[name], new.policy.channels[name]
        causes = (Cause("new", after.place, "", "the channel's file"),)
        for effect, text in (
            *_address(old.deliveries[name], new.deliveries[name]),
            *_receiver(before, after),
        ):
            yield Change(effect, text, channels=(name,), causes=causes)


def _address(before: Delivery, after: Delivery) -> Found:
    if (before.to.host, before.to.port) != (after.to.host, after.to.port):
        yield Effect.MAY_DISCLOSE, f"copies go to {after.to}, before to {before.to}"
    if before.to.tls and not after.to.tls:
        yield Effect.MAY_DISCLOSE, "copies go in the clear"
    elif after.to.tls and not before.to.tls:
        yield Effect.DISCLOSES_LESS, "copies go encrypted"


def _receiver(before: Channel, after: Channel) -> Found:
    for number in _RECEIVER:
        was, is_now = (one.rewrite.get(number, "as received") for one in (before, after))
        if before.rewrite.get(number) != after.rewrite.get(number):
            text = f"its receiver in MSH-{number} is {is_now}, before {was}"
            yield Effect.MAY_DISCLOSE, text
