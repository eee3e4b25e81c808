"""What a value is compared with: a text, a list, or a mapping of one matcher.

Law: what cannot be compared is an error where it is written, never a matcher that matches nothing.
`MATCHERS` is the whole table: a new matcher is one more row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping, Node, Scalar, Sequence
from engine.policy.vocabulary.conditions import (
    Exists,
    InSet,
    Matcher,
    Matches,
    Numeric,
    OneOf,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Moment, moment_of
from engine.policy.vocabulary.patterns import BadPattern, whole_match

_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)

#: Matchers of which two may stand together, as the two ends of one range.
RANGES = (frozenset({"after", "before"}), frozenset({"at_least", "at_most"}))


def _texts(node: Node, what: str, reader: Reader) -> tuple[str, ...] | None:
    """One text or a list of them."""
    if isinstance(node, Sequence):
        return reader.each(node, what, lambda item: reader.text(item, f"An item of {what}"))
    text = reader.text(node, what)
    return None if text is None else (text,)


def _equal(node: Node, reader: Reader) -> Matcher | None:
    texts = _texts(node, "The value to compare with", reader)
    return None if texts is None else OneOf(frozenset(texts))


def _fold(node: Node, reader: Reader) -> Matcher | None:
    texts = _texts(node, "`fold`", reader)
    return None if texts is None else OneOf(frozenset(texts), fold=True)


def _prefix(node: Node, reader: Reader) -> Matcher | None:
    texts = _texts(node, "`prefix`", reader)
    return None if texts is None else Prefix(tuple(sorted(set(texts))))


def _exists(node: Node, reader: Reader) -> Matcher | None:
    wanted = reader.flag(node, "`exists`")
    return None if wanted is None else Exists(wanted)


def _matches(node: Node, reader: Reader) -> Matcher | None:
    patterns = [_pattern(item, reader) for item in _one_or_more(node)]
    read = tuple(pattern for pattern in patterns if pattern is not None)
    return Matches(tuple(sorted(set(read)))) if len(read) == len(patterns) else None


def _one_or_more(node: Node) -> tuple[Node, ...]:
    """What is written alone or in a list; an empty list stays, and is no text."""
    return node.items if isinstance(node, Sequence) and node.items else (node,)


def _pattern(node: Node, reader: Reader) -> str | None:
    text = reader.text(node, "`matches`")
    if text is None:
        return None
    try:
        whole_match(text)
    except BadPattern as error:
        reader.bad_value(
            node,
            f"`{text}` is not a regular expression that can be used: {error}.",
            "Write RE2 syntax: no look-around and no back-references, so that no text is slow.",
        )
        return None
    return text


def _set(node: Node, reader: Reader) -> Matcher | None:
    names = [reader.set_name(item) for item in _one_or_more(node)]
    if None in names:
        return None
    named = sorted({name for name in names if name is not None})
    return InSet(tuple(reader.sets.by_name[name] for name in named))


def _time(node: Node, what: str, reader: Reader) -> Moment | None:
    text = reader.text(node, what)
    if text is None:
        return None
    found = moment_of(text)
    if found is None:
        reader.bad_value(
            node,
            f"{what} cannot be `{text}`.",
            "Write `2026-03-01`, `20260301120000`, `now` or `now-30d` (d, h, m).",
        )
    return found


def _after(node: Node, reader: Reader) -> Matcher | None:
    found = _time(node, "`after`", reader)
    return None if found is None else Timed(after=found)


def _before(node: Node, reader: Reader) -> Matcher | None:
    found = _time(node, "`before`", reader)
    return None if found is None else Timed(before=found)


def _number(node: Node, what: str, reader: Reader) -> Decimal | None:
    text = reader.text(node, what)
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        reader.bad_value(node, f"{what} cannot be `{text}`.", "Write a number such as `12.5`.")
        return None
    return Decimal(text)


def _at_least(node: Node, reader: Reader) -> Matcher | None:
    found = _number(node, "`at_least`", reader)
    return None if found is None else Numeric(at_least=found)


def _at_most(node: Node, reader: Reader) -> Matcher | None:
    found = _number(node, "`at_most`", reader)
    return None if found is None else Numeric(at_most=found)


#: `{KEY: …}` after a path. `not` is not here: it negates the whole comparison (rules.md §10.14).
MATCHERS: dict[str, Callable[[Node, Reader], Matcher | None]] = {
    "fold": _fold,
    "prefix": _prefix,
    "exists": _exists,
    "matches": _matches,
    "set": _set,
    "after": _after,
    "before": _before,
    "at_least": _at_least,
    "at_most": _at_most,
}


def matcher(node: Node, reader: Reader) -> tuple[Matcher, bool] | None:
    """The matcher, and whether it is negated."""
    if not isinstance(node, Mapping):
        plain = _equal(node, reader)
        return None if plain is None else (plain, False)
    if not _usable(node, reader):
        return None
    key, value = node.entries[0]
    if key.text == "not":
        inner = matcher(value, reader)
        return None if inner is None else (inner[0], not inner[1])
    parts = [MATCHERS[name.text or ""](given, reader) for name, given in node.entries]
    found = parts[0] if len(parts) == 1 else _range(parts)
    return None if found is None else (found, False)


def _range(parts: list[Matcher | None]) -> Matcher | None:
    """Both ends in one matcher: one value lies between them."""
    match parts:
        case [Timed() as one, Timed() as other]:
            return Timed(one.after or other.after, one.before or other.before)
        case [Numeric(least, most), Numeric(other_least, other_most)]:
            return Numeric(
                other_least if least is None else least, other_most if most is None else most
            )
        case _:
            return None


def _usable(node: Mapping, reader: Reader) -> bool:
    """Whether every key is a matcher, and they can stand together."""
    known = {"not", *MATCHERS}
    names = [key.text or "" for key, _ in node.entries]
    for (key, _), name in zip(node.entries, names, strict=True):
        if name not in known:
            _unknown(key, name, known, reader)
    if any(name not in known for name in names):
        return False
    if len(names) == 1 or frozenset(names) in RANGES:
        return True
    reader.bad_value(
        node,
        f"A matcher has one key, not {len(names)}.",
        "Compare the path twice, in a list under `all:`.",
    )
    return False


def _unknown(key: Scalar, name: str, known: set[str], reader: Reader) -> None:
    reader.problems.note(
        key.place,
        Mistake.UNKNOWN_KEY,
        f"There is no matcher `{name}`.",
        known_or_close(name, known),
    )
