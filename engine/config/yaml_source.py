"""YAML text to nodes that know their place; nothing is guessed about types.

Law: scalars stay the text that was written, duplicate keys are reported with both lines, and no
file can take more time or memory than its bounds: size, depth, and how far aliases expand. It is
built from parser events, because composing nodes recurses without a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from engine.errors import Place
from engine.policy.language import Mistake, Problems
from engine.policy.language.source import Mapping, Node, Scalar, Sequence

#: Bounds of one file. A rules file of 400 rules has about 20 000 nodes and 300 KiB.
MOST_BYTES = 4 * 1024 * 1024
MOST_NODES = 200_000
MOST_DEPTH = 40

#: libyaml where PyYAML was built with it, about ten times as fast as the other.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


class _Refused(Exception):  # noqa: N818  never leaves this module
    """The file goes on, but reading it does not."""

    def __init__(self, place: Place, text: str, mend: str) -> None:
        super().__init__(text)
        self.place = place
        self.text = text
        self.mend = mend


def read_yaml(data: bytes, file: str, problems: Problems) -> Node | None:
    """The one document of a file; None after noting why there is none."""
    text = _text(data, file, problems)
    if text is None:
        return None
    try:
        return _Builder(text, file, problems).document()
    except _Refused as refused:
        problems.note(refused.place, Mistake.YAML, refused.text, refused.mend)
    except yaml.MarkedYAMLError as error:
        _note_syntax(error, file, problems)
    except yaml.reader.ReaderError as error:
        _note_character(error, text, file, problems)
    return None


def _text(data: bytes, file: str, problems: Problems) -> str | None:
    start = Place(file, 1, 1)
    if len(data) > MOST_BYTES:
        problems.note(
            start,
            Mistake.YAML,
            f"The file is larger than {MOST_BYTES // 1024**2} MiB.",
            "Split it.",
        )
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "replace")
        problems.note(
            _place_after(good, file),
            Mistake.YAML,
            "The file is not UTF-8.",
            "Save it as UTF-8.",
        )
        return None


def _place_after(text: str, file: str) -> Place:
    return Place(file, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


def _note_syntax(error: yaml.MarkedYAMLError, file: str, problems: Problems) -> None:
    mark = error.problem_mark or error.context_mark
    place = Place(file, 1, 1) if mark is None else Place(file, mark.line + 1, mark.column + 1)
    context = f" {error.context}" if error.context else ""
    found = error.problem or "something else"
    mend = "Check the indentation, brackets and quotes here and just above."
    if "tab" in found.split() or "cannot start any token" in found:
        mend = "Indent with spaces, not tabs; quote a text that begins with a special character."
    problems.note(place, Mistake.YAML, f"This is not YAML: {found}{context}.", mend)


def _note_character(
    error: yaml.reader.ReaderError, text: str, file: str, problems: Problems
) -> None:
    position = error.position if isinstance(error.position, int) else 0
    problems.note(
        _place_after(text[:position], file),
        Mistake.YAML,
        "A control character stands here.",
        "Remove it.",
    )


class _Builder:
    """Makes nodes from the events of one text."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._file = file
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        self._make: dict[type, Callable[[Any, int], Node]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingStartEvent: self._mapping,
            yaml.AliasEvent: self._alias,
        }

    def document(self) -> Node:
        next(self._events)  # the stream starts
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _Refused(Place(self._file, 1, 1), "The file is empty.", "Write it, or remove it.")
        node = self._node(next(self._events), 1)
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _Refused(
                self._place(event),
                "A second document begins here (`---`).",
                "Write one document a file.",
            )
        return node

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise _Refused(
                self._place(event), "This is nested too deeply.", "Nothing needs such depth."
            )
        before = self._nodes
        self._count(1, event)
        node = self._make[type(event)](event, depth)
        anchor = event.anchor
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[anchor] = (node, self._nodes - before)
        return node

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _Refused(
                self._place(event),
                f"The file holds more than {MOST_NODES} values, aliases (`*`) included.",
                "Split it, or repeat less.",
            )

    def _scalar(self, event: Any, depth: int) -> Node:
        del depth
        self._no_tag(event)
        plain = not event.style
        nothing = plain and event.value in _NOTHING
        return Scalar(self._place(event), None if nothing else event.value)

    def _sequence(self, event: Any, depth: int) -> Node:
        self._no_tag(event)
        items: list[Node] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(item, depth + 1))
        return Sequence(self._place(event), tuple(items))

    def _mapping(self, event: Any, depth: int) -> Node:
        self._no_tag(event)
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(start := next(self._events), yaml.MappingEndEvent):
            key = self._node(start, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar) or key.text is None:
                self._problems.note(
                    self._place(start), Mistake.YAML, "A key must be a text.", "Write a name here."
                )
            elif key.text in entries:
                self._duplicate(key, entries[key.text][0])
            else:
                entries[key.text] = (key, value)
        return Mapping(self._place(event), tuple(entries.values()))

    def _alias(self, event: Any, depth: int) -> Node:
        del depth
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _Refused(
                self._place(event),
                f"Nothing before this is called {self._problems.quoted(f'&{event.anchor}')}.",
                "Quote a text that begins with `*`, or define the anchor above.",
            )
        node, nodes = known
        self._count(nodes, event)
        return node

    def _no_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            self._problems.note(
                self._place(event),
                Mistake.YAML,
                "Tags (`!…`) have no meaning here.",
                "Remove it, or quote a text that begins with `!`.",
            )

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        self._problems.note(
            key.place,
            Mistake.DUPLICATE_KEY,
            f"{self._problems.quoted(key.text or '')} stands here a second time; the first is in"
            f" line {first.place.line}.",
            "Keep one, with everything that both say.",
        )
