"""What was learned, what waits for it, and how an item that waits is decided again.

Law: no release is lost, and what takes the place of an item is an order with an identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.port.intake import NOBODY_LOOKED, Copy, Footing, Hold, Learned


@dataclass(frozen=True, slots=True)
class Recall:
    """Read what was learned, by key, as of the end of the batch.

    Answers a tuple of what stands there or None, in order.

    Then, for each of `patients` (as in `Footing`), what the privacy registry holds: None, or the
    version of it, a space, and what `Enter` sealed; empty if it must hold something and does not,
    or is doubted.
    """

    keys: tuple[bytes, ...]
    patients: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlearn:
    """Take back what stands under `key` if it is still `sealed`; answers None."""

    key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class NextReleased:
    """Up to `limit` receipts whose holds should be decided again, oldest first; not removed.

    `Recall` after this, never before: what is learned from now on keeps the receipt on the list
    even if it is forgotten meanwhile, so no release is lost.
    """

    limit: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """The sealed message of a receipt, or None once it has left the store.

    It leaves when every channel is final and, where an archive takes it, it has been archived.
    """

    receipt: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """Put a new decision in the place of one parked or held item; answers whether it was there.

    Exactly one of `copies` (back to the end of the lane), `hold` (held again) or `discard` (a
    person's reason) is set, or none: then the item is withheld. An item that is held (again)
    keeps its id and its place. `forget_release` takes the receipt off the released list.
    `record` is the identity of the order: the same one twice is one order with one answer.
    `learned` is what the copies teach; it releases nobody.
    """

    channel: str
    item: str
    record: bytes
    copies: tuple[Copy, ...] = ()
    hold: Hold | None = None
    discard: str = ""
    forget_release: str = ""
    learned: tuple[Learned, ...] = ()
    footing: Footing = NOBODY_LOOKED

    def __post_init__(self) -> None:
        """Refuse what could never be right: a copy that was cut for another channel."""
        if any(copy.channel != self.channel for copy in self.copies) or (
            self.hold is not None and self.hold.channel != self.channel
        ):
            raise ValueError("a copy or hold goes back to its own channel only")
        if bool(self.copies) + (self.hold is not None) + bool(self.discard) > 1:
            raise ValueError("copies, hold and discard exclude each other")
        if self.learned and not self.copies:
            raise ValueError("only copies teach anything")


@dataclass(frozen=True, slots=True)
class Reopen:
    """Put a new decision beside those of a message that is done with for a channel.

    As `Resolve`, where no item is left: `copies` go to the end of the lane, `hold` is a new item,
    with neither the message stays withheld. `sealed` is the message, kept again until this is
    final. `delivered`: how many parts of it the channel has, None where it was never decided for
    the channel; `doubtful`: a copy may be there already, so that what is sent is a possible
    duplicate. `time` counts how often that was done before: of several orders of the same time the
    first one stands. Answers whether this one does; the same one twice is one order.
    """

    channel: str
    receipt: str
    sealed: bytes
    record: bytes
    time: int
    delivered: int | None = 0
    doubtful: bool = False
    copies: tuple[Copy, ...] = ()
    hold: Hold | None = None
    learned: tuple[Learned, ...] = ()
    footing: Footing = NOBODY_LOOKED

    def __post_init__(self) -> None:
        """Refuse what could never be right, as `Resolve` does."""
        if any(copy.channel != self.channel for copy in self.copies) or (
            self.hold is not None and self.hold.channel != self.channel
        ):
            raise ValueError("a copy or hold goes to its own channel only")
        if self.copies and self.hold is not None:
            raise ValueError("copies and hold exclude each other")
        if self.learned and not self.copies:
            raise ValueError("only copies teach anything")


@dataclass(frozen=True, slots=True)
class ForgetReleased:
    """Take a receipt off the released list: all its holds were decided again. Answers None."""

    receipt: str
