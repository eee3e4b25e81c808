"""What of a message its patient's restrictions reach (45 CFR 164.522(a), rules.md §7, §10.8).

Law: a restriction on a visit, an account or everything takes the message; one on an order or a
charge takes that group and what pertains only to it. Where it cannot be told whether something is
what was restricted, a person looks. A restriction is a denial: whatever may be meant is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.hl7.groups import meant
from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.legal.orders import ordered, orders_in
from engine.policy.message.view import View
from engine.policy.model import Kind
from engine.privacy.coverage import Days
from engine.privacy.denied_days import charge_days, days_denied, order_days
from engine.privacy.facts import Item, ItemKind, Restriction, RestrictionReason
from engine.privacy.patients import Patient, denied_in, may_be_any, patients_of

_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """What is restricted: the whole message, perhaps something, or groups by their first segment.

    `groups` names the OBR (or other order) or FT1 that everything under it goes with.
    """

    whole: bool = False
    ambiguous: bool = False
    groups: frozenset[int] = _NONE

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.whole or other.whole,
            self.ambiguous or other.ambiguous,
            self.groups | other.groups,
        )


NOWHERE = Reach()

#: How a message names a visit and an account; MRG has the ones that are merged away (B-12).
_VISITS = (Path("PV1", 19, 1, 1), Path("MRG", 5, 1, 1))
_ACCOUNTS = (Path("PID", 18, 1, 1), Path("MRG", 3, 1, 1))
_ORDER_NUMBERS = {"OBR": (2, 3), "ORC": (2, 3)}
#: Of the order from which this one came: what followed from it tells of it (B-9.2).
_PARENT_NUMBERS = {"OBR": (29, 54), "ORC": (8,)}
_CHARGE_NUMBER = 2
#: What a field says in place of a number.
_NO_NUMBER = ("", '""')
_CHARGE_ORDERS = (23,)
_DOCUMENTED_ORDERS = (14, 15)


def denied_patients(view: View) -> tuple[Patient, ...]:
    """Everybody whose denials the message must keep: its PIDs, and MRG-1 that is merged into it."""
    message, merged = view.message, view.all("MRG")
    if view.hides("MRG"):
        merged = [*merged, *(line for line in view.all("") if meant(line) == "MRG")]
    own = [one for pid in view.all("PID") for one in denied_in(message, pid)]
    return (*own, *patients_of(message, merged, 1))


def patient_restrictions(
    restrictions: Iterable[Restriction], denied: tuple[Patient, ...]
) -> tuple[Restriction, ...]:
    """Those that may be this patient's."""
    return tuple(one for one in restrictions if may_be_any(one.patient, denied))


def is_meant(restriction: Restriction, kind: Kind) -> bool:
    """Whether one that names no channel is of such counterparts.

    It is of payers; what is marked and does not say from whom, of all who are no part of care.
    """
    if restriction.reason is RestrictionReason.MARKED:
        return kind is not Kind.PROVIDER
    return kind is Kind.PAYER


def reach(restriction: Restriction, view: View) -> Reach:
    """What one restriction of this patient takes of the message."""
    found = NOWHERE
    for item in restriction.items:
        found |= _REACHES[item.kind](restriction, item, view)
    if restriction.reason is RestrictionReason.MARKED:
        return Reach(ambiguous=found != NOWHERE)
    return found


def _everything(restriction: Restriction, item: Item, view: View) -> Reach:
    del item
    return Reach(whole=True) if _is_then(restriction, view) else NOWHERE


def _visit(restriction: Restriction, item: Item, view: View) -> Reach:
    return _named(restriction, item, view, _VISITS)


def _account(restriction: Restriction, item: Item, view: View) -> Reach:
    return _named(restriction, item, view, _ACCOUNTS)


def _named(restriction: Restriction, item: Item, view: View, paths: tuple[Path, ...]) -> Reach:
    if not _is_then(restriction, view):
        return NOWHERE
    if any(item.number in numbers_at(view, path) for path in paths):
        return Reach(whole=True)
    named = any(numbers_at(view, path) for path in (_VISITS[0], _ACCOUNTS[0]))
    return NOWHERE if named else Reach(ambiguous=True)


def numbers_at(view: View, path: Path) -> list[str]:
    """The numbers that a message gives there; `""` and blanks are none."""
    texts = [text.strip() for text in view.values(path)]
    return [text for text in texts if text not in _NO_NUMBER]


