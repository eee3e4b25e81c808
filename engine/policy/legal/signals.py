"""What a message itself says of confidentiality: markers, access restrictions, consents, self-pay.

Law: a sender's marker denies, and never permits (standards.md B-7). What is marked as protected
and not from whom waits for a person; a code that is not known is one that restricts (B-7.5). What
holds for the patient or the visit, and not for this message alone, is also entered into the
registry, as most messages of the same visit have no place to say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.legal.restrictions import orders_in
from engine.policy.legal.signal_codes import (
    ACCESS,
    CONFIDENTIALITY,
    CONSENTS,
    DOCUMENTS,
    INDICATORS,
    ORDERS_FREE,
    Says,
)
from engine.policy.message.structure import Structure
from engine.policy.message.view import View
from engine.policy.sensitive.self_pay import SelfPayRequests
from engine.privacy.coverage import days
from engine.privacy.facts import (
    ConsentKind,
    Item,
    ItemKind,
    Restriction,
    RestrictionReason,
    SignedConsent,
)
from engine.privacy.patients import Patient, patients_of


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found. `restrictions` and `refusals` are kept; the rest is of this message alone.

    `withholds`, `holds`: the message, from whoever is no part of the hospital; `groups`: segments,
    with what belongs to them; `opts_out`: nothing goes for operations.
    """

    restrictions: tuple[Restriction, ...] = ()
    refusals: tuple[SignedConsent, ...] = ()
    withholds: bool = False
    holds: bool = False
    opts_out: bool = False
    groups: frozenset[int] = frozenset()


NO_SIGNALS = Signals()

EVERYTHING = Item(ItemKind.EVERYTHING)

_VISIT, _ACCOUNT = Path("PV1", 19, 1), Path("PID", 18, 1)

#: Segments of each level at which an ARV may stand (standards.md B-7.2).
_OF_PATIENT = frozenset({"PID", "PD1", "NK1"})
_OF_VISIT = frozenset({"PV1", "PV2", "ROL", "PRT", "DB1"})


class _Said(NamedTuple):
    """One thing that was found; `item` None: it is of this message alone."""

    says: Says
    item: Item | None = None


def signals_of(view: View, now: datetime, self_pay: SelfPayRequests | None = None) -> Signals:
    """What one patient's part of a message says."""
    said: list[_Said] = []
    readers, indicators, orders = view.structure.once(_asked_of)
    for read in readers:
        said += read(view, now)
    groups = _dropped(view, indicators, orders)
    asked = () if self_pay is None or not view.has(self_pay.segment) else self_pay.items(view)
    if not (said or groups or asked):
        return NO_SIGNALS
    patients = patients_of(view.message, view.all("PID"), 3)
    items = [items or _of_visit(view) for items in asked]
    says = {one.says for one in said}
    return Signals(
        tuple(dict.fromkeys((*_restrictions(said, patients), *_self_paid(items, patients)))),
        tuple(dict.fromkeys(_refusals(says, patients))),
        any(one.says in (Says.RESTRICTED, Says.SELF_PAY) and one.item is None for one in said),
        any(one.says is Says.MARKED and one.item is None for one in said) or frozenset() in items,
        Says.OPTS_OUT in says,
        groups,
    )


# --- what is kept -------------------------------------------------------------------------------

_REASONS = {
    Says.RESTRICTED: RestrictionReason.PATIENT_REQUEST,
    Says.SELF_PAY: RestrictionReason.SELF_PAY_IN_FULL,
    Says.MARKED: RestrictionReason.MARKED,
}

#: What somebody who opts out still lets happen is treatment and payment.
_OPTED_OUT = frozenset({"operations", "underwriting", "marketing", "research", "sale", "other"})


def _restrictions(said: Iterable[_Said], patients: Iterable[Patient]) -> Iterable[Restriction]:
    for one in said:
        if one.item is not None and one.says in _REASONS:
            for patient in patients:
                yield Restriction(patient, frozenset({one.item}), None, _REASONS[one.says])


