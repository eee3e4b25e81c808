"""What a copy does not tell of where the patient is reached, and what it tells instead.

Law: an address or number of the patient, or of who may live or pay with the patient, is not sent as
it was received; where the patient named another one, and the rules grant the field, that one goes
in its place, cut as the received one would have been (45 CFR 164.522(b), standards.md LAW-10).
What cannot be said in the message's delimiters and characters is not said at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.hl7.build import field_value, join_fields, put_field
from engine.hl7.escape import unescape
from engine.hl7.wire import Message
from engine.policy.cutting.cut import Contact, Cut
from engine.policy.message.reading import version_of
from engine.policy.outcome import Code
from engine.policy.segment.cutter import Cutter
from engine.privacy.confidential import Address, Phone

#: Where messages say how the patient is reached, or somebody through whom the patient may be: next
#: of kin, guarantor, insured, their employers and contacts; the place of an accident may be home.
_FIELDS: Mapping[str, tuple[int, ...]] = {
    "PID": (11, 12, 13, 14, 40),
    "NK1": (4, 5, 6, 31, 32, 40, 41),
    "GT1": (5, 6, 7, 17, 18, 46),
    "IN1": (19, 44),
    "IN2": (50, 53, 63, 64),
    "ACC": (11,),
    "RXO": (35,),
    "RXE": (43,),
    "RXG": (30,),
}

#: The fields that carry what goes instead.
_ADDRESS, _PHONE = 11, 13

#: XTN-1 was withdrawn with 2.7; XTN-12 is the number as people write it.
_UNFORMATTED_SINCE = (2, 7)


def conceal_contact(cut: Cut, contact: Contact) -> None:
    """Take out of the copy how the patient is reached, and put in what goes instead."""
    view, message = cut.view, cut.view.message
    for name, numbers in _FIELDS.items():
        for segment in view.all(name):
            piece = cut.pieces[segment.index]
            if piece is None:
                continue
            left = message.split(piece, segment.separator)
            told = [number for number in numbers if number < len(left) and left[number]]
            if not told:
                continue
            cut.concealed[segment.index] = frozenset(told)
            cutter = cut.cutter_of(segment.index)
            if cutter is None:
                cut.drop(segment.index, Code.CONFIDENTIAL_COMMUNICATION)
                continue
            instead = _instead(message, cutter, contact) if name == "PID" else {}
            for number in told:
                put_field(left, number, instead.get(number, b""))
            less = cutter.worth(join_fields(left, segment.separator))
            if less is None:
                cut.drop(segment.index, Code.CONFIDENTIAL_COMMUNICATION)
            else:
                cut.pieces[segment.index] = less


def _instead(message: Message, cutter: Cutter, contact: Contact) -> dict[int, bytes]:
    """What goes instead, by field: cut as if the message had said it."""
    whole: dict[int, bytes] = {}
    if contact.address is not None:
        whole[_ADDRESS] = _parts(message, _address(contact.address))
    if contact.phone is not None:
        whole[_PHONE] = _parts(message, _phone(contact.phone, message))
    return {number: _cut(cutter, number, value, message) for number, value in whole.items()}


def _cut(cutter: Cutter, number: int, value: bytes, message: Message) -> bytes:
    if not value:
        return b""
    fields = [b"PID", *[b""] * number]
    fields[number] = value
    left = cutter.fields(fields, message)
    return left[number] if number < len(left) else b""


def _address(address: Address) -> list[str]:
    return [
        address.street,
        address.other,
        address.city,
        address.state,
        address.zip,
        address.country,
    ]


def _phone(phone: Phone, message: Message) -> list[str]:
    parts = ["", "", "", "", phone.country, phone.area, phone.local, phone.extension]
    if version_of(message) < _UNFORMATTED_SINCE:
        return [phone.number, *parts[1:]]
    return [*parts, "", "", "", phone.number]


def _parts(message: Message, texts: list[str]) -> bytes:
    """The components of a field of our own; nothing where any of them cannot be said."""
    separator = message.delimiters.component
    while texts and not texts[-1]:
        texts.pop()
    if not separator and len(texts) > 1:
        return b""
    said = [field_value(message, text) for text in texts]
    for value, text in zip(said, texts, strict=True):
        if unescape(message.text(value), message.delimiters, message.charset) != text:
            return b""
    return separator.join(said)
