"""Which segments of a message carry sensitive content, and of which kind.

Law: a label is put on a segment occurrence by the codes of its coded fields, in both triplets, or
by a marker of the sender; a code whose system is missing or local is looked for in every set
(standards.md C-0). A labelled segment labels what belongs to it. The answer is found once for a
message and shared by all channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.hl7.path import Path
from engine.hl7.wire import Delimiters, Segment
from engine.policy.message.structure import Structure
from engine.policy.message.view import View
from engine.policy.model import LabelSet, Mark
from engine.policy.vocabulary.codesets import CodeIndex, CodeSet, canonical_system, triplets
from engine.privacy.protections import Evidence, Label

#: Some labels together: each label has a bit for core and one for extended evidence.
Bits = int

#: Fields that hold codes, by segment; those of diagnoses apart, since there a code without a
#: system may be one of ICD-9, which is all digits and elsewhere means nothing (standards.md C-0).
DIAGNOSES: Mapping[str, tuple[int, ...]] = {
    "DG1": (3,),
    "FT1": (19,),
    "PR1": (15,),
    "OBR": (31,),
    "ORC": (16,),
    "PV2": (3,),
    "PDA": (1,),
    "PRB": (3,),
}
SERVICES: Mapping[str, tuple[int, ...]] = {
    "PR1": (3,),
    "FT1": (7, 25, 29, 43),
    "OBR": (4, 13, 44),
    "OBX": (3,),
    "SPM": (4,),
    "IAM": (3,),
    "AL1": (3,),
    "DRG": (1,),
    "RXO": (1,),
    "RXE": (2,),
    "RXD": (2,),
    "RXG": (4,),
    "RXA": (5,),
    "RXC": (2,),
}

#: Types of OBX-5 that are codes (table 0125); a value without a type may be one.
_CODED_VALUES = frozenset({b"CE", b"CWE", b"CNE", b"CF", b"CD", b""})
_TYPE, _VALUE = 2, 5

#: What is labelled there is labelled for the whole message: the document, a patient's or visit's
#: access restriction (standards.md B-7.2, B-7.5).
_OF_THE_MESSAGE = frozenset({"TXA", "ARV"})

#: An ORC's label is its order's.
_COMMON_ORDER = "ORC"

#: Of these systems all codes are digits, which elsewhere mean other things: named, or not at all.
_NAMED_ONLY = frozenset({"RXNORM"})
_DIAGNOSES_ONLY = frozenset({"I9C"})

#: How many values, of how many bytes, are remembered for messages with the same delimiters.
_VALUES_KEPT, _LONGEST_KEPT, _DELIMITERS_KEPT = 8192, 256, 16


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was found: labels of the message, and of segments by index, inherited ones included."""

    message: Bits
    segments: Mapping[int, Bits]

    @property
    def present(self) -> Bits:
        """Every label that occurs."""
        found = self.message
        for bits in self.segments.values():
            found |= bits
        return found


NOTHING_LABELLED = Labelled(0, {})

_Index = tuple[CodeIndex, tuple[tuple[Bits, CodeIndex], ...]]

#: What kind of code a field holds; the value of a result is one only if its type says so.
_SERVICE, _DIAGNOSIS, _TYPED = 0, 1, 2


class _Memory:
    """What is known of coded values: those without any label, and the labels of others."""

    __slots__ = ("labelled", "without")

    def __init__(self) -> None:
        self.without = {b""}
        self.labelled: dict[bytes, Bits] = {}

    def keep(self, value: bytes, bits: Bits) -> None:
        """Remember one value's labels, unless it is too long for a code."""
        if len(value) > _LONGEST_KEPT:
            return
        if len(self.without) + len(self.labelled) >= _VALUES_KEPT:
            self.without = {b""}
            self.labelled = {}
        if bits:
            self.labelled[value] = bits
        else:
            self.without.add(value)


#: What is known of values, for each kind.
_Memories = tuple[_Memory, _Memory, _Memory]

#: Fields of a segment to look at, and their kinds.
_Fields = tuple[tuple[int, int], ...]

_Marks = list[tuple[Path, frozenset[str], Bits]]


