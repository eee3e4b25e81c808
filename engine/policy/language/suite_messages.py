"""The messages of a suite as written: from a sample or a text, and what is changed of it.

Law: a change that would make another message of it (a line end, other delimiters) is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.language.keys import Keys
from engine.policy.language.paths import path
from engine.policy.language.reader import AN_ENTRY, Reader
from engine.policy.language.source import Mapping, Node, Scalar, items_of
from engine.policy.testing.variants import Change, Put, Remove

MESSAGE_KEYS = Keys(
    of="A message of a suite", optional=("file", "text", "index", "set", "remove", "add")
)


@dataclass(frozen=True, slots=True)
class WrittenMessage:
    """Where a message comes from, and how it differs from that."""

    place: Place
    file: Scalar | None
    text: str | None
    index: int | None
    changes: tuple[tuple[Place, Change], ...]
    added: tuple[str, ...]


def message_of(node: Node, reader: Reader) -> WrittenMessage:
    """Read one message; what is wrong with it is noted, and left out."""
    given = reader.mapping(node, MESSAGE_KEYS) or {}
    file, text = given.get("file"), given.get("text")
    if isinstance(node, Mapping) and (file is None) == (text is None):
        reader.bad_value(
            node, "A message comes from a file or is a text.", "Write either `file:` or `text:`."
        )
        file = text = None
    changes = [*_sets(given.get("set"), reader), *_removals(given.get("remove"), reader)]
    reader.text(file, "`file`")
    return WrittenMessage(
        place=node.place,
        file=file if isinstance(file, Scalar) else None,
        text=reader.text(text, "`text`"),
        index=reader.whole(given.get("index"), "`index`", 1, 100_000),
        changes=tuple(changes),
        added=_added(given.get("add"), reader),
    )


def _sets(node: Node | None, reader: Reader) -> Iterable[tuple[Place, Change]]:
    for key, value in reader.entries(node, "`set`", AN_ENTRY):
        target = path(key, reader)
        if not isinstance(value, Scalar):
            reader.wrong_type(value, f"The value of {key.text}", "a text")
        elif any(character in (value.text or "") for character in "\r\n"):
            reader.bad_value(value, "A line end would begin another segment.", "Use `add:`.")
        elif target is not None and _may_change(key, target, reader):
            yield key.place, Put(target, value.text or "")


def _may_change(node: Node, target: Path, reader: Reader) -> bool:
    if target.field == 0:
        reader.bad_value(
            node, f"{target} is a whole segment.", f"Set a field such as {target}-1, or remove it."
        )
        return False
    if target.segment == "MSH" and target.field <= 2:
        reader.bad_value(node, f"{target} tells how the message is read.", "Use another sample.")
        return False
    return True


def _removals(node: Node | None, reader: Reader) -> Iterable[tuple[Place, Change]]:
    for item in items_of(node):
        if not isinstance(item, Scalar):
            reader.wrong_type(item, "`remove`", "a list of segments and fields")
            continue
        target = path(item, reader)
        if target is None:
            continue
        if target.segment == "MSH" and target.field in (0, 1, 2):
            reader.bad_value(item, f"{target} cannot be removed.", "Name another segment.")
        else:
            yield item.place, Remove(target)


def _added(node: Node | None, reader: Reader) -> tuple[str, ...]:
    found = (_segment_line(item, reader) for item in items_of(node))
    return tuple(line for line in found if line is not None)


def _segment_line(node: Node, reader: Reader) -> str | None:
    text = reader.text(node, "A segment to add")
    if text is not None and any(character in text for character in "\r\n"):
        reader.bad_value(node, "A segment is one line.", "Add each in an entry of its own.")
        return None
    return text
