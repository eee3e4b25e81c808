"""A message between its decision and the store's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.intake.arrival import Arrival
from engine.intake.disclosed import Mark
from engine.intake.entering import Changes
from engine.privacy.facts import CoverageKey, Coverages, Disclosed
from engine.store.port import Accept


class Submitted(NamedTuple):
    """A message in the hands of the group commit, and what must be undone if it is not stored."""

    arrival: Arrival
    accept: Accept
    taught: Mapping[CoverageKey, Coverages]
    marks: tuple[Mark, ...]
    disclosed: frozenset[Disclosed]
    changes: Changes
