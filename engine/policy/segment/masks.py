"""Sets of fields and components, closed under adding up, bounding and withholding.

Law: a mask is a value; `|` is what grants do, `&` what a ceiling does, `-` what a withholding
does, and none of them depends on the order in which it is asked. A set may be given by what it
leaves out, because `all` reaches fields that no standard lists (local fields, later versions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.policy.model import FieldMask


@dataclass(frozen=True, slots=True)
class Numbers:
    """Positive integers: those in `members`, or, where `inverted`, all but those."""

    members: frozenset[int] = frozenset()
    inverted: bool = False

    @property
    def is_empty(self) -> bool:
        """None at all."""
        return not self.members and not self.inverted

    def __contains__(self, number: object) -> bool:
        return (number in self.members) is not self.inverted

    def __or__(self, other: Numbers) -> Numbers:
        if self.inverted and other.inverted:
            return Numbers(self.members & other.members, True)
        if self.inverted:
            return Numbers(self.members - other.members, True)
        if other.inverted:
            return Numbers(other.members - self.members, True)
        return Numbers(self.members | other.members)

    def __invert__(self) -> Numbers:
        return Numbers(self.members, not self.inverted)

    def __and__(self, other: Numbers) -> Numbers:
        return ~(~self | ~other)

    def __sub__(self, other: Numbers) -> Numbers:
        return self & ~other


#: No component of a field; every component of it, however many it has.
NOTHING = Numbers()
EVERYTHING = Numbers(inverted=True)


@dataclass(frozen=True, slots=True)
class Mask:
    """What is sent of one segment: the components of each field in `fields`, else `rest`.

    `rest` is `NOTHING` or `EVERYTHING`.
    """

    rest: Numbers = NOTHING
    fields: Mapping[int, Numbers] = field(default_factory=dict)

    @staticmethod
    def of(written: FieldMask | None) -> Mask:
        """The mask that a person wrote: None is all of the segment."""
        if written is None:
            return WHOLE
        return _tidy(
            NOTHING,
            {
                number: EVERYTHING if components is None else Numbers(components)
                for number, components in written.items()
            },
        )

    def __hash__(self) -> int:
        return hash((self.rest, tuple(self.fields.items())))

    def of_field(self, number: int) -> Numbers:
        """The components that are sent of field `number`."""
        return self.fields.get(number, self.rest)

    def __or__(self, other: Mask) -> Mask:
        return _tidy(
            self.rest | other.rest,
            {n: self.of_field(n) | other.of_field(n) for n in {*self.fields, *other.fields}},
        )

    def __and__(self, other: Mask) -> Mask:
        return _tidy(
            self.rest & other.rest,
            {n: self.of_field(n) & other.of_field(n) for n in {*self.fields, *other.fields}},
        )

    def __sub__(self, other: Mask) -> Mask:
        return _tidy(
            self.rest - other.rest,
            {n: self.of_field(n) - other.of_field(n) for n in {*self.fields, *other.fields}},
        )

    @property
    def is_whole(self) -> bool:
        """Nothing is left out."""
        return self.rest == EVERYTHING and not self.fields

    @property
    def is_empty(self) -> bool:
        """Nothing is left."""
        return self.rest == NOTHING and not self.fields


WHOLE = Mask(EVERYTHING)
NONE = Mask()


def _tidy(rest: Numbers, fields: dict[int, Numbers]) -> Mask:
    """Two masks that mean the same are equal."""
    return Mask(rest, {n: fields[n] for n in sorted(fields) if fields[n] != rest})