class LabelIndex:
    """Some sets and marks, made ready to label messages."""

    def __init__(self, sets: Iterable[LabelSet], marks: Iterable[Mark] = ()) -> None:
        sets, marks = tuple(sets), tuple(marks)
        names = [label.value for label in Label]
        own = {one.label for one in sets} | {mark.label for mark in marks}
        names += sorted(own - set(names))
        self._numbers = {name: number for number, name in enumerate(names)}
        self._general = self._indexed(sets, lambda s: s not in _NAMED_ONLY | _DIAGNOSES_ONLY)
        self._named_only = self._indexed(sets, lambda s: s in _NAMED_ONLY)
        self._diagnoses_only = self._indexed(sets, lambda s: s in _DIAGNOSES_ONLY)
        self._marks: dict[str, _Marks] = {}
        for mark in marks:
            found = (mark.path, mark.texts, self.core(mark.label))
            self._marks.setdefault(mark.path.segment, []).append(found)
        #: In which fields of a segment marks may stand.
        self._marked_fields = {
            name: sorted({path.field for path, _, _ in found})
            for name, found in self._marks.items()
        }
        self._documents = self.core(Label.PSYCHOTHERAPY_NOTES.value)
        self._documents |= self.core(Label.SUD_COUNSELING_NOTES.value)
        self._memories: dict[Delimiters, _Memories] = {}
        #: The delimiters of the last message, which nearly always are the next one's.
        self._last: tuple[Delimiters | None, _Memories] = (None, (_Memory(), _Memory(), _Memory()))
        self.is_empty = not sets and not marks

    def core(self, label: str) -> Bits:
        """The bit of a label's high-precision evidence."""
        return 1 << 2 * self._numbers[label]

    def any(self, label: str) -> Bits:
        """Both bits of a label."""
        return 3 << 2 * self._numbers[label]

    def of(self, label: str, evidence: Evidence) -> Bits:
        """What counts for somebody who asks for this evidence: extended takes core along."""
        return self.core(label) if evidence is Evidence.CORE else self.any(label)

    def knows(self, label: str) -> bool:
        """Whether this is the name of a label or of a set."""
        return label in self._numbers

    def labels(self, bits: Bits) -> tuple[str, ...]:
        """The names of labels, in their order."""
        return tuple(name for name, number in self._numbers.items() if bits >> 2 * number & 3)

    def labelled(self, view: View) -> Labelled:
        """The labels of a view."""
        own = self._own(view)
        return _inherited(view, own, self._documents) if own else NOTHING_LABELLED

    def _own(self, view: View) -> dict[int, Bits]:
        """What each segment itself carries; only those that carry anything."""
        memories = self._memory(view)
        found: dict[int, Bits] = {}
        for name, indexes, fields in view.structure.once(_asked_of):
            if not fields:
                self._look_everywhere(view, indexes, memories, found)
                continue
            rows = view.rows(name, fields[-1][0])
            for number, kind in fields:
                memory = memories[kind]
                # Mostly few values, over and over.
                if kind == _TYPED:
                    values = {row[number] for row in rows if row[_TYPE] in _CODED_VALUES}
                elif len(indexes) > 1:
                    values = {row[number] for row in rows}
                elif rows[0][number] in memory.without:
                    continue
                else:
                    values = {rows[0][number]}
                if not values <= memory.without:
                    labels = self._labels_of(view, values, memory, kind)
                    _put(found, indexes, rows, (number, kind), labels)
        if self._marks:
            self._look_at_marks(view, found)
        return found

    def _look_at_marks(self, view: View, found: dict[int, Bits]) -> None:
        for name, marks in self._marks.items():
            if not view.has(name):
                continue
            fields = self._marked_fields[name]
            if not any(any(row[fields[0] : fields[-1] + 1]) for row in view.rows(name)):
                continue
            for segment in view.all(name):
                bits = _marked(view, segment, marks)
                if bits:
                    found[segment.index] = found.get(segment.index, 0) | bits

    def _look_everywhere(
        self, view: View, indexes: Iterable[int], memories: _Memories, found: dict[int, Bits]
    ) -> None:
        """A Z segment may hold a coded field anywhere."""
        component = view.message.delimiters.component
        for index in indexes:
            for value in view.message.segments[index].fields[1:]:
                if component and component in value:
                    bits = self._bits(view, value, memories[_SERVICE], _SERVICE)
                    if bits:
                        found[index] = found.get(index, 0) | bits

    def _labels_of(
        self, view: View, values: Iterable[bytes], memory: _Memory, kind: int
    ) -> dict[bytes, Bits]:
        """Those of some values that are labelled, with their labels."""
        each = ((value, self._bits(view, value, memory, kind)) for value in values if value)
        return {value: bits for value, bits in each if bits}

    def _bits(self, view: View, value: bytes, memory: _Memory, kind: int) -> Bits:
        """The labels of a coded value."""
        if value in memory.without:
            return 0
        found = memory.labelled.get(value)
        if found is not None:
            return found
        found = 0
        for system, code in codes_of(view, value):
            found |= _asked(self._general, system, code, may=True)
            found |= _asked(self._named_only, system, code, may=False)
            found |= _asked(self._diagnoses_only, system, code, may=kind == _DIAGNOSIS)
        # A value without components may be no code, but what somebody wrote.
        if kind != _TYPED or view.message.delimiters.component in value:
            memory.keep(value, found)
        return found

    def _memory(self, view: View) -> _Memories:
        """What is known of values already."""
        message = view.message
        if message.charset.mask is not None:
            return _Memory(), _Memory(), _Memory()
        last, found = self._last
        if last is message.delimiters:
            return found
        known = self._memories.get(message.delimiters)
        if known is None:
            known = (_Memory(), _Memory(), _Memory())
            if len(self._memories) < _DELIMITERS_KEPT:
                self._memories[message.delimiters] = known
        self._last = (message.delimiters, known)
        return known

    def _indexed(self, sets: Iterable[LabelSet], wanted: Callable[[str], bool]) -> _Index:
        chosen = [one for one in sets if wanted(canonical_system(one.codes.system))]
        by_bit: dict[Bits, list[CodeSet]] = {}
        for one in chosen:
            bit = self.core(one.label)
            by_bit.setdefault(bit << (one.evidence is Evidence.EXTENDED), []).append(one.codes)
        each = tuple((bit, CodeIndex(codes)) for bit, codes in sorted(by_bit.items()))
        return CodeIndex(one.codes for one in chosen), each


