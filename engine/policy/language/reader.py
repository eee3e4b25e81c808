"""Reads one node of a file as what its place in the language demands, or notes why it cannot.

Law: a method answers None where there is no node, or after it has noted what is wrong with it; the
caller goes on with what is left, so that one mistake never hides another.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import TypeVar

from engine.errors import Place
from engine.policy.language.keys import Keys, Support
from engine.policy.language.mistakes import Mistake, Problems, known_or_close
from engine.policy.language.quantities import LONGEST_S, bytes_in, mebibytes, seconds_in
from engine.policy.language.source import Mapping, Node, Scalar, Sequence
from engine.policy.vocabulary.codesets import CodeSet

#: What a mapping of named things must be.
AN_ENTRY = "a mapping with at least one entry"

Choice = TypeVar("Choice", bound=Enum)
Value = TypeVar("Value")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Sets:
    """The site's code sets by name; not `complete` where a file of them could not be read."""

    by_name: abc.Mapping[str, CodeSet] = field(default_factory=dict)
    complete: bool = True


def kind_of(node: Node) -> str:
    """What a node is, in words of the person who wrote it."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.text is None else "a text"


class Reader:
    """Typed reading of nodes; everything wrong goes to `problems`. `sets` may be named."""

    def __init__(self, problems: Problems, sets: Sets | None = None) -> None:
        self.problems = problems
        self.sets = Sets() if sets is None else sets

    # --- shapes -------------------------------------------------------------------------------

    def mapping(self, node: Node | None, keys: Keys) -> dict[str, Node] | None:
        """The values of a mapping by key, checked against `keys`; unknown ones are left out."""
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.wrong_type(node, keys.of, "a mapping")
            return None
        known = keys.all()
        found: dict[str, Node] = {}
        for key, value in node.entries:
            name = key.text or ""
            if name not in known:
                self.problems.note(
                    key.place,
                    Mistake.UNKNOWN_KEY,
                    f"{keys.of} has no key {self.problems.quoted(name)}.",
                    known_or_close(name, known),
                )
                continue
            found[name] = value
            self._availability(key, name, keys)
        for name in keys.required:
            if name not in found:
                self.missing_key(node.place, keys.of, name)
        return found

    def _availability(self, key: Scalar, name: str, keys: Keys) -> None:
        if name in keys.unsupported:
            self.unsupported(key, f"`{name}` ({keys.unsupported[name]})")
        elif name in keys.not_enforced:
            self.not_enforced(key, f"`{name}` ({keys.not_enforced[name]})")

    def entries(self, node: Node | None, what: str, wanted: str) -> tuple[tuple[Scalar, Node], ...]:
        """The entries of a mapping whose keys are names; it has at least one."""
        if node is None:
            return ()
        if not isinstance(node, Mapping) or not node.entries:
            self.wrong_type(node, what, wanted)
            return ()
        return node.entries

    def sequence(self, node: Node | None, what: str) -> tuple[Node, ...] | None:
        """The items of a list that holds at least one."""
        if node is None:
            return None
        if not isinstance(node, Sequence):
            self.wrong_type(node, what, "a list")
            return None
        if not node.items:
            self.bad_value(node, f"{what} is an empty list.", "Name at least one, or remove it.")
            return None
        return node.items

    def each(
        self, node: Node | None, what: str, read: Callable[[Node], Value | None]
    ) -> tuple[Value, ...] | None:
        """Every item of a list through `read`; None if the list or any item cannot be read."""
        items = self.sequence(node, what)
        if items is None:
            return None
        values = [read(item) for item in items]
        kept = tuple(value for value in values if value is not None)
        return kept if len(kept) == len(values) else None

    # --- scalars ------------------------------------------------------------------------------

    def text(self, node: Node | None, what: str) -> str | None:
        """A text that says something."""
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.text is None:
            self.wrong_type(node, what, "a text")
            return None
        if not node.text.strip():
            self.bad_value(node, f"{what} is empty.", "Write what it says, or remove it.")
            return None
        return node.text

    def choice(self, node: Node | None, what: str, options: type[Choice]) -> Choice | None:
        """One of an Enum's values."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        by_value = {str(option.value): option for option in options}
        if text not in by_value:
            self._cannot_be(node, what, text, known_or_close(text, by_value.keys()))
            return None
        return by_value[text]

    def settled(self, node: Node | None, what: str, options: dict[str, Support]) -> None:
        """A setting that may be written, but of which this version knows one value only."""
        text = self.text(node, f"`{what}`")
        if node is None or text is None:
            return
        if text not in options:
            self._cannot_be(node, f"`{what}`", text, known_or_close(text, options.keys()))
        elif options[text] is Support.UNSUPPORTED:
            self.unsupported(node, f"`{what}: {text}`")
        elif options[text] is Support.NOT_ENFORCED:
            self.not_enforced(node, f"`{what}: {text}`")

    def flag(self, node: Node | None, what: str) -> bool | None:
        """`true` or `false`."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        if text not in _FLAGS:
            self._cannot_be(node, what, text, "Write `true` or `false`.")
            return None
        return _FLAGS[text]

    def whole(self, node: Node | None, what: str, least: int, most: int) -> int | None:
        """A whole number between `least` and `most`."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        if re.fullmatch(r"[0-9]{1,12}", text) and least <= int(text) <= most:
            return int(text)
        self._cannot_be(node, what, text, f"Write a whole number from {least} to {most}.")
        return None

    def decimal(self, node: Node | None, what: str, least: float, most: float) -> float | None:
        """A number between `least` and `most`."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and least <= float(text) <= most:
            return float(text)
        self._cannot_be(node, what, text, f"Write a number from {least:g} to {most:g}.")
        return None

    def seconds(self, node: Node | None, what: str, least: float = 0.0) -> float | None:
        """A duration such as `30s`, `15m`, `10ms`, `2h`, `7d`, in seconds."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        value = seconds_in(text)
        if value is None:
            self._cannot_be(node, what, text, "Write a duration: `10ms`, `30s`, `15m`, `2h`.")
            return None
        if value < least:
            self.bad_value(node, f"{what} is too short.", f"Write at least {least:g}s.")
            return None
        if value > LONGEST_S:
            self.bad_value(node, f"{what} is too long.", "Write at most 3650d.")
            return None
        return value

    def size(self, node: Node | None, what: str, most: int) -> int | None:
        """A size such as `10MiB`, in bytes."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        size_bytes = bytes_in(text)
        if size_bytes is None or not 0 < size_bytes <= most:
            self._cannot_be(
                node,
                what,
                text,
                f"Write a size such as `512KiB` or `10MiB`, at most {mebibytes(most)}.",
            )
            return None
        return size_bytes

    def day(self, node: Node | None, what: str) -> str | None:
        """A date in ISO form that exists, as text."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass  # as much a bad value as any other spelling
        self._cannot_be(node, what, text, "Write a date as YYYY-MM-DD.")
        return None

    def set_name(self, node: Node) -> str | None:
        """The name of a code set of this site."""
        text = self.text(node, "The name of a code set")
        if text is None or text in self.sets.by_name:
            return text
        if self.sets.complete:
            self.problems.note(
                node.place,
                Mistake.UNKNOWN_SET,
                f"There is no code set `{text}` in rules/sets.",
                known_or_close(text, self.sets.by_name),
            )
        return None

    # --- problems -----------------------------------------------------------------------------

    def missing_key(self, place: Place, of: str, *names: str) -> None:
        """Note a key that must be there, or several of which one must be."""
        self.problems.note(
            place,
            Mistake.MISSING_KEY,
            f"{of} needs " + " or ".join(f"`{name}`" for name in names) + ".",
            "Add " + " or ".join(f"`{name}:`" for name in names) + ".",
        )

    def wrong_type(self, node: Node, what: str, wanted: str) -> None:
        """Note that a node has another shape than its place demands."""
        self.problems.note(
            node.place,
            Mistake.WRONG_TYPE,
            f"{what} must be {wanted}, not {kind_of(node)}.",
            f"Write {wanted} here.",
        )

    def bad_value(self, node: Node, text: str, mend: str) -> None:
        """Note a value of the right shape that cannot be meant."""
        self.problems.note(node.place, Mistake.BAD_VALUE, text, mend)

    def _cannot_be(self, node: Node, what: str, text: str, mend: str) -> None:
        self.bad_value(node, f"{what} cannot be {self.problems.quoted(text)}.", mend)

    def unsupported(self, node: Node, what: str) -> None:
        """Note a part of the language that this version does not know how to keep."""
        self.problems.note(
            node.place,
            Mistake.UNSUPPORTED,
            f"{what} is not supported by this version.",
            "Remove it: a site that asks for what is not kept does not load.",
        )

    def not_enforced(self, node: Node, what: str) -> None:
        """Note a setting that is accepted and has no effect yet."""
        self.problems.note(
            node.place,
            Mistake.NOT_ENFORCED,
            f"{what} is accepted, but has no effect in this version.",
            "",
        )
