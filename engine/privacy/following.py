"""What is denied of a visit or an account, said of its other numbers and owners. Pure.

Law: a denial follows its visit in both directions, from number to number and owner to owner, and to
nobody's other visit of that number (standards.md B-12.8). What a visit or an account that moves to
another owner has under it moves along, although no message says of what it is: orders and charges
with either, visits with their account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from engine.privacy.aliases import Alias, Denial, by_number, items_in, number_of
from engine.privacy.facts import Item, ItemKind, Sensitivity
from engine.privacy.patients import Patient, may_be_any
from engine.privacy.persons import Person, all_of


def followed(
    facts: Iterable[Denial], aliases: Sequence[Alias], persons: Sequence[Person]
) -> Iterator[Denial]:
    """The same of every other number and owner, each once. `persons`: who is one person."""
    places = by_number(aliases)
    seen = dict.fromkeys(facts)
    left = list(seen)
    while left:
        one = left.pop()
        numbers = map(number_of, items_in(one))
        for place in sorted({place for number in numbers for place in places.get(number, ())}):
            for other in _across(one, aliases[place], persons):
                if other not in seen:
                    seen[other] = None
                    left.append(other)
                    yield other


def _across(fact: Denial, alias: Alias, persons: Sequence[Person]) -> Iterator[Denial]:
    """On to the new number, or back to the old one, which a queued message still has."""
    sides = (
        (alias.old, alias.patients, alias.new, alias.owners),
        (alias.new, alias.owners, alias.old, alias.before),
    )
    numbers = {number_of(item) for item in items_in(fact)}
    for item, its_owners, other, owners in sides:
        if number_of(item) in numbers and may_be_any(fact.patient, all_of(its_owners, persons)):
            is_own = not owners or may_be_any(fact.patient, owners)
            for owner in (fact.patient,) if is_own else owners:
                yield _about(replace(fact, patient=owner), other)


#: What a visit and an account may have under them.
_UNDER = {
    ItemKind.VISIT: frozenset({ItemKind.ORDER, ItemKind.CHARGE}),
    ItemKind.ACCOUNT: frozenset({ItemKind.ORDER, ItemKind.CHARGE, ItemKind.VISIT}),
}


def subordinates(
    facts: Iterable[Denial], moved: ItemKind, owners: Sequence[Patient]
) -> Iterator[Denial]:
    """What may have moved along with a visit or an account, said of the new owners."""
    for fact in facts:
        for item in items_in(fact):
            if item.kind in _UNDER[moved]:
                for owner in owners:
                    yield _about(replace(fact, patient=owner), item)


def _about(fact: Denial, item: Item) -> Denial:
    if isinstance(fact, Sensitivity):
        return replace(fact, item=item)
    return replace(fact, items=frozenset({item}))