def _self_paid(
    asked: Iterable[frozenset[Item]], patients: Iterable[Patient]
) -> Iterable[Restriction]:
    for items in asked:
        for patient in patients if items else ():
            yield Restriction(patient, items, None, RestrictionReason.SELF_PAY_IN_FULL)


def _refusals(says: set[Says], patients: Iterable[Patient]) -> Iterable[SignedConsent]:
    for patient in patients:
        if Says.REFUSED in says:
            yield SignedConsent(patient, ConsentKind.REFUSAL)
        if Says.OPTS_OUT in says:
            yield SignedConsent(patient, ConsentKind.REFUSAL, _OPTED_OUT)


def _of_visit(view: View) -> frozenset[Item]:
    """The message's visit, else its account; nothing where it names neither."""
    for kind, path in ((ItemKind.VISIT, _VISIT), (ItemKind.ACCOUNT, _ACCOUNT)):
        number = view.first(path).strip()
        if number not in ("", '""'):
            return frozenset({Item(kind, number)})
    return frozenset()


# --- markers of the patient, the visit, the message ---------------------------------------------


def _patient_protected(view: View, now: datetime) -> list[_Said]:
    """PD1-12: all data of the patient."""
    del now
    return [_Said(Says.MARKED, EVERYTHING)] if _indicated(view, "PD1", 12) else []


def _visit_protected(view: View, now: datetime) -> list[_Said]:
    """PV2-22: the visit."""
    del now
    if not _indicated(view, "PV2", 22):
        return []
    return [_Said(Says.MARKED, item) for item in _of_visit(view)] or [_Said(Says.MARKED)]


def _document(view: View, now: datetime) -> list[_Said]:
    """TXA-18: the document, which is all of the message."""
    del now
    codes = {text for segment in view.all("TXA") for text in view.texts(segment, _TXA)}
    return [_Said(Says.RESTRICTED)] if codes - DOCUMENTS else []


def _header(view: View, now: datetime) -> list[_Said]:
    """MSH-26 is a label (table 0952), MSH-27 and MSH-28 are instructions that nobody here reads."""
    del now
    header = view.message.msh
    if header.raw.count(view.message.delimiters.field) < 25:
        return []
    says = CONFIDENTIALITY.get(view.first(Path("MSH", 26, 1)), Says.MARKED)
    instructed = any(header.field(number) not in _EMPTY for number in (27, 28))
    return [_Said(one) for one in (says, Says.MARKED if instructed else Says.NOTHING)
            if one is not Says.NOTHING]  # fmt: skip


def _access(view: View, now: datetime) -> list[_Said]:
    """ARV: who may have what of the patient, the visit or the message."""
    found = []
    for segment in view.all("ARV"):
        if not arv_in_force(view, segment, now):
            continue
        codes = [text for text in view.texts(segment, _ARV_VALUE) if text]
        says = {ACCESS.get(code, Says.MARKED) for code in codes}
        says.add(CONFIDENTIALITY.get(view.texts(segment, _ARV_LABEL)[0], Says.MARKED))
        items = items_of_arv(view, segment) or (None,)
        found += [_Said(one, item) for one in says - {Says.NOTHING} for item in items]
    return found


def items_of_arv(view: View, segment: Segment) -> tuple[Item, ...]:
    """What an ARV is about: that of the segment which it follows; nothing: the message alone."""
    ids = view.message.ids
    before = next((ids[at] for at in range(segment.index - 1, -1, -1) if ids[at] != "ARV"), "")
    if before in _OF_PATIENT:
        return (EVERYTHING,)
    return tuple(_of_visit(view)) if before in _OF_VISIT else ()


