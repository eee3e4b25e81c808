"""Whether a copy still tells, somewhere else, how the patient is not to be reached.

Law: of PID-11, 13, 14 and 40 as they were received, each street with a number, the last seven
digits of each number that has so many, and each address with an `@` must not stand anywhere in a
copy from which they were kept back (standards.md LAW-10); what the patient named instead may.
Shorter values, towns and postal codes are others', too, and tell nothing alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from engine.hl7.path import Path
from engine.policy.cutting.cut import Contact, Cut
from engine.policy.finished.tokens import has_token

_STREETS = (Path("PID", 11, 1, 1), Path("PID", 11, 2, 1))
_STREET_NAME, _DWELLING = Path("PID", 11, 1, 2), Path("PID", 11, 1, 3)
_PHONES = (13, 14, 40)
_NUMBER, _MAIL, _AREA, _LOCAL, _UNFORMATTED = 1, 4, 6, 7, 12

_SHORTEST_STREET = 6
_SHORTEST_NUMBER = 7

#: A number as people write it; whether a country and an area stand before it is up to them.
_WRITTEN = re.compile(r"[+(]*\d[\d ().+/\-]{5,}\d")
_BLANKS = re.compile(r"\s+")


class _Told(NamedTuple):
    """What must not be told: texts, folded, and numbers, digits alone."""

    texts: frozenset[str]
    numbers: frozenset[str]


def tells_contact(cut: Cut) -> bool:
    """Whether the copy has any of it; False where nothing is to be kept back."""
    if cut.contact is None:
        return False
    kept_back, named = _received(cut), _named(cut.contact)
    texts = kept_back.texts - named.texts
    endings = {number[-_SHORTEST_NUMBER:] for number in kept_back.numbers - named.numbers}
    if not (texts or endings):
        return False
    said = cut.view.text(cut.said())
    folded = _folded(said)
    if any(has_token(folded, text) for text in texts):
        return True
    written = set(_numbers_in(said)) - named.numbers if endings else set()
    return any(ending in one for one in written for ending in endings)


def _received(cut: Cut) -> _Told:
    view = cut.view
    texts: list[str] = []
    numbers: list[str] = []
    for pid in view.all("PID"):
        for path in _STREETS:
            texts += [text for text in view.texts(pid, path) if any(map(str.isdigit, text))]
        for parts_of in zip(view.texts(pid, _DWELLING), view.texts(pid, _STREET_NAME), strict=True):
            texts += [" ".join(parts_of)] if all(parts_of) else []
        for field in _PHONES:
            if not pid.field(field):
                continue
            parts = {
                component: view.texts(pid, Path("PID", field, component))
                for component in (_NUMBER, _MAIL, _AREA, _LOCAL, _UNFORMATTED)
            }
            numbers += [*parts[_NUMBER], *parts[_UNFORMATTED]]
            numbers += map("".join, zip(parts[_AREA], parts[_LOCAL], strict=True))
            texts += [text for text in (*parts[_MAIL], *parts[_NUMBER]) if "@" in text]
    return _told(texts, numbers)


def _named(contact: Contact) -> _Told:
    """What goes instead."""
    address, phone = contact.address, contact.phone
    texts = [] if address is None else [address.street, address.other]
    numbers = [] if phone is None else [phone.number, phone.area + phone.local, phone.local]
    return _told(texts, numbers)


def _told(texts: Iterable[str], numbers: Iterable[str]) -> _Told:
    folded = {_folded(text) for text in texts}
    digits = {one for text in numbers for one in _numbers_in(text) or [_digits(text)]}
    return _Told(
        frozenset(text for text in folded if len(text) >= _SHORTEST_STREET),
        frozenset(
            # The same digit all over is no number but a filled-in blank.
            one
            for one in digits
            if len(one) >= _SHORTEST_NUMBER and len(set(one)) > 1
        ),
    )


def _numbers_in(text: str) -> list[str]:
    """The digits of each number that is written there."""
    return [_digits(one) for one in _WRITTEN.findall(text)]


def _folded(text: str) -> str:
    return _BLANKS.sub(" ", text).strip().upper()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
