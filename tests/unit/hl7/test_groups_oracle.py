"""The walker of groups against another library's structure tables, version by version.

For every structure a message is made that has every segment of it, each group twice. What the table
says of a group must be what the walker found, which knows no table: all of a group hangs from its
first segment, and nothing hangs from a segment of a group that it is not in. The walker may see
finer than a table does (a PV2 is its PV1's, a note what it stands behind).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from engine.hl7.groups import parents
from engine.hl7.wire import Message
from tests.support.structures import VERSIONS, Element, structure, structures

#: The message's own; the patient; and PV2, which opens a group in hl7apy's 2.8.2 DFT by mistake.
NO_ANCHORS = frozenset({"MSH", "EVN", "PID", "NPU", "PV2"})


ORDERS = frozenset({"OBR", "RXO", "RXA"})


@dataclass(frozen=True)
class Placed:
    """A segment of the made message: its id, and the groups that it is in, as counted instances.

    `opens`: the group that it is the first segment of and without which there is none.
    """

    id: str
    groups: tuple[int, ...]
    opens: int = -1


def made(elements: tuple[Element, ...], twice: bool) -> list[Placed]:
    """A message of everything; `twice`: each group that may repeat stands two times."""
    counter = iter(range(1 << 20))

    def walk(inside: tuple[Element, ...], groups: tuple[int, ...]) -> Iterator[Placed]:
        for position, element in enumerate(inside):
            for _ in range(2 if twice and element.repeats and "PID" not in ids(element) else 1):
                if element.is_group:
                    yield from walk(element.inside, (*groups, next(counter)))
                else:
                    opens = groups and not position and (element.required or element.name == "ORC")
                    yield Placed(element.name, groups, groups[-1] if opens else -1)

    return list(walk(elements, ()))


def ids(element: Element) -> set[str]:
    if not element.is_group:
        return {element.name}
    return {name for inside in element.inside for name in ids(inside)}


def anchors(placed: list[Placed]) -> dict[int, int]:
    """For each group instance the index of its anchor: what opens it; an ORC stands for its OBR."""
    return {
        one.opens: _order_of(placed, index) if one.id == "ORC" else index
        for index, one in enumerate(placed)
        if one.opens >= 0
    }


def _order_of(placed: list[Placed], index: int) -> int:
    for number in range(index + 1, len(placed)):
        if placed[number].id in ORDERS:
            return number
        if placed[number].id == "ORC":
            break
    return index


def cases() -> Iterator[tuple[str, str]]:
    for version in VERSIONS[2:]:
        for name in structures(version):
            yield version, name


@pytest.mark.parametrize(("version", "name"), list(cases()), ids=str)
def test_what_a_table_says_of_groups_the_walker_finds(version: str, name: str) -> None:
    elements = structure(name, version)
    assert elements is not None
    for twice in (False, True):
        placed = made(elements, twice)
        if [one.id for one in placed].count("PID") > 1:
            continue  # two patients: never cut as one
        kind = name.replace("_", "^")
        lines = [f"{one.id}|{number}" for number, one in enumerate(placed)]
        lines[0] = rf"MSH|^~\&|A|B|C|D|20260101||{kind}^{name}|1|P|{version}"
        found = parents(Message.parse("\r".join(lines).encode()))
        above = [ancestors(found, index) for index in range(len(placed))]
        anchor_of = anchors(placed)
        for index, one in enumerate(placed):
            for group in one.groups:
                anchor = anchor_of.get(group, index)
                if anchor != index and placed[anchor].id not in NO_ANCHORS:
                    assert anchor in above[index], (index, one, placed[anchor])
            holder = found[index]
            if holder >= 0 and one.id != "ORC" and placed[holder].id not in NO_ANCHORS:
                assert reach(placed[holder]) <= set(one.groups), (index, one, placed[holder])


def reach(holder: Placed) -> set[int]:
    """The groups of whose segments this may be the parent: an OBR stands for its ORC's group."""
    is_inner = holder.id in ORDERS and holder.opens >= 0 and len(holder.groups) > 1
    return set(holder.groups[:-1] if is_inner else holder.groups)


def ancestors(found: tuple[int, ...], index: int) -> set[int]:
    above: set[int] = set()
    while found[index] >= 0:
        index = found[index]
        above.add(index)
    return above
