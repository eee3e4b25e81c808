"""That two records are one person's, as messages say and people confirm or take back.

Law: a link is never taken out: one that is parted says so (standards.md B-12.6).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from engine.privacy.acts import Act, History, Verb
from engine.privacy.patients import Patient


class Tie(StrEnum):
    """What a message says of two records."""

    MERGED = "merged"  # one of them goes on (A40 and its kin)
    LINKED = "linked"  # both go on, of one person (A24)
    RENAMED = "renamed"  # the same record under another identifier (A46, A47)


@dataclass(frozen=True, slots=True)
class Link:
    """Two records of one person. Each side has all the identifiers that the message gave it."""

    id: str
    tie: Tie
    survivors: tuple[Patient, ...]
    priors: tuple[Patient, ...]
    history: History

    @property
    def state(self) -> Verb:
        """JOINED, CONFIRMED, QUESTIONED or PARTED."""
        return self.history[-1][0]

    @property
    def binds(self) -> bool:
        """Whether the two are one person's, as far as is known."""
        return self.state is not Verb.PARTED

    @property
    def members(self) -> tuple[Patient, ...]:
        """Everybody it names."""
        return self.survivors + self.priors

    def done(self, verb: Verb, act: Act) -> Link:
        """The same, one step later."""
        return replace(self, history=(*self.history, (verb, act)))
