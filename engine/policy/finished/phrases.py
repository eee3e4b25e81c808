"""What withheld content is called, in the free text of a finished copy.

Law: the name of a diagnosis, a procedure, a service or a result that a label, a statute or a
restriction took out must not stand in a note or in a result that is text, unless a field that is
kept says it openly. A name has two words and eight characters or more, and is compared whole, in
whichever case and spacing; less than that says too little, and common words would hold what tells
nothing (standards.md B-9.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.finished.tokens import has_token
from engine.policy.message.descendants import with_descendants
from engine.policy.message.view import View
from engine.policy.sensitive.coded_fields import DIAGNOSES, SERVICES

_SHORTEST, _FEWEST_WORDS = 8, 2

#: Fields that are a name throughout: descriptions.
_DESCRIPTIONS: Mapping[str, tuple[int, ...]] = {"DG1": (4,), "PR1": (4,), "FT1": (8, 9)}
#: Where names stand in a coded field: text, alternate text, original text (CWE).
_NAMES = (2, 5, 9)

#: Types of OBX-5 that people write (table 0125), as received; a value without a type may be text.
_WRITTEN = frozenset({b"TX", b"FT", b"ST", b""})
_TYPE, _VALUE, _COMMENT = 2, 5, 3


def tells_name(cut: Cut) -> bool:
    """Whether free text of the copy has the name of something that the law took out."""
    roots = {index for index in cut.bars if cut.pieces[index] is None}
    if not roots:
        return False
    names = _names_taken(cut, roots)
    if names:
        names -= _names_kept(cut)
    return bool(names) and _has_any("\n".join(_written(cut)), names)


def _has_any(text: str, names: Iterable[str]) -> bool:
    compared = _compared(text)
    return any(has_token(compared, name) for name in names)


def _names_taken(cut: Cut, roots: set[int]) -> set[str]:
    segments = cut.view.message.segments
    return {
        name
        for index in with_descendants(cut.view, roots)
        if cut.pieces[index] is None
        for name in _names(cut.view, segments[index].id, segments[index].fields)
    }


def _names_kept(cut: Cut) -> set[str]:
    return {name for segment, fields in _kept(cut) for name in _names(cut.view, segment.id, fields)}


def _written(cut: Cut) -> Iterator[str]:
    """The free text of the copy: comments, and results that people write, whatever is left."""
    for segment, fields in _kept(cut):
        if segment.id == "NTE" and len(fields) > _COMMENT:
            yield _read(cut.view, fields[_COMMENT])
        elif segment.id == "OBX" and len(fields) > _VALUE and _is_written(segment):
            yield _read(cut.view, fields[_VALUE])


def _is_written(result: Segment) -> bool:
    return result.field(_TYPE).strip().upper() in _WRITTEN


def _read(view: View, value: bytes) -> str:
    r"""A text as it is read: repetitions are lines, and so is what `\.br\` and its kin part."""
    message = view.message
    lines = b" ".join(message.split(value, message.delimiters.repetition))
    text = view.text(lines)
    mark = re.escape(message.text(message.delimiters.escape))
    return re.sub(rf"{mark}(?:[HN]|\.[a-z][^{mark}]*){mark}", " ", text) if mark else text


def _kept(cut: Cut) -> Iterator[tuple[Segment, list[bytes]]]:
    """What is left of each segment, beside the segment as it was received."""
    message = cut.view.message
    for index in cut.kept():
        segment = message.segments[index]
        yield segment, message.split(cut.pieces[index] or b"", segment.separator)


def _names(view: View, segment_id: str, fields: list[bytes]) -> Iterator[str]:
    """What a segment calls what it is about, as it is compared."""
    for number in (*SERVICES.get(segment_id, ()), *DIAGNOSES.get(segment_id, ())):
        if number < len(fields) and fields[number]:
            yield from _named(view, _of_coded(view, fields[number]))
    for number in _DESCRIPTIONS.get(segment_id, ()):
        if number < len(fields) and fields[number]:
            yield from _named(view, (fields[number],))


def _of_coded(view: View, value: bytes) -> Iterator[bytes]:
    message = view.message
    for repetition in message.split(value, message.delimiters.repetition):
        components = message.split(repetition, message.delimiters.component)
        yield from (components[n - 1] for n in _NAMES if n <= len(components))


def _named(view: View, values: Iterable[bytes]) -> Iterator[str]:
    for value in values:
        name = _compared(view.text(value))
        if len(name) >= _SHORTEST and name.count(" ") >= _FEWEST_WORDS - 1:
            yield name


def _compared(text: str) -> str:
    return " ".join(text.split()).casefold()