def arv_in_force(view: View, segment: Segment, now: datetime) -> bool:
    """ARV-2, ARV-6: not taken back, and of today; a range that cannot be read is."""
    if view.texts(segment, _ARV_ACTION)[0] == "D":
        return False
    begin, end = (_day(view, segment, part) for part in (1, 2))
    today = now.date()
    return (begin is None or begin[0] <= today) and (end is None or today <= end[1])


def _day(view: View, segment: Segment, part: int) -> tuple[date, date] | None:
    return days(view.texts(segment, Path("ARV", 6, part))[0].encode("ascii", "replace"))


def _consented(view: View, now: datetime) -> list[_Said]:
    """CON: what denies is taken at its word; what permits is for a person to enter."""
    del now
    found = []
    for segment in view.all("CON"):
        kind, status = (view.texts(segment, path)[0] for path in (_CON_TYPE, _CON_STATUS))
        is_known = kind.isdigit() and len(kind) == 3
        says = CONSENTS.get((kind if is_known else "", status))
        if says is None:
            says = CONSENTS.get((kind if is_known else "", ""), Says.NOTHING)
        if says is not Says.NOTHING:
            found.append(_Said(says, EVERYTHING if is_known else None))
    return found


#: Reads one kind of segment.
_Reader = Callable[[View, datetime], list[_Said]]

#: What is read of each segment, where there is any.
_READERS: Mapping[str, _Reader] = {
    "MSH": _header,
    "PD1": _patient_protected,
    "PV2": _visit_protected,
    "ARV": _access,
    "CON": _consented,
    "TXA": _document,
}

_TXA = Path("TXA", 18, 1)
_ARV_ACTION, _ARV_VALUE, _ARV_LABEL = Path("ARV", 2, 1), Path("ARV", 3, 1), Path("ARV", 7, 1)
_CON_TYPE, _CON_STATUS = Path("CON", 2, 1), Path("CON", 11, 1)
_ORC = Path("ORC", 28, 1)

#: What says nothing in a field.
_EMPTY = (b"", b'""')
_NO = (*_EMPTY, b"N")


def _indicated(view: View, name: str, field: int) -> bool:
    """Table 0136: anything but N is a yes."""
    return bool(_marked(view, view.structure.by_id[name], field, _NO))


def _marked(view: View, indexes: Iterable[int], field: int, free: Sequence[bytes]) -> list[int]:
    """Of some segments those whose field says more than what is free to go.

    Few lines are that long, and most need not be taken apart.
    """
    lines, separator = view.message.lines, view.message.delimiters.field
    return [
        index
        for index in indexes
        if lines[index].count(separator) >= field
        and view.message.segment(index).field(field) not in free
    ]


# --- markers of single segments -----------------------------------------------------------------


def _dropped(
    view: View, indicators: Iterable[_Indicator], orders: tuple[int, ...]
) -> frozenset[int]:
    """Segments that are marked, and orders by their first segment."""
    found: list[int] = []
    for indexes, field, free in indicators:
        found += _marked(view, indexes, field, free)
    if _marked(view, orders, _ORC.field, _EMPTY):
        for root, carriers in orders_in(view).items():
            texts = {text for one in carriers if one.id == "ORC" for text in view.texts(one, _ORC)}
            if texts - ORDERS_FREE:
                found.append(root)
    return frozenset(found) if found else _NO_GROUPS


_NO_GROUPS: frozenset[int] = frozenset()

#: Segments, their field, and the values that let them go.
_Indicator = tuple[tuple[int, ...], int, Sequence[bytes]]


def _asked_of(
    structure: Structure,
) -> tuple[tuple[_Reader, ...], tuple[_Indicator, ...], tuple[int, ...]]:
    """What is to be read of messages of this form: readers, indicators, orders."""
    by_id = structure.by_id
    readers = tuple(read for name, read in _READERS.items() if name in by_id)
    indicators = tuple(
        (by_id[name], field, free) for name, field, free in INDICATORS if name in by_id
    )
    return readers, indicators, by_id.get("ORC", ())
