"""What comes in: one message is one `Accept`, whole or not at all.

Law: an acceptance is idempotent by its receipt, and it names the privacy facts that it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Footing(NamedTuple):
    """What of the privacy registry a decision knew, so that the store can tell when it knew less.

    `version` is that of the registry (`News`), -1 where nobody looked; `patients` are the keyed
    hashes, 16 bytes each, of everybody whose entries matter to it. It is stale once one of them
    was changed after `version`, or, unless that is 0, at `until_ms` of the store's clock, when an
    entry begins or ends by itself. A tuple, since every message makes one.
    """

    version: int = -1
    patients: tuple[bytes, ...] = ()
    until_ms: int = 0


#: Of what is older than the registry: stale as soon as there is anything in it.
NOBODY_LOOKED = Footing()


@dataclass(frozen=True, slots=True)
class Copy:
    """One disclosure, cut and sealed, for the end of a channel's lane.

    `part` counts the patients of the message from 0. `note` is the JSON that the ledger record of
    the delivery will carry (rules, basis, purpose, revision, digest of the bytes); no PHI.
    """

    channel: str
    part: int
    sealed: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Hold:
    """A copy that waits for a person or for facts. `waits_for`: coverage keys that release it."""

    channel: str
    reason: str
    waits_for: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """What a message taught: of coverage, or of what was disclosed of a visit.

    `key` is a keyed hash; `sealed` replaces what stood under it, and holds nothing unsealed but
    receipts.
    """

    key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Entering:
    """What a message changes of the privacy registry, in one step with its acceptance.

    As `Enter`; that nobody else changed `patient` meanwhile the footing of the message says, which
    names it.
    """

    patient: bytes
    sealed: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Accept:
    """Take responsibility for one message: journal, every outbox and hold, record, receipt.

    `duplicate_key` is a keyed hash of sender and MSH-10, `digest` that of the payload. `withheld`
    lists the channels that get nothing, for their counters. `record` is the decision record that
    names every channel's outcome. The `receipt` is the operation's identity: the same one twice
    is one acceptance with one answer, whatever became of its copies in between. `watches`: the
    channels whose open attempts the records of `enters` note (`open`: channel, entry, receipt).
    """

    receipt: str
    duplicate_key: bytes
    digest: bytes
    sealed: bytes
    record: bytes
    copies: tuple[Copy, ...] = ()
    holds: tuple[Hold, ...] = ()
    withheld: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()
    footing: Footing = NOBODY_LOOKED
    enters: tuple[Entering, ...] = ()
    watches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be told to be stale: a change of somebody nobody looked at."""
        if any(one.patient not in self.footing.patients for one in self.enters):
            raise ValueError("a message changes only what its decision rests on")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to `Accept`.

    `receipt` is the one that stands: for a `duplicate` (same sender, id and digest) it is the
    first one's, and nothing was stored. `reused_id`: same sender and id, other content; stored as
    a new message. `released`: receipts of held messages that what was learned or entered may
    release (this one too, if something it waits for was learned since it was decided); they are
    also on the durable list that `NextReleased` reads. `open_attempts`: how many attempts were open
    that what was entered came too late for; its records list them. `stale`: it was decided on facts
    of privacy that have changed; nothing was stored, decide again and submit it anew.
    """

    receipt: str
    duplicate: bool = False
    reused_id: bool = False
    released: tuple[str, ...] = ()
    stale: bool = False
    open_attempts: int = 0
