"""What one decision looks at: the segments of one patient's part of a message, and their texts.

Law: a view answers questions about received bytes and changes nothing. Every answer is found once
and shared by all channels. Texts are decoded and unescaped; they are for comparing, never for
sending (rules.md §10.15).
"""

from __future__ import annotations

from engine.hl7 import groups
from engine.hl7.escape import unescape
from engine.hl7.path import Path
from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import Message, Segment
from engine.policy.cutter import Cutter
from engine.policy.model import MessageType

#: No segment: a question is asked of the message, not of one segment occurrence.
MESSAGE = -1


class View:
    """One patient's part of a message; for a message of one patient, all of it."""

    __slots__ = (
        "_cuts",
        "_numbered",
        "_parents",
        "_texts",
        "by_id",
        "is_part",
        "message",
        "segments",
        "type",
    )

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
        #: One patient of several: the others' segments are not of this view.
        self.is_part = len(segments) < len(message.segments)
        self._numbered: list[tuple[str, list[Segment]]] | None = None
        self._parents = parents
        self._texts: dict[tuple[int, int, int, int], tuple[str, ...]] = {}
        self._cuts: dict[Cutter, list[tuple[int, bytes | None]]] = {}
        self.type = type_of(message)

    @property
    def parents(self) -> tuple[int, ...]:
        """For each segment of the whole message the index of its parent, or -1."""
        if self._parents is None:
            self._parents = groups.parents(self.message)
        return self._parents

    def first(self, path: Path) -> str:
        """The first value at a path, or `""`."""
        return next((text for text in self.values(path) if text), "")

    @property
    def numbered(self) -> list[tuple[str, list[Segment]]]:
        """Segments that carry a set id and occur more than once, by id."""
        if self._numbered is None:
            self._numbered = [
                (segment_id, segments)
                for segment_id, segments in self.by_id.items()
                if len(segments) > 1 and segment_id in SET_ID_SEGMENTS
            ]
        return self._numbered

    def values(self, path: Path, at: int = MESSAGE) -> tuple[str, ...]:
        """The text of each repetition of each occurrence that `path` means; `""` where empty.

        `at` is the segment of which the question is asked: a path to that segment's id means it
        alone, a path to the id of a segment above it means that ancestor, any other path means
        every occurrence (rules.md §4, "Which occurrence a path means").
        """
        meant = self._meant(path, at)
        if len(meant) == 1:
            return self.texts(meant[0], path)
        texts: list[str] = []
        for segment in meant:
            texts += self.texts(segment, path)
        return tuple(texts)

    def texts(self, segment: Segment, path: Path) -> tuple[str, ...]:
        """What one occurrence has at a path: a text for each repetition, `""` where empty."""
        key = (segment.index, path.field, path.component, path.subcomponent)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = self._read(segment, path)
        if path.repetition:
            return found[path.repetition - 1 : path.repetition]
        return found

    def cut(self, cutter: Cutter, segments: list[Segment]) -> list[tuple[int, bytes | None]]:
        """Every occurrence of one segment id cut alike; channels that cut alike share it."""
        found = self._cuts.get(cutter)
        if found is None:
            message = self.message
            found = [(segment.index, cutter.cut(segment, message)) for segment in segments]
            self._cuts[cutter] = found
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
        parts = [value]
        if delimiters.repetition and delimiters.repetition in value:
            parts = message.split(value, delimiters.repetition)
        for separator, number in (
            (delimiters.component, path.component),
            (delimiters.subcomponent, path.subcomponent),
        ):
            if number:
                parts = [_nth(message.split(part, separator), number) for part in parts]
        return tuple(self.text(part) for part in parts)

    def text(self, value: bytes) -> str:
        """A received value decoded and unescaped."""
        message = self.message
        escape = message.delimiters.escape
        text = message.text(value)
        if escape and escape in value:
            return unescape(text, message.delimiters, message.charset)
        return text


def _nth(parts: list[bytes], number: int) -> bytes:
    return parts[number - 1] if number <= len(parts) else b""


def type_of(message: Message) -> MessageType:
    """MSH-9.1 and MSH-9.2 as they stand."""
    parts = message.split(message.msh.field(9), message.delimiters.component)
    trigger = message.text(parts[1]) if len(parts) > 1 else ""
    return MessageType(message.text(parts[0]), trigger or None)
