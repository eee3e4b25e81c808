"""A site's files as written: strings, lists and mappings that know their file, line and column.

The reader of YAML is `engine.config.yaml_source`; the language sees only these values, so that
policy code stays pure. Scalars are always text: `NO`, `2.3` and `012` mean what they look like.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, or nothing at all (`null`, `~` or an empty value, unquoted)."""

    place: Place
    text: str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, in the order it was written; duplicate keys were reported when it was read."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        for name, value in self.entries:
            if name.text == key:
                return value
        return None


Node = Scalar | Sequence | Mapping


def items_of(node: Node | None) -> tuple[Node, ...]:
    """One value or a list of them, as nodes; none where there is no node."""
    if node is None:
        return ()
    return node.items if isinstance(node, Sequence) else (node,)
