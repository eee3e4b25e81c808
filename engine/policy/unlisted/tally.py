"""What arrived and was sent to nobody, counted over many messages.

Law: every message is looked at, so that what was seen is exact. A message is decided only where it
holds something that some channel could be sent of its type and that was not yet seen to be sent:
what was sent once is out of the report for good, and what no grant can send of a type is not sent,
however its conditions stand. So the answer is that of deciding every message, and most of them need
not be. How many distinct things are held is bounded; what came after that is counted by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.message.reading import type_of
from engine.policy.telling.fieldwise import Because
from engine.policy.unlisted.content import Content, content_of
from engine.policy.unlisted.leaving import leaving
from engine.policy.unlisted.named import Named, Sendable, Standing
from engine.policy.vocabulary.conditions import MessageType
from engine.privacy.facts import Facts

#: How many fields, and how many codes, are held; segment ids are few by themselves (33,696).
MOST_FIELDS = 20_000
MOST_CODES = 50_000

#: How many types, and how many reasons, are held of one content.
MOST_TYPES = 20
MOST_REASONS = 20

#: A type that is not of the form of the standard's (table 0076).
OTHER_TYPE = "other"


@dataclass(slots=True)
class Seen:
    """In how many messages something was seen, of which types; times in Unix milliseconds.

    `example` is the latest message, as whoever counts calls it. `because` counts messages.
    """

    first_ms: int
    last_ms: int
    messages: int = 0
    example: str = ""
    types: set[str] = field(default_factory=set)
    because: Counter[Because] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Unsent:
    """Something that was sent to nobody, and whether a rule grants it at all."""

    content: Content
    standing: Standing
    seen: Seen


class Tally:
    """What was found so far. `not_held`: messages with something for which there was no room."""

    def __init__(self, policy: CompiledPolicy, *, codes: bool = False) -> None:
        self._policy = policy
        self._codes = codes
        self._named = Named(policy.policy)
        self._sendable = Sendable(policy)
        self._held: dict[Content, Seen] = {}
        self._sent: set[Content] = {Content("MSH")}
        self._room = {"segment": 36**3, "field": MOST_FIELDS, "code": MOST_CODES}
        self.messages = 0
        self.not_held = 0

    def see(self, message: Message, at_ms: int, example: str) -> Mapping[Content, list[str]]:
        """Count one message; what it must be decided for, with the channels that may be sent it."""
        kind = message.once(type_of)
        rules, name = self._policy.for_type(kind), type_name(kind)
        self.messages += 1
        has_room = True
        asked: dict[Content, list[str]] = {}
        for content in content_of(message, self._named.grants_any_of, codes=self._codes):
            if content in self._sent:
                continue
            seen = self._held.get(content) or self._hold(content, at_ms)
            if seen is None:
                has_room = False
                continue
            seen.first_ms, seen.last_ms = min(seen.first_ms, at_ms), max(seen.last_ms, at_ms)
            seen.messages += 1
            seen.example = example
            if len(seen.types) < MOST_TYPES:
                seen.types.add(name)
            channels = self._sendable.channels(rules, content)
            if channels:
                asked[content] = channels
        self.not_held += not has_room
        return asked

    def decide(self, message: Message, facts: Facts, asked: Mapping[Content, list[str]]) -> None:
        """Decide a message for what `see` asked of it."""
        found = leaving(message, self._policy, facts, asked, codes=self._codes)
        for content in found.sent:
            if self._held.pop(content, None) is not None:
                self._sent.add(content)
        for content, because in found.because.items():
            seen = self._held.get(content)
            if seen is None:
                continue
            for one in because:
                if one in seen.because or len(seen.because) < MOST_REASONS:
                    seen.because[one] += 1

    def unsent(self) -> Iterator[Unsent]:
        """What was sent to nobody.

        What is said of a segment, or a field, that was sent to nobody is not said again of what
        stands in it. But a field that no rule names is told, though its segment is granted and
        never sent.
        """
        for content, seen in self._held.items():
            standing = self._named.standing(content)
            if self._is_told(content, standing):
                yield Unsent(content, standing, seen)

    def _is_told(self, content: Content, standing: Standing) -> bool:
        if content.code:
            return content.whole_field in self._sent
        segment = content.whole_segment
        if content == segment or segment in self._sent:
            return True
        is_granted = self._named.standing(segment) is Standing.GRANTED
        return is_granted and standing is Standing.UNLISTED

    def _hold(self, content: Content, at_ms: int) -> Seen | None:
        kind = "code" if content.code else "field" if content.field else "segment"
        if not self._room[kind]:
            return None
        self._room[kind] -= 1
        seen = self._held[content] = Seen(at_ms, at_ms)
        return seen


def type_name(kind: MessageType) -> str:
    """`ADT^A01`; of what is no such name, `OTHER_TYPE`."""
    parts = [kind.code] if kind.trigger is None else [kind.code, kind.trigger]
    if all(len(part) == 3 and part.isascii() and part.isalnum() for part in parts):
        return "^".join(parts).upper()
    return OTHER_TYPE
