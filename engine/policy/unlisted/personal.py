"""What a message has of people and their numbers, which is never told as a code.

Law: a name, a number or a place of somebody may be typed where a code belongs, in the form of one.
What the message also has in a segment about people, or as the number of a visit, an order, a charge
or a document, is taken for that, as a whole or as a word of letters within the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.hl7.wire import Message, Segment
from engine.policy.message.reading import text_of

_ABOUT_PEOPLE = frozenset({"PID", "PD1", "NK1", "GT1", "MRG", "IN1", "IN2", "IN3", "STF", "CTD"})

#: Numbers of visits, orders, charges and documents.
_NUMBERS: Mapping[str, tuple[int, ...]] = {
    "PV1": (5, 19, 50),
    "ORC": (2, 3),
    "OBR": (2, 3),
    "FT1": (2, 23),
    "TXA": (12, 13, 14),
}

#: A shorter text tells nobody: somebody's sex or state may be the same as a code.
_SHORTEST = 3

_JOINTS = re.compile(r"[._-]")


def is_personal(message: Message, code: str) -> bool:
    """Whether a code, in capitals, is or holds what the message has of somebody."""
    known = message.once(personal_texts)
    return code in known or any(word.isalpha() and word in known for word in _JOINTS.split(code))


def personal_texts(message: Message) -> frozenset[str]:
    """Each component about people, and each word of it, in capitals; ask it by `message.once`."""
    return frozenset(
        word
        for segment in message.segments
        for number in _fields(segment)
        for text in _texts(message, segment.field(number))
        for word in (text, *text.split())
        if len(word) >= _SHORTEST
    )


def _fields(segment: Segment) -> Iterator[int]:
    if segment.id in _ABOUT_PEOPLE:
        yield from range(1, len(segment.fields))
    else:
        yield from _NUMBERS.get(segment.id, ())


def _texts(message: Message, value: bytes) -> Iterator[str]:
    marks, split = message.delimiters, message.split
    for repetition in split(value, marks.repetition) if value else ():
        for component in split(repetition, marks.component):
            for part in split(component, marks.subcomponent):
                yield text_of(message, part).strip().upper()
