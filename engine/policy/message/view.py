"""What one decision looks at: the segments of one patient's part of a message, and their texts.

Law: a view answers questions about received bytes and changes nothing; no answer depends on facts
or on what was decided, and what depends on the time is forgotten when the time changes. Every
answer is found once and shared by all channels. Texts are decoded and unescaped; they are for
comparing, never for sending (rules.md §10.15).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from engine.hl7.groups import meant
from engine.hl7.path import Path
from engine.hl7.wire import HEADERS, Message, Segment
from engine.policy.message.corrections import Corrections, corrections_in
from engine.policy.message.cuts import Cuts
from engine.policy.message.documents import documents_in
from engine.policy.message.reading import Codes, codes_at, text_of, texts_at, type_of
from engine.policy.message.structure import Structure

_NOTHING = [b""]

#: No segment: a question is asked of the message, not of one segment occurrence.
MESSAGE = -1

#: `View.now` where nobody asks for the time.
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class View:
    """One patient's part of a message; for a message of one patient, all of it."""

    __slots__ = (
        "_all",
        "_below",
        "_coded",
        "_columns",
        "_corrections",
        "_documents",
        "_rows",
        "_texts",
        "_widths",
        "answers",
        "cuts",
        "is_part",
        "message",
        "now",
        "parents",
        "structure",
        "type",
    )

    def __init__(
        self,
        message: Message,
        structure: Structure,
        is_part: bool = False,
        now: datetime = _NO_TIME,
    ) -> None:
        self.message = message
        #: When the decision is made, aware; conditions may speak of it.
        self.now = now
        self.structure = structure
        #: For each segment of the whole message the index of its parent, or -1.
        self.parents = structure.parents
        #: One patient of several: the others' segments are not of this view.
        self.is_part = is_part
        self.type = message.once(type_of)
        self._all: dict[str, list[Segment]] = {}
        self._coded: dict[tuple[int, int], tuple[Codes, ...]] = {}
        #: What conditions said that do not depend on whom they are asked of, by condition.
        self.answers: dict[Callable[[View, int], bool], bool] = {}
        self._columns: dict[str, list[tuple[bytes, ...]]] = {}
        self._below: dict[str, dict[int, list[Segment]]] = {}
        self._corrections: Corrections | None = None
        self._documents: frozenset[int] | None = None
        #: What cutters left of its segments (`engine.policy.message.cuts`).
        self.cuts = Cuts()
        self._rows: dict[str, list[list[bytes]]] = {}
        self._texts: dict[tuple[int, int, int, int], tuple[str, ...]] = {}
        self._widths: dict[str, int] = {}

    def at(self, now: datetime) -> View:
        """The same view, asked at `now`: what conditions said at another time is forgotten."""
        if now != self.now:
            self.now = now
            self.answers.clear()
        return self

    @property
    def segments(self) -> list[Segment]:
        """The view's segments in order."""
        indexes = sorted(index for found in self.structure.by_id.values() for index in found)
        return [self.message.segment(index) for index in indexes]

    @property
    def corrections(self) -> Corrections:
        """What corrects or takes back something earlier."""
        if self._corrections is None:
            self._corrections = corrections_in(self)
        return self._corrections

    @property
    def documents(self) -> frozenset[int]:
        """The OBX that carry a document, by index."""
        if self._documents is None:
            self._documents = documents_in(self)
        return self._documents

    def all(self, segment_id: str) -> list[Segment]:
        """All occurrences of a segment, in order. Do not modify the list."""
        found = self._all.get(segment_id)
        if found is None:
            indexes = self.structure.by_id.get(segment_id)
            if indexes is None:
                return []
            found = self._all[segment_id] = [self.message.segment(index) for index in indexes]
        return found

    def has(self, segment_id: str) -> bool:
        """Whether the segment occurs."""
        return segment_id in self.structure.by_id

    def hides(self, segment_id: str) -> bool:
        """Whether a line that cannot be read looks like this segment."""
        if "" not in self.structure.by_id:
            return False
        return any(meant(line) == segment_id for line in self.all(""))

    def rows(self, segment_id: str, reach: int = 0) -> list[list[bytes]]:
        """The fields of every occurrence, as received, each with a field `reach`.

        Behind a line's last field stand empty ones. Split once for all who look. Do not modify
        them.
        """
        found = self._rows.get(segment_id)
        if found is None:
            found = self._rows[segment_id] = self._split(segment_id)
            one = len(found) == 1
            self._widths[segment_id] = len(found[0]) if one else min(map(len, found), default=0)
        if reach >= self._widths[segment_id]:
            for row in found:
                row.extend(_NOTHING * (reach + 1 - len(row)))
            self._widths[segment_id] = reach + 1
        return found

    def columns(self, segment_id: str, reach: int) -> list[tuple[bytes, ...]]:
        """`rows` field by field: `columns[n]` is field n of every occurrence, for n up to `reach`.

        Do not modify them.
        """
        found = self._columns.get(segment_id)
        if found is None or reach >= len(found):
            rows = self.rows(segment_id, reach)
            found = self._columns[segment_id] = list(zip(*rows, strict=False))
        return found

    def held(self, segment_id: str, field: int) -> set[bytes]:
        """What a field has in every occurrence, as received; `b""` where one has nothing there."""
        indexes = self.structure.by_id.get(segment_id, ())
        if len(indexes) > 1:
            return set(self.columns(segment_id, field)[field])
        return {self.rows(segment_id, field)[0][field]} if indexes else set()

    def _split(self, segment_id: str) -> list[list[bytes]]:
        message, indexes = self.message, self.structure.by_id.get(segment_id, ())
        lines, separator = message.lines, message.delimiters.field
        if len(indexes) == 1 or segment_id in HEADERS or message.charset.mask is not None:
            # Others look at single segments too.
            return [list(message.segment(index).fields) for index in indexes]
        return [lines[index].split(separator) for index in indexes]

    def first(self, path: Path) -> str:
        """The first value at a path, or `""`."""
        return next((text for text in self.values(path) if text), "")

    def values(self, path: Path, at: int = MESSAGE) -> tuple[str, ...]:
        """The text of each repetition of each occurrence that `path` means; `""` where empty.

        `at` is the segment of which the question is asked: a path to that segment's id means it
        alone, a path to the id of a segment above it means that ancestor, any other path means
        every occurrence (rules.md §4, "Which occurrence a path means").
        """
        meant = self.meant(path, at)
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
            found = self._texts[key] = texts_at(self.message, segment, path)
        if path.repetition:
            return found[path.repetition - 1 : path.repetition]
        return found

    def coded(self, segment: Segment, path: Path) -> tuple[Codes, ...]:
        """The codes that one occurrence has in a coded field: those of each repetition."""
        key = (segment.index, path.field)
        found = self._coded.get(key)
        if found is None:
            found = self._coded[key] = codes_at(self.message, segment, path.field)
        if path.repetition:
            return found[path.repetition - 1 : path.repetition]
        return found

    def text(self, value: bytes) -> str:
        """A received value decoded and unescaped."""
        return text_of(self.message, value)

    def means_every(self, path: Path, at: int) -> bool:
        """Whether `path`, asked of the segment at `at`, means whatever occurs in the message."""
        asked = self.message.segment(at)
        return asked.id != path.segment and self.ancestor(at, path.segment) is None

    def below(self, index: int, segment_id: str) -> list[Segment]:
        """The segments of this id whose parent is the segment at `index`, in order."""
        found = self._below.get(segment_id)
        if found is None:
            found = self._below[segment_id] = {}
            for segment in self.all(segment_id):
                found.setdefault(self.parents[segment.index], []).append(segment)
        return found.get(index, [])

    def ancestor(self, index: int, segment_id: str) -> Segment | None:
        """The nearest segment of this id above the segment at `index`."""
        parents, ids = self.parents, self.message.ids
        above = parents[index]
        while above >= 0:
            if ids[above] == segment_id:
                return self.message.segment(above)
            above = parents[above]
        return None

    def meant(self, path: Path, at: int = MESSAGE) -> list[Segment]:
        """The occurrences that `path` means, asked of the message or of the segment at `at`."""
        occurrences = self.all(path.segment)
        if path.occurrence:
            return self._numbered(path, occurrences)
        if at == MESSAGE or not occurrences:
            return occurrences
        asked = self.message.segment(at)
        if asked.id == path.segment:
            return [asked]
        ancestor = self.ancestor(at, path.segment)
        return occurrences if ancestor is None else [ancestor]

    def _numbered(self, path: Path, occurrences: list[Segment]) -> list[Segment]:
        """The n-th occurrence in the message (§10.14); nothing if it is another patient's."""
        if self.is_part:
            mine = {segment.index for segment in occurrences}
            every = self.message.all(path.segment)
            return [
                segment
                for segment in every[path.occurrence - 1 : path.occurrence]
                if segment.index in mine
            ]
        return occurrences[path.occurrence - 1 : path.occurrence]
