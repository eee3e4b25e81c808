"""One visit or account under several numbers, or owners: what is denied of one is of all. Pure.

Law: a number that was changed (A42, A45, A50 and their kin) names the same care for good: what is
entered of the old number after the event is of the new one, and the reverse, as queued messages
still have the old one (standards.md B-12.8). Every owner holds the whole chain of numbers, so that
whoever looks one of them up finds all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.privacy.facts import Item, ItemKind, Restriction, Sensitivity
from engine.privacy.patients import Patient

#: How many changed numbers are kept of one identifier; of a dummy number the oldest go.
MOST_ALIASES = 256

#: A visit's or an account's number, whoever gave it.
Number = tuple[ItemKind, str]

#: What denies, and may be about a visit or an account.
Denial = Restriction | Sensitivity


@dataclass(frozen=True, slots=True)
class Alias:
    """`old` of `before` is `new` of `owners`, says `by` (as `Act.by`).

    `before` is empty where the owner stayed.
    """

    old: Item
    new: Item
    owners: tuple[Patient, ...]
    before: tuple[Patient, ...]
    by: str
    at: datetime

    @property
    def numbers(self) -> frozenset[Number]:
        """Both."""
        return frozenset({number_of(self.old), number_of(self.new)})

    @property
    def patients(self) -> tuple[Patient, ...]:
        """Everybody whose it is or was."""
        return self.owners + self.before

    @property
    def says(self) -> tuple[Item, Item, tuple[Patient, ...], tuple[Patient, ...]]:
        """What it says, whoever said it."""
        return self.old, self.new, self.owners, self.before


def together(aliases: Iterable[Alias]) -> tuple[Alias, ...]:
    """Each once, the oldest first, and no more than are kept."""
    found: dict[object, Alias] = {}
    for alias in sorted(aliases, key=lambda one: one.at):
        found.setdefault(alias.says, alias)
    return tuple(found.values())[-MOST_ALIASES:]


def chain(aliases: Iterable[Alias], numbers: Iterable[Number]) -> tuple[Alias, ...]:
    """Those that lead from any of these numbers to others, from these to more, and so on."""
    once = tuple(dict.fromkeys(aliases))
    places, left, found = by_number(once), list(numbers), set[int]()
    while left:
        for place in places.pop(left.pop(), ()):
            found.add(place)
            left += once[place].numbers
    return tuple(once[place] for place in sorted(found))


def by_number(aliases: Sequence[Alias]) -> dict[Number, list[int]]:
    """Which of them name a number, by their places."""
    found: dict[Number, list[int]] = {}
    for place, alias in enumerate(aliases):
        for number in alias.numbers:
            found.setdefault(number, []).append(place)
    return found


def numbers_in(facts: Iterable[object]) -> frozenset[Number]:
    """The visits and accounts that denials name."""
    return frozenset(
        number_of(item) for fact in facts if isinstance(fact, Denial) for item in items_in(fact)
    )


def items_in(fact: Denial) -> frozenset[Item]:
    """What it is about."""
    return frozenset({fact.item}) if isinstance(fact, Sensitivity) else fact.items


def number_of(item: Item) -> Number:
    """What an item is known by here."""
    return item.kind, item.number
