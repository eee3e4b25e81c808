"""Conditions: `when` and `where`, and the entries of `identified_by`.

Law: a mapping means *all of*. `P: {not: X}` is `not: {P: X}` (rules.md §10.14). A path without an
index means any occurrence and any repetition.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.policy.language.matchers import matcher
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import is_path, path
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping, Node, Scalar
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    MessageIs,
    MessageType,
    Not,
)

_MESSAGE_TYPE = re.compile(r"([A-Z0-9]{3})(?:\^([A-Z0-9]{3}))?")

#: `when` in a mapping that says nothing: holds for every message.
ALWAYS = AllOf(())


def message_type(node: Node, reader: Reader) -> MessageType | None:
    """`ADT` or `ADT^A01` (MSH-9.1, MSH-9.2)."""
    text = reader.text(node, "A message type")
    if text is None:
        return None
    match = _MESSAGE_TYPE.fullmatch(text)
    if match is None:
        reader.bad_value(
            node, f"`{text}` is not a message type.", "Write `ADT` or `ADT^A01` (MSH-9.1^MSH-9.2)."
        )
        return None
    return MessageType(match[1], match[2])


def message_types(node: Node | None, reader: Reader) -> frozenset[MessageType] | None:
    """One message type or a list of them."""
    if isinstance(node, Scalar):
        one = message_type(node, reader)
        return None if one is None else frozenset({one})
    types = reader.each(node, "`message`", lambda item: message_type(item, reader))
    return None if types is None else frozenset(types)


def condition(node: Node | None, what: str, reader: Reader) -> Condition | None:
    """A condition: a mapping of paths, `message`, `any`, `all`, `not` and `every`."""
    if node is None:
        return None
    if not isinstance(node, Mapping):
        reader.wrong_type(node, what, "a mapping")
        return None
    return all_of(node.entries, reader)


def all_of(entries: tuple[tuple[Scalar, Node], ...], reader: Reader) -> Condition | None:
    """Every entry of a mapping as one condition; None if any of them cannot be read."""
    parts = [_entry(key, value, reader) for key, value in entries]
    read = tuple(part for part in parts if part is not None)
    if len(read) != len(parts):
        return None
    return read[0] if len(read) == 1 else AllOf(read)


def _entry(key: Scalar, value: Node, reader: Reader) -> Condition | None:
    keyword = KEYWORDS.get(key.text or "")
    if keyword is not None:
        return keyword(value, reader)
    if key.text == "coverage":
        reader.bad_value(
            key,
            "`coverage` is asked of a whole rule, not of a part of a condition.",
            "Write it directly under `when:`, or make two rules.",
        )
        return None
    return _comparison(key, value, reader, every=False)


def _message(node: Node, reader: Reader) -> Condition | None:
    if isinstance(node, Mapping):
        negated = node.get("not")
        if len(node.entries) != 1 or negated is None:
            reader.bad_value(
                node, "`message` takes types, or `{not: types}`.", "Write `[ADT^A01, ADT^A04]`."
            )
            return None
        inner = _message(negated, reader)
        return None if inner is None else Not(inner)
    types = message_types(node, reader)
    return None if types is None else MessageIs(types)


def _parts(node: Node, what: str, reader: Reader) -> tuple[Condition, ...] | None:
    return reader.each(node, what, lambda item: condition(item, f"An item of {what}", reader))


def _any(node: Node, reader: Reader) -> Condition | None:
    parts = _parts(node, "`any`", reader)
    return None if parts is None else AnyOf(parts)


def _all(node: Node, reader: Reader) -> Condition | None:
    parts = _parts(node, "`all`", reader)
    return None if parts is None else AllOf(parts)


def _not(node: Node, reader: Reader) -> Condition | None:
    part = condition(node, "`not`", reader)
    return None if part is None else Not(part)


def _every(node: Node, reader: Reader) -> Condition | None:
    if not isinstance(node, Mapping) or not node.entries:
        reader.wrong_type(node, "`every`", "a mapping of paths")
        return None
    parts = [_comparison(key, value, reader, every=True) for key, value in node.entries]
    read = tuple(part for part in parts if part is not None)
    if len(read) != len(parts):
        return None
    return read[0] if len(read) == 1 else AllOf(read)


#: The words a condition may hold beside paths.
KEYWORDS: dict[str, Callable[[Node, Reader], Condition | None]] = {
    "message": _message,
    "any": _any,
    "all": _all,
    "not": _not,
    "every": _every,
}


def _comparison(key: Scalar, value: Node, reader: Reader, *, every: bool) -> Condition | None:
    if re.match(r"[A-Z]", key.text or "") is None:
        _misplaced_word(key, reader, every=every)
        return None
    where = path(key, reader)
    found = matcher(value, reader)
    if where is None or found is None:
        return None
    what, negated = found
    if where.field == 0 and not isinstance(what, Exists):
        reader.problems.note(
            key.place,
            Mistake.BAD_PATH,
            f"`{where}` is a whole segment, which cannot be compared.",
            f"Name a field such as `{where}-1`, or ask `{{exists: true}}`.",
        )
        return None
    compare = Compare(where, what, every)
    if not negated:
        return compare
    return _none_of_all(compare) if every else Not(compare)


def _misplaced_word(key: Scalar, reader: Reader, *, every: bool) -> None:
    """A key that cannot be a path: perhaps a misspelt word of the language."""
    if every:
        reader.bad_value(
            key, f"`every` cannot hold `{key.text}`.", "Write paths, as in `OBX-11: F`."
        )
        return
    text = key.text or ""
    reader.problems.note(
        key.place,
        Mistake.UNKNOWN_KEY,
        f"A condition has no key `{text}`.",
        f"Did you mean `{text.upper()}`?"
        if is_path(text.upper())
        else known_or_close(text, KEYWORDS) + " A path begins with a segment id, as in `PID-8`.",
    )


def _none_of_all(compare: Compare) -> Condition:
    """`every: {P: {not: X}}`: there is an occurrence, and none matches.

    `every` over nothing fails. An occurrence without a value counts, since a negation holds for
    it (rules.md §10.13).
    """
    some = AnyOf(
        (
            Compare(compare.path, Exists(True)),
            Compare(compare.path, Exists(False), every=True),
        )
    )
    return AllOf((Not(Compare(compare.path, compare.matcher)), some))


def compared(found: Condition) -> tuple[Compare, ...]:
    """Every comparison within a condition."""
    if isinstance(found, Compare):
        return (found,)
    if isinstance(found, Not):
        return compared(found.part)
    if isinstance(found, AllOf | AnyOf):
        return tuple(compare for part in found.parts for compare in compared(part))
    return ()
