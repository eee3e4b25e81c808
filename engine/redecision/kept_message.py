"""A message of the journal or the archive, open, and what must be asked to decide it again.

Law: what was answered stands in the order in which it was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from engine.hl7.wire import Message
from engine.intake.disclosed import Followed
from engine.privacy.facts import CoverageKey
from engine.store.port import Recall, Store

#: What `Recall` answered.
Answers = tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A journalled message, open. `recall`: what to ask before it is decided.

    `patients` are those whom the registry may know, `names` what may have been learned. Of these
    first come those of `keys`, then those of the visit of which it follows something, and last, if
    `asks_cancel`, the one of a cancel that takes this event back.
    """

    receipt: str
    message: Message
    keys: tuple[CoverageKey, ...]
    names: tuple[bytes, ...]
    followed: Followed | None = None
    asks_cancel: bool = False
    patients: tuple[bytes, ...] = ()

    @property
    def recall(self) -> Recall:
        """The question; its answer is `recalled` wherever it is decided."""
        return Recall(self.names, self.patients)


def recalling(store: Store) -> Callable[[Recall], Answers]:
    """Asks a store that answers at once. What it gives raises `StoreUnavailable`."""
    return lambda recall: cast("Answers", store.execute([recall])[0])
