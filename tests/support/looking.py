"""The last look at what is opened for sending."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from engine.delivery.look import Sight
from engine.intake.sealed import Sealing, about_copy
from engine.redecision.last_look import LastLook
from engine.store.port import Advance, Claim, Opened, Store


def head_of(store: Store, sealing: Sealing, channel: str) -> tuple[Opened, bytes]:
    """The next entry of a lane, opened, and the copy as it was cut."""
    claimed: Any = store.execute([Claim(channel, "looking", 1000, takeover=True)])[0]
    opened = store.execute([Advance(channel, claimed.fence, 1, 1000)])[0]
    assert isinstance(opened, Opened), opened
    return opened, sealing.open(opened.sealed, about_copy(opened.receipt, channel, opened.part))


def looked(look: LastLook, opened: Opened, turn: Callable[[], None]) -> Sight:
    """What the last look says of it, at once or after the reactor's `turn`s."""
    seen = look(opened)
    if not isinstance(seen, Deferred):
        return seen
    sights: list[Sight] = []
    seen.addCallback(sights.append)
    turn()
    (sight,) = sights
    return sight
