"""What a test may expect of one channel: a table of kinds, each judged on what was received.

Law: an expectation holds or says what came instead; it never changes what is decided. Kinds are
those of rules.md §8; a new kind is one more class here and one more row where suites are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.testing.copies import Copies, Value

#: So much of a field is shown where it is not what was expected.
_MOST_SHOWN = 60


class Expectation(Protocol):
    """One expectation, with its place in the suite's file."""

    check: ClassVar[str]

    @property
    def place(self) -> Place:
        """Where it is written."""

    def wanted(self) -> str:
        """What is expected, in words."""

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""


def why_nothing(copies: Copies) -> str:
    """Why a channel received nothing: the deciding code, its rule, and what it means."""
    reason = copies.outcome.reasons[0]
    rule = f" (rule {reason.rule})" if reason.rule else ""
    return f"nothing came: {reason.code.value}{rule}. {reason.text}"


@dataclass(frozen=True, slots=True)
class Receives:
    """The channel receives a copy."""

    check: ClassVar[str] = "expect"
    place: Place

    def wanted(self) -> str:
        """What is expected, in words."""
        return "a copy"

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        return None if copies else why_nothing(copies)


@dataclass(frozen=True, slots=True)
class ReceivesNothing:
    """The channel receives nothing."""

    check: ClassVar[str] = "nothing_for"
    place: Place

    def wanted(self) -> str:
        """What is expected, in words."""
        return "nothing"

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        if not copies:
            return None
        rules = ", ".join(copies.outcome.rules)
        return f"came {' '.join(copies.segment_ids())} (granted by {rules})"


@dataclass(frozen=True, slots=True)
class Because:
    """The reason that decides has this code, and this rule where one is named."""

    check: ClassVar[str] = "because"
    place: Place
    code: str
    rule: str | None = None

    def wanted(self) -> str:
        """What is expected, in words."""
        return _reason(self.code, self.rule)

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        reason = copies.outcome.reasons[0]
        if reason.code.value == self.code and self.rule in (None, reason.rule):
            return None
        return f"came {_reason(reason.code.value, reason.rule)}"


@dataclass(frozen=True, slots=True)
class Segments:
    """The copy has these segments, in this order and no other."""

    check: ClassVar[str] = "segments"
    place: Place
    ids: tuple[str, ...]

    def wanted(self) -> str:
        """What is expected, in words."""
        return " ".join(self.ids)

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        if not copies or copies.segment_ids() == self.ids:
            return None
        return f"came {' '.join(name or '?' for name in copies.segment_ids())}"


@dataclass(frozen=True, slots=True)
class Contains:
    """The copy has this text, as it is sent or as it is read."""

    check: ClassVar[str] = "contains"
    place: Place
    text: str

    def wanted(self) -> str:
        """What is expected, in words."""
        return f"`{self.text}`"

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        return None if not copies or copies.holds(self.text) else "it is not in the copy"


@dataclass(frozen=True, slots=True)
class Excludes:
    """The copy has this text nowhere, neither as it is sent nor as it is read."""

    check: ClassVar[str] = "excludes"
    place: Place
    text: str

    def wanted(self) -> str:
        """What is expected, in words."""
        return f"no `{self.text}`"

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        if not copies.holds(self.text):
            return None
        return f"it is in {', '.join(copies.where(self.text)) or 'the copy'}"


@dataclass(frozen=True, slots=True)
class FieldIs:
    """Every segment that the path means has this value; or, of a list, each its own, in order."""

    check: ClassVar[str] = "fields"
    place: Place
    path: Path
    value: str | tuple[str, ...]

    def wanted(self) -> str:
        """What is expected, in words."""
        values = (self.value,) if isinstance(self.value, str) else self.value
        return f"{self.path} {', '.join(map(_shown, values))}"

    def judge(self, copies: Copies) -> str | None:
        """What came instead; None if it holds."""
        if not copies or self._holds(found := copies.values(self.path)):
            return None
        if not found:
            return f"there is no {self.path.segment}"
        return f"came {', '.join(_shown(value.plain) for value in found)}"

    def _holds(self, found: tuple[Value, ...]) -> bool:
        if isinstance(self.value, tuple):
            return len(found) == len(self.value) and all(map(Value.equals, found, self.value))
        return (bool(found) or not self.value) and all(each.equals(self.value) for each in found)


def _reason(code: str, rule: str | None) -> str:
    return code + (f" by {rule}" if rule else "")


def _shown(text: str) -> str:
    """A value in quotes; of a long one its beginning."""
    return f'"{text}"' if len(text) <= _MOST_SHOWN else f'"{text[:_MOST_SHOWN]}…"'
