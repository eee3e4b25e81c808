"""HL7 message structures as another library knows them, in the form in which the engine keeps them.

`python -m tests.support.structures` prints the table of engine/hl7/structure_table.py; the tests
hold it, and the walker of groups, against what is read here. hl7apy is known to be wrong in places:
`MISTAKES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import hl7apy

VERSIONS = (
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.8",
    "2.8.1",
    "2.8.2",
)

#: Types that the engine is made for.
CODES = ("ADT", "BAR", "DFT", "MDM", "ORU")

#: Required there, optional in the standard: (structure, version) → segments.
MISTAKES = {("ADT_A38", "2.3.1"): {"DRG"}}


@dataclass(frozen=True)
class Element:
    """A segment, or a group of elements (`inside` is empty for a segment)."""

    name: str
    required: bool
    repeats: bool
    inside: tuple[Element, ...] = ()

    @property
    def is_group(self) -> bool:
        return bool(self.inside)


def structure(name: str, version: str) -> tuple[Element, ...] | None:
    """The elements of a message structure; None where the version has none of that name."""
    found = hl7apy.load_library(version).MESSAGES.get(name)
    if found is None:
        return None
    wrong = MISTAKES.get((name, version), set())
    return tuple(_element(child, wrong) for child in found[1])


def structures(version: str) -> list[str]:
    """The names of the structures of one version, of the engine's types."""
    return sorted(name for name in hl7apy.load_library(version).MESSAGES if name.startswith(CODES))


def _element(
    child: tuple[str, tuple[str, tuple[object, ...]], tuple[int, int], str], wrong: set[str]
) -> Element:
    name, reference, (least, most), kind = child
    inside = tuple(_element(one, wrong) for one in reference[1]) if kind == "GRP" else ()  # type: ignore[arg-type]
    return Element(name, least > 0 and name not in wrong, most != 1, inside)


def segments(elements: tuple[Element, ...]) -> Iterator[str]:
    """Every segment, as often as it is named."""
    for element in elements:
        if element.is_group:
            yield from segments(element.inside)
        else:
            yield element.name


def required(elements: tuple[Element, ...]) -> list[str]:
    """The segments without which there is no such message."""
    found: dict[str, None] = {}
    for element in elements:
        if element.required:
            found |= dict.fromkeys(required(element.inside) if element.is_group else [element.name])
    return list(found)


def relations(elements: tuple[Element, ...]) -> set[str]:
    """`IN2>IN1`: an IN2 is there only with an IN1; `MRG+PV1`: to each MRG belongs a PV1."""
    named = Counter(segments(elements))
    always = set(required(elements))
    found: set[str] = set()
    for group in _groups(elements):
        first = group.inside[0]
        demanded = [one.name for one in group.inside if one.required and not one.is_group]
        if group.repeats:
            found |= {f"{demanded[0]}+{other}" for other in demanded[1:]}
        if first.required and not first.is_group and first.name not in always:
            found |= {
                f"{name}>{first.name}"
                for name in segments(group.inside)
                if named[name] == 1 and name != first.name
            }
    return found


def _groups(elements: tuple[Element, ...]) -> Iterator[Element]:
    for element in elements:
        if element.is_group:
            yield element
            yield from _groups(element.inside)


def wanted(name: str, version: str) -> str | None:
    """What the engine's table should say of one structure in one version."""
    elements = structure(name, version)
    if elements is None:
        return None
    return " ".join(
        one for one in [*required(elements), *sorted(relations(elements))] if one != "MSH"
    )


def table() -> Iterator[str]:
    """The lines of the table: a structure, the version from which on, what it demands."""
    for name in sorted({name for version in VERSIONS for name in structures(version)}):
        before: str | None = None
        for version in VERSIONS:
            found = wanted(name, version)
            if found != before:
                yield f"{name} {version} {'-' if found is None else found}"
            before = found


if __name__ == "__main__":
    print("\n".join(table()))
