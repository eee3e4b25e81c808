"""What one decision looks at: the segments of one patient's part of a message, and their texts.

Law: a view answers questions about received bytes and changes nothing. Every answer is found once
and shared by all channels. Texts are decoded and unescaped; they are for comparing, never for
sending (rules.md §10.15).
"""

from __future__ import annotations

from engine.hl7 import groups
from engine.hl7.escape import unescape
from engine.hl7.path import Path
from engine.hl7.wire import Message, Segment
from engine.policy.model import MessageType

#: No segment: a question is asked of the message, not of one segment occurrence.
MESSAGE = -1


class View:
    """One patient's part of a message; for a message of one patient, all of it."""

    __slots__ = ("_followers", "_occurrences", "_parents", "_texts", "by_id", "message", "segments", "type")

    def __init__(
        self,
        message: Message,
        segments: tuple[Segment, ...],
        parents: tuple[int, ...] | None = None,
    ) -> None:
        self.message = message
        self.segments = segments
        by_id: dict[str, list[Segment]] = {}
        for segment in segments:
            found = by_id.get(segment.id)
            if found is None:
                by_id[segment.id] = [segment]
            else:
                found.append(segment)
        self.by_id = by_id
        self._parents = parents
        self._texts: dict[tuple[int, int, int, int], tuple[str, ...]] = {}
        self._occurrences: dict[tuple[Path, int], tuple[str, ...]] = {}
        self.type = _message_type(message)

    @property
    def parents(self) -> tuple[int, ...]:
        """For each segment of the whole message the index of its parent, or -1."""
        if self._parents is None:
            self._parents = groups.parents(self.message)
        return self._parents

    def first(self, path: Path) -> str:
        """The first value at a path, or `""`."""
        return next((text for text in self.values(path) if text), "")

    def values(self, path: Path, at: int = MESSAGE) -> tuple[str, ...]:
        """The text of each repetition of each occurrence that `path` means; `""` where empty.

        `at` is the segment of which the question is asked: a path to that segment's id means it
        alone, a path to the id of a segment above it means that ancestor, any other path means
        every occurrence (rules.md §4, "Which occurrence a path means").
        """
        key = (path, at)
        found = self._occurrences.get(key)
        if found is None:
            texts: list[str] = []
            for segment in self._meant(path, at):
                texts += self.texts(segment, path)
            found = self._occurrences[key] = tuple(texts)
        return found

    def texts(self, segment: Segment, path: Path) -> tuple[str, ...]:
        """What one occurrence has at a path: a text for each repetition, `""` where empty."""
        key = (segment.index, path.field, path.component, path.subcomponent)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = self._read(segment, path)
        if path.repetition:
            return found[path.repetition - 1 : path.repetition]
        return found

    def ancestor(self, index: int, segment_id: str) -> Segment | None:
        """The nearest segment of this id above the segment at `index`."""
        parents, segments = self.parents, self.message.segments
        above = parents[index]
        while above >= 0:
            if segments[above].id == segment_id:
                return segments[above]
            above = parents[above]
        return None

    def _meant(self, path: Path, at: int) -> list[Segment]:
        occurrences = self.by_id.get(path.segment, [])
        if path.occurrence:
            return occurrences[path.occurrence - 1 : path.occurrence]
        if at == MESSAGE or not occurrences:
            return occurrences
        asked = self.message.segments[at]
        if asked.id == path.segment:
            return [asked]
        ancestor = self.ancestor(at, path.segment)
        return occurrences if ancestor is None else [ancestor]

    def _read(self, segment: Segment, path: Path) -> tuple[str, ...]:
        if not path.field:
            return (self.message.text(segment.raw),)
        value = segment.field(path.field)
        if not value:
            return ("",)
        if segment.id == "MSH" and path.field <= 2:
            return (self.message.text(value),)  # the delimiters themselves
        message, delimiters = self.message, self.message.delimiters
        texts = []
        for part in message.split(value, delimiters.repetition):
            if path.component:
                part = _nth(message.split(part, delimiters.component), path.component)
            if path.subcomponent:
                part = _nth(message.split(part, delimiters.subcomponent), path.subcomponent)
            texts.append(self.text(part))
        return tuple(texts)

    def text(self, value: bytes) -> str:
        """A received value decoded and unescaped."""
        message = self.message
        text = message.text(value)
        if message.delimiters.escape and message.delimiters.escape in value:
            return unescape(text, message.delimiters)
        return text


def _nth(parts: list[bytes], number: int) -> bytes:
    return parts[number - 1] if number <= len(parts) else b""


def _message_type(message: Message) -> MessageType:
    parts = message.split(message.msh.field(9), message.delimiters.component)
    trigger = message.text(parts[1]) if len(parts) > 1 else ""
    return MessageType(message.text(parts[0]), trigger or None)
