"""A message on its way through intake: values.

Law: what is added to it on the way makes another value; nobody changes one that others hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.hl7.wire import Message
from engine.intake.entering import Said
from engine.privacy.facts import CoverageKey


class Source(Protocol):
    """Where a message came from; equal for messages of one connection."""

    @property
    def listener(self) -> str:
        """The listener's name."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message on its way."""

    receipt: str
    source: Source
    message: Message
    patients: tuple[bytes, ...] = ()
    keys: tuple[CoverageKey, ...] = ()
    said: Said | None = None

    @property
    def coverage(self) -> tuple[CoverageKey, ...]:
        """What must be known of coverage: to decide, and to carry it over."""
        return self.keys if self.said is None else (*self.keys, *self.said.keys)