def _asked_of(structure: Structure) -> tuple[tuple[str, tuple[int, ...], _Fields], ...]:
    """The segments that may carry codes, and in which fields; none named: anywhere."""
    return tuple(
        (name, indexes, _FIELDS.get(name, ()))
        for name, indexes in structure.by_id.items()
        if name in _FIELDS or name[:1] == "Z"
    )


def _fields(name: str) -> _Fields:
    found = [(number, _SERVICE) for number in SERVICES.get(name, ())]
    found += [(number, _DIAGNOSIS) for number in DIAGNOSES.get(name, ())]
    if name == "OBX":
        found.append((_VALUE, _TYPED))
    return tuple(sorted(found))


#: What to look at in each segment, the furthest field last.
_FIELDS = {name: _fields(name) for name in {*SERVICES, *DIAGNOSES}}


def _put(
    found: dict[int, Bits],
    indexes: Iterable[int],
    rows: list[list[bytes]],
    field: tuple[int, int],
    labels: Mapping[bytes, Bits],
) -> None:
    """Label the segments that have a labelled value in this field."""
    if not labels:
        return
    number, kind = field
    for index, row in zip(indexes, rows, strict=True):
        bits = labels.get(row[number])
        if bits and (kind != _TYPED or row[_TYPE] in _CODED_VALUES):
            found[index] = found.get(index, 0) | bits


def _asked(index: _Index, system: str, code: str, *, may: bool) -> Bits:
    """All are asked at once first: nearly every code is in none."""
    union, each = index
    if not (union.may_match(system, code) if may else union.matches(system, code)):
        return 0
    found = 0
    for bit, codes in each:
        if codes.may_match(system, code) if may else codes.matches(system, code):
            found |= bit
    return found


def codes_of(view: View, value: bytes) -> list[tuple[str, str]]:
    """(system, code) of every triplet of every repetition of a coded field."""
    message = view.message
    repetition, component = message.delimiters.repetition, message.delimiters.component
    found: list[tuple[str, str]] = []
    for part in message.split(value, repetition):
        texts = [view.text(one) for one in message.split(part, component)]
        found += triplets(texts)
    return found


def _marked(view: View, segment: Segment, marks: _Marks) -> Bits:
    """A path without component means the whole repetition, or its identifier."""
    found = 0
    for path, texts, bits in marks:
        if segment.field(path.field):
            first = path if path.component else Path(path.segment, path.field, 1)
            if not texts.isdisjoint(view.texts(segment, path) + view.texts(segment, first)):
                found |= bits
    return found


def _inherited(view: View, own: dict[int, Bits], of_documents: Bits) -> Labelled:
    """Labels of the message, and of segments with what is above them.

    `of_documents`: what labels a document (MDM) as a whole wherever it stands.
    """
    segments, parents = view.message.segments, view.parents
    of_message = 0
    for index, bits in list(own.items()):
        name, above = segments[index].id, parents[index]
        if name in _OF_THE_MESSAGE:
            of_message |= bits
        elif view.type.code == "MDM":
            of_message |= bits & of_documents
        if name == _COMMON_ORDER and above >= 0 and segments[above].id != "PID":
            own[above] = own.get(above, 0) | bits
    found: dict[int, Bits] = {}
    for indexes in view.structure.by_id.values():
        for index in indexes:
            bits, at = 0, index
            while at >= 0:
                bits |= own.get(at, 0)
                at = parents[at]
            if bits:
                found[index] = bits
    return Labelled(of_message, found)
