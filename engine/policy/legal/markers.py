"""Markers of a patient, a visit or a whole message: what each segment that may have one says.

Law: a sender's marker denies, and never permits; a code that is not known is one that restricts
(standards.md B-7.2 to B-7.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.legal.indicators import EMPTY, NO, marked
from engine.policy.legal.restrictions import numbers_at
from engine.policy.legal.said_codes import codes_said, says_of
from engine.policy.legal.signal_codes import ACCESS, CONFIDENTIALITY, CONSENTS, DOCUMENTS, Says
from engine.policy.message.view import View
from engine.privacy.coverage import Days, days
from engine.privacy.facts import Item, ItemKind

EVERYTHING = Item(ItemKind.EVERYTHING)

_VISIT, _ACCOUNT = Path("PV1", 19, 1, 1), Path("PID", 18, 1, 1)

#: Segments of each level at which an ARV may stand (standards.md B-7.2).
_OF_PATIENT = frozenset({"PID", "PD1", "NK1"})
_OF_VISIT = frozenset({"PV1", "PV2", "ROL", "PRT", "DB1"})


class Said(NamedTuple):
    """One thing that was found; `item` None: it is of this message alone."""

    says: Says
    item: Item | None = None


def of_visit(view: View) -> frozenset[Item]:
    """The message's visit, else its account; nothing where it names neither."""
    for kind, path in ((ItemKind.VISIT, _VISIT), (ItemKind.ACCOUNT, _ACCOUNT)):
        numbers = numbers_at(view, path)
        if numbers:
            return frozenset({Item(kind, numbers[0])})
    return frozenset()


def _patient_protected(view: View, now: datetime) -> list[Said]:
    """PD1-12: all data of the patient."""
    del now
    return [Said(Says.MARKED, EVERYTHING)] if marked(view, "PD1", 12, NO) else []


def _visit_protected(view: View, now: datetime) -> list[Said]:
    """PV2-22: the visit."""
    del now
    if not marked(view, "PV2", 22, NO):
        return []
    return [Said(Says.MARKED, item) for item in of_visit(view)] or [Said(Says.MARKED)]


def _document(view: View, now: datetime) -> list[Said]:
    """TXA-18: the document, which is all of the message."""
    del now
    said = (says_of(view, one, 18, DOCUMENTS, Says.RESTRICTED) for one in view.all("TXA"))
    return [Said(Says.RESTRICTED)] if any(said) else []


def _header(view: View, now: datetime) -> list[Said]:
    """MSH-26 is a label (table 0952), MSH-27 and MSH-28 are instructions that nobody here reads."""
    del now
    header = view.message.msh
    if header.raw.count(view.message.delimiters.field) < 25:
        return []
    says = says_of(view, header, 26, CONFIDENTIALITY, Says.MARKED)
    if any(header.field(number) not in EMPTY for number in (27, 28)):
        says.add(Says.MARKED)
    return [Said(one) for one in says]


def _access(view: View, now: datetime) -> list[Said]:
    """ARV: who may have what of the patient, the visit or the message."""
    found = []
    for segment in view.all("ARV"):
        if not arv_in_force(view, segment, now):
            continue
        says = says_of(view, segment, _ARV_VALUE, ACCESS, Says.MARKED)
        says |= says_of(view, segment, _ARV_LABEL, CONFIDENTIALITY, Says.MARKED)
        item = item_of_arv(view, segment)
        found += [Said(one, item) for one in says]
    return found


def item_of_arv(view: View, segment: Segment) -> Item | None:
    """What an ARV is about: that of the segment which it follows; None: the message alone."""
    ids = view.message.ids
    before = next((ids[at] for at in range(segment.index - 1, -1, -1) if ids[at] != "ARV"), "")
    if before in _OF_PATIENT:
        return EVERYTHING
    return next(iter(of_visit(view)), None) if before in _OF_VISIT else None


def arv_in_force(view: View, segment: Segment, now: datetime) -> bool:
    """ARV-2, ARV-6: not taken back, and of today; a range that cannot be read is.

    `now` is in the timezone in which days begin and end. Of several ranges one is enough.
    """
    if view.texts(segment, _ARV_ACTION)[0] == "D":
        return False
    ranges = zip(*(_days(view, segment, part) for part in (1, 2)), strict=True)
    return any(_is_within(now.date(), begin, end) for begin, end in ranges)


def _is_within(today: date, begin: Days | None, end: Days | None) -> bool:
    """Whether a day is in a range; one that ends before it begins cannot be read."""
    if begin is not None and end is not None and end[1] < begin[0]:
        return True
    return (begin is None or begin[0] <= today) and (end is None or today <= end[1])


def _days(view: View, segment: Segment, part: int) -> list[Days | None]:
    texts = view.texts(segment, Path("ARV", 6, part))
    return [days(text.encode("ascii", "replace")) for text in texts]


def _consented(view: View, now: datetime) -> list[Said]:
    """CON: what denies is taken at its word; what permits is for a person to enter."""
    del now
    found = []
    for segment in view.all("CON"):
        status = view.texts(segment, _CON_STATUS)[0].strip()
        kinds = {code for codes in codes_said(view, segment, _CON_TYPE) for code in codes}
        known = {kind for kind in kinds if _CON_TYPES.fullmatch(kind)}
        for kind in sorted(known) or ("",):
            says = CONSENTS.get((kind, status)) or CONSENTS.get((kind, ""), Says.NOTHING)
            if says is not Says.NOTHING:
                found.append(Said(says, EVERYTHING if known else None))
    return found


#: Reads one kind of segment.
Reader = Callable[[View, datetime], list[Said]]

#: What is read of each segment, where there is any.
READERS: Mapping[str, Reader] = {
    "MSH": _header,
    "PD1": _patient_protected,
    "PV2": _visit_protected,
    "ARV": _access,
    "CON": _consented,
    "TXA": _document,
}

_ARV_ACTION, _ARV_VALUE, _ARV_LABEL = Path("ARV", 2, 1), 3, 7
_CON_TYPE, _CON_STATUS = 2, Path("CON", 11, 1)
#: Table 0496 has the types 001 to 137; any other is the sender's own.
_CON_TYPES = re.compile("0(?!00)[0-9]{2}|1[0-2][0-9]|13[0-7]")
