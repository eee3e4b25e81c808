"""What facts are made of: patients, channels, days and instants, read with their places.

Law: a day is meant in the engine's time zone; it begins at its first instant and ends before the
first of the next (rules.md §10.3). The first and the last day there is, which people write where
they mean always, are as good as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from engine.policy.language import Keys, Reader
from engine.policy.language.mistakes import known_or_close
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.language.source import Sequence as SequenceNode
from engine.policy.model import Policy
from engine.privacy.patients import Patient

PATIENT_KEYS = Keys("a patient", required=("id",), optional=("authority",))

#: Between these a time can be told in every zone. Seen from the zones in use the last is still on
#: the last day.
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 9, tzinfo=UTC)

#: Words that mean every channel, or every payer.
ALL, ALL_PAYERS = "all", "all payers"


class FactReader:
    """Reads the values of one facts file."""

    def __init__(self, reader: Reader, policy: Policy) -> None:
        self.reader = reader
        self.policy = policy
        self._timezone = ZoneInfo(policy.timezone)

    def mapping(self, node: Node, keys: Keys) -> Mapping[str, Node]:
        """The values of a mapping that say something: a `null` says nothing."""
        given = self.reader.mapping(node, keys) or {}
        return {name: value for name, value in given.items() if not is_null(value)}

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """The items of a list; an empty one is no mistake here."""
        if node is None or is_empty(node):
            return ()
        return self.reader.sequence(node, what) or ()

    def choices(self, node: Node | None, what: str, options: type[Enum]) -> frozenset[str]:
        """The values of an Enum that a list names; it may be empty."""
        found = (
            self.reader.choice(item, f"An item of {what}", options)
            for item in self.items(node, what)
        )
        return frozenset(str(option.value) for option in found if option is not None)

    def patient(self, node: Node | None) -> Patient:
        """`{id: …, authority: …}`."""
        keys = self.reader.mapping(node, PATIENT_KEYS) or {}
        if "id" in keys and is_empty(keys["id"]):
            self.reader.missing_key(keys["id"].place, PATIENT_KEYS.of, "id")
        return Patient(self.text(keys.get("id")), self.text(keys.get("authority")))

    def channel(self, node: Node | None) -> str:
        """The id of a channel of the site."""
        channel = self.text(node)
        if node is not None and channel and channel not in self.policy.channels:
            self.reader.bad_value(
                node,
                f"The site has no channel {self.reader.problems.quoted(channel)}.",
                known_or_close(channel, self.policy.channels),
            )
        return channel

    def channels(self, node: Node | None, *every: str) -> frozenset[str] | None:
        """A list of channels; None: all of them, written as one of the words `every`."""
        if node is None:
            return None
        if isinstance(node, Scalar):
            if node.text not in every:
                words = " or ".join(f"`{word}`" for word in every)
                self.reader.wrong_type(node, "`channels`", f"a list of channel ids, or {words}")
            return None
        return frozenset(self.channel(item) for item in self.items(node, "`channels`"))

    def payers(self, node: Node | None, empty: str) -> frozenset[str] | None:
        """Channels; None: all payers. `empty` says what an empty list would do."""
        if node is not None and is_empty(node):
            self.reader.bad_value(node, empty, f"Name channels, or `{ALL_PAYERS}`.")
        return self.channels(node, ALL_PAYERS, ALL)

    def text(self, node: Node | None) -> str:
        """A text, or `""` where nothing is said. It may be a patient's, so it is never repeated."""
        if node is None or is_empty(node):
            return ""
        return self.reader.text(node, "This value") or ""

    def day(self, node: Node | None, what: str) -> date | None:
        """A day."""
        if node is None or is_empty(node):
            return None
        text = self.reader.day(node, what)
        return None if text is None else date.fromisoformat(text)

    def begin(self, node: Node | None, what: str) -> datetime | None:
        """The first instant of a day."""
        day = self.day(node, what)
        return None if day is None else self._start(day)

    def end(self, node: Node | None, what: str) -> datetime | None:
        """The first instant after a day."""
        day = self.day(node, what)
        if day is None:
            return None
        return LAST if day == date.max else self._start(day + timedelta(days=1))

    def days(self, first: Node | None, last: Node | None) -> tuple[date | None, date | None]:
        """The first and the last day of a time, in that order."""
        since, until = self.day(first, "`from`"), self.day(last, "`to`")
        if last is not None and since is not None and until is not None and until < since:
            self.backwards(last)
        return since, until

    def backwards(self, last: Node) -> None:
        """Note that a time ends before it begins: it would never come."""
        self.reader.bad_value(last, "It ends before it begins.", "Correct the days.")

    def instant(self, node: Node | None, what: str) -> datetime | None:
        """A timestamp; without a zone it is meant in the engine's."""
        if node is None or is_empty(node):
            return None
        text = self.reader.text(node, what)
        try:
            found = datetime.fromisoformat(text or "")
        except ValueError:
            self.reader.bad_value(
                node, f"{what} is no timestamp.", "Write ISO form, such as 2026-03-01T12:00:00Z."
            )
            return None
        return _in_utc(found if found.tzinfo else found.replace(tzinfo=self._timezone))

    def _start(self, day: date) -> datetime:
        return _in_utc(datetime.combine(day, time(), self._timezone))


def _in_utc(at: datetime) -> datetime:
    try:
        return min(max(at.astimezone(UTC), FIRST), LAST)
    except OverflowError:  # before the first year, or after the last
        return FIRST if at.year == FIRST.year else LAST


def is_null(node: Node) -> bool:
    """Whether nothing is written there, or `null`."""
    return isinstance(node, Scalar) and not node.text


def is_empty(node: Node) -> bool:
    """Whether nothing is said, or an empty list or mapping."""
    if isinstance(node, SequenceNode):
        return not node.items
    if isinstance(node, MappingNode):
        return not node.entries
    return is_null(node)
