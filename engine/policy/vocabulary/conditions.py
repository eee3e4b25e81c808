"""A condition as a person wrote it, checked: a tree of comparisons, values only.

Law: a condition says what is asked, never how; `engine.policy.conditions` asks it of a message, and
`engine.policy.meaning` compares two.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.hl7.path import Path
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.moments import Moment


@dataclass(frozen=True, slots=True, order=True)
class MessageType:
    """`ADT` (trigger is None: any) or `ADT^A01`."""

    code: str
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds (a mapping, or `all:`)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds (`any:`)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (`not:`)."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Compare:
    """A path compared: any occurrence matches, or with `every` all of at least one."""

    path: Path
    matcher: Matcher
    every: bool = False


@dataclass(frozen=True, slots=True)
class MessageIs:
    """MSH-9 is one of these types."""

    types: frozenset[MessageType]


Condition = AllOf | AnyOf | Not | Compare | MessageIs


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text equals one of these, exactly; with `fold`, ignoring case and outer space."""

    values: frozenset[str]
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Prefix:
    """The text starts with one of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The path has a value (`True`), or has none (`False`)."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text matches one of these regular expressions (RE2 syntax)."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InSet:
    """The code is in one of these code sets, under its coding system."""

    sets: tuple[CodeSet, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """The timestamp is later than `after` and earlier than `before`, as far as they are given."""

    after: Moment | None = None
    before: Moment | None = None


@dataclass(frozen=True, slots=True)
class Numeric:
    """The number is at least this and at most that, both included, as far as they are given."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None


Matcher = OneOf | Prefix | Exists | Matches | InSet | Timed | Numeric
