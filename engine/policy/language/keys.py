"""The keys of every kind of mapping as tables, which read the files, and are held against the docs.

Law: what a table does not have is unknown, and an unknown key is an error. A table says itself what
of the language this version does not keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Support(Enum):
    """What becomes of a value: it holds; it has no effect yet; it does not load."""

    IN_FORCE = "in force"
    NOT_ENFORCED = "not enforced"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one kind of mapping, `of` what.

    `unsupported` keys belong to the language but not to this version: using one is an error, for
    to ignore it would disclose more or lose something. `not_enforced` ones are accepted with a
    warning. Both say what the key is about.
    """

    of: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unsupported: dict[str, str] = field(default_factory=dict)
    not_enforced: dict[str, str] = field(default_factory=dict)

    def all(self) -> tuple[str, ...]:
        """Every key that is known here."""
        return (*self.required, *self.optional, *self.unsupported, *self.not_enforced)
