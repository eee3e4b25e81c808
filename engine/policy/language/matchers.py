"""What a value is compared with: a text, a list, or a mapping of one matcher.

Law: a matcher that this version cannot evaluate is an error, never a guess. `MATCHERS` is the
whole table: a new matcher is one more row.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.reader import Reader
from engine.policy.model import Exists, Matcher, OneOf, Prefix
from engine.policy.source import Mapping, Node, Scalar, Sequence


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


#: `{KEY: …}` after a path. `not` is not here: it negates the whole comparison (rules.md §10.14).
MATCHERS: dict[str, Callable[[Node, Reader], Matcher | None]] = {
    "fold": _fold,
    "prefix": _prefix,
    "exists": _exists,
}

#: Matchers of the language that this version does not evaluate.
UNSUPPORTED_MATCHERS: dict[str, str] = {
    "matches": "regular expressions",
    "set": "code sets",
    "before": "timestamps",
    "after": "timestamps",
    "at_least": "numbers",
    "at_most": "numbers",
}


def matcher(node: Node, reader: Reader) -> tuple[Matcher, bool] | None:
    """The matcher, and whether it is negated."""
    if not isinstance(node, Mapping):
        plain = _equal(node, reader)
        return None if plain is None else (plain, False)
    entry = _single(node, reader)
    if entry is None:
        return None
    key, value = entry
    if key.text == "not":
        inner = matcher(value, reader)
        return None if inner is None else (inner[0], not inner[1])
    found = MATCHERS[key.text or ""](value, reader)
    return None if found is None else (found, False)


def _single(node: Mapping, reader: Reader) -> tuple[Scalar, Node] | None:
    """The one key of a matcher that this version knows."""
    known = {"not", *MATCHERS, *UNSUPPORTED_MATCHERS}
    usable = True
    for key, _ in node.entries:
        name = key.text or ""
        if name in UNSUPPORTED_MATCHERS:
            reader.unsupported(key, f"The matcher `{name}` ({UNSUPPORTED_MATCHERS[name]})")
            usable = False
        elif name not in known:
            reader.problems.note(
                key.place,
                Mistake.UNKNOWN_KEY,
                f"There is no matcher `{name}`.",
                known_or_close(name, known),
            )
            usable = False
    if usable and len(node.entries) != 1:
        reader.bad_value(
            node,
            f"A matcher has one key, not {len(node.entries)}.",
            "Compare the path twice, in a list under `all:`.",
        )
        usable = False
    return node.entries[0] if usable else None