def _order(restriction: Restriction, item: Item, view: View) -> Reach:
    message = view.message
    found = NOWHERE
    for root, carriers in orders_in(view).items():
        order = message.segments[root]
        if not _is_on(restriction, order_days(view.message, view.all, order)):
            continue
        numbers = [
            number
            for carrier in carriers
            for field in _ORDER_NUMBERS.get(carrier.id, ())
            for number in _identifiers(view, carrier, field)
        ]
        parents = [
            number
            for carrier in carriers
            for field in _PARENT_NUMBERS.get(carrier.id, ())
            for number in _pair(view, carrier, field)
        ]
        if any(_is_same(item, number) for number in parents):
            reached = Reach(groups=frozenset({root}))
        else:
            reached = _compared(item, numbers, root)
        found |= Reach(groups=ordered(view, order)) if reached.groups else reached
    for line in view.all("FT1"):
        numbers = [n for field in _CHARGE_ORDERS for n in _identifiers(view, line, field)]
        if any(_is_same(item, number) for number in numbers) and _is_on(
            restriction, charge_days(view.message, view.all, line)
        ):
            found |= Reach(groups=frozenset({line.index}))
    if view.has("TXA") and (found.groups or _is_documented(restriction, item, view)):
        return Reach(whole=True)
    return found | _lines_of_orders(view, found.groups)


def _is_documented(restriction: Restriction, item: Item, view: View) -> bool:
    """Whether the document is of this order: a document that names it pertains to it."""
    return _is_then(restriction, view) and any(
        _is_same(item, number)
        for document in view.all("TXA")
        for field in _DOCUMENTED_ORDERS
        for number in _identifiers(view, document, field)
    )


def _charge(restriction: Restriction, item: Item, view: View) -> Reach:
    found = NOWHERE
    for line in view.all("FT1"):
        if _is_on(restriction, charge_days(view.message, view.all, line)):
            found |= _compared(item, _identifiers(view, line, _CHARGE_NUMBER), line.index)
    return found


_REACHES = {
    ItemKind.EVERYTHING: _everything,
    ItemKind.VISIT: _visit,
    ItemKind.ACCOUNT: _account,
    ItemKind.ORDER: _order,
    ItemKind.CHARGE: _charge,
}

#: A number, and the namespace of whoever gave it, or `""`.
_Identifier = tuple[str, str]


def _compared(item: Item, numbers: list[_Identifier], root: int) -> Reach:
    if not numbers:
        return Reach(ambiguous=True)
    if any(_is_same(item, number) for number in numbers):
        return Reach(groups=frozenset({root}))
    return NOWHERE


def _is_same(item: Item, number: _Identifier) -> bool:
    text, namespace = number
    return text == item.number and (
        not namespace or not item.namespace or namespace == item.namespace
    )


def _identifiers(view: View, segment: Segment, field: int) -> list[_Identifier]:
    numbers = view.texts(segment, Path(segment.id, field, 1, 1))
    namespaces = view.texts(segment, Path(segment.id, field, 2, 1))
    return [
        (number.strip(), namespace.strip())
        for number, namespace in zip(numbers, namespaces, strict=True)
        if number.strip() not in _NO_NUMBER
    ]


def _pair(view: View, segment: Segment, field: int) -> list[_Identifier]:
    """A placer's and a filler's number (EIP), their parts subcomponents."""
    found: list[_Identifier] = []
    for component in (1, 2):
        numbers = view.texts(segment, Path(segment.id, field, component, 1))
        namespaces = view.texts(segment, Path(segment.id, field, component, 2))
        found += [
            (number.strip(), namespace.strip())
            for number, namespace in zip(numbers, namespaces, strict=True)
        ]
    return found


def _lines_of_orders(view: View, groups: frozenset[int]) -> Reach:
    """A charge all of whose orders are restricted pertains to nothing else."""
    lines: dict[int, set[int]] = {}
    for root in orders_in(view):
        line = view.ancestor(root, "FT1")
        if line is not None:
            lines.setdefault(line.index, set()).add(root)
    return Reach(groups=frozenset(line for line, roots in lines.items() if roots <= groups))


def _is_then(restriction: Restriction, view: View) -> bool:
    """Whether any date of service of the message may be one that is restricted."""
    found = days_denied(view.message, view.all)
    return not found or any(_is_on(restriction, day) for day in found)


def _is_on(restriction: Restriction, day: Days | None) -> bool:
    if day is None:
        return True
    since, until = restriction.since, restriction.until
    return (since is None or since <= day[1]) and (until is None or day[0] <= until)
