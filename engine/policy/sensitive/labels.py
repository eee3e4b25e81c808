"""Which segments of a message carry sensitive content, and of which kind.

Law: a label is put on a segment occurrence by the codes of its coded fields, in both triplets, or
by a marker of the sender; a code whose system is missing or local is looked for in every set
(standards.md C-0). A labelled segment labels what belongs to it. The answer is found once for a
message and shared by all channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.policy.message.pharmacy import pharmacy_orders
from engine.policy.message.view import View
from engine.policy.model import LabelSet, Mark
from engine.policy.sensitive.coded_fields import (
    DIAGNOSIS,
    GROUP,
    SERVICE,
    TYPED,
    coded_fields,
    coded_results,
    codes_of,
    is_coded,
)
from engine.policy.sensitive.labelled import NOTHING_LABELLED, Bits, Labelled
from engine.policy.sensitive.marks import MarkIndex
from engine.policy.sensitive.remembered import Memories, Memory
from engine.policy.vocabulary.codesets import CodeIndex, CodeSet, canonical_system
from engine.privacy.protections import Evidence, Label

#: What is labelled there is labelled for the whole message: the document, a patient's or visit's
#: access restriction (standards.md B-7.2, B-7.5).
_OF_THE_MESSAGE = frozenset({"TXA", "ARV"})

#: An ORC's label is its order's.
_COMMON_ORDER = "ORC"

#: Of these systems all codes are digits, which elsewhere mean other things: named, or in fields of
#: the one kind.
_NUMBERED: Mapping[str, int | None] = {"RXNORM": None, "I9C": DIAGNOSIS, "MSDRG": GROUP}


_Index = tuple[CodeIndex, tuple[tuple[Bits, CodeIndex], ...]]


class LabelIndex:
    """Some sets and marks, made ready to label messages."""

    def __init__(self, sets: Iterable[LabelSet], marks: Iterable[Mark] = ()) -> None:
        sets, marks = tuple(sets), tuple(marks)
        names = [label.value for label in Label]
        own = {one.label for one in sets} | {mark.label for mark in marks}
        names += sorted(own - set(names))
        self._numbers = {name: number for number, name in enumerate(names)}
        self._general = self._indexed(sets, lambda system: system not in _NUMBERED)
        #: Each with the kind of fields in which a code of its system need not name it.
        self._numbered = tuple(
            (self._indexed(sets, name.__eq__), kind) for name, kind in _NUMBERED.items()
        )
        self._marks = MarkIndex((mark, self.core(mark.label)) for mark in marks)
        self._documents = self.core(Label.PSYCHOTHERAPY_NOTES.value)
        self._documents |= self.core(Label.SUD_COUNSELING_NOTES.value)
        self._memories = Memories()
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
        memories = self._memories.of(view.message)
        found: dict[int, Bits] = {}
        for name, indexes, fields in view.structure.once(coded_fields):
            if not fields:
                self._look_everywhere(view, indexes, memories[SERVICE], found)
                continue
            rows = view.rows(name, fields[-1][0])
            one = rows[0] if len(rows) == 1 else None
            for number, kind in fields:
                memory = memories[kind]
                if one is not None and one[number] in memory.without:
                    continue  # nearly always
                values = coded_results(view) if kind == TYPED else view.held(name, number)
                if not values <= memory.without:
                    labels = self._labels_of(view, values, memory, kind)
                    each: Iterable[tuple[int, list[bytes]]] = zip(indexes, rows, strict=True)
                    if kind == TYPED and labels:
                        component = view.message.delimiters.component
                        each = [(at, row) for at, row in each if is_coded(row, component)]
                    _put(found, each, number, labels)
        for index, bits in self._marks.marked(view):
            found[index] = found.get(index, 0) | bits
        return found

    def _look_everywhere(
        self, view: View, indexes: Iterable[int], memory: Memory, found: dict[int, Bits]
    ) -> None:
        """A Z segment may hold a coded field anywhere."""
        component = view.message.delimiters.component
        for index in indexes:
            for value in view.message.segments[index].fields[1:]:
                if component and component in value:
                    bits = self._bits(view, value, memory, SERVICE)
                    if bits:
                        found[index] = found.get(index, 0) | bits

    def _labels_of(
        self, view: View, values: Iterable[bytes], memory: Memory, kind: int
    ) -> dict[bytes, Bits]:
        """Those of some values that are labelled, with their labels."""
        each = ((value, self._bits(view, value, memory, kind)) for value in values if value)
        return {value: bits for value, bits in each if bits}

    def _bits(self, view: View, value: bytes, memory: Memory, kind: int) -> Bits:
        """The labels of a coded value."""
        if value in memory.without:
            return 0
        found = memory.labelled.get(value)
        if found is not None:
            return found
        found = 0
        for system, code in codes_of(view, value):
            found |= _asked(self._general, system, code, may=True)
            for index, of in self._numbered:
                found |= _asked(index, system, code, may=kind == of)
        # A value without components may be no code, but what somebody wrote.
        if kind != TYPED or view.message.delimiters.component in value:
            memory.keep(value, found)
        return found

    def _indexed(self, sets: Iterable[LabelSet], wanted: Callable[[str], bool]) -> _Index:
        chosen = [one for one in sets if wanted(canonical_system(one.codes.system))]
        by_bit: dict[Bits, list[CodeSet]] = {}
        for one in chosen:
            bit = self.core(one.label)
            by_bit.setdefault(bit << (one.evidence is Evidence.EXTENDED), []).append(one.codes)
        each = tuple((bit, CodeIndex(codes)) for bit, codes in sorted(by_bit.items()))
        return CodeIndex(one.codes for one in chosen), each


def _put(
    found: dict[int, Bits],
    rows: Iterable[tuple[int, list[bytes]]],
    number: int,
    labels: Mapping[bytes, Bits],
) -> None:
    """Label the segments that have a labelled value in this field."""
    if not labels:
        return
    for index, row in rows:
        bits = labels.get(row[number])
        if bits:
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


def _share_orders(view: View, own: dict[int, Bits]) -> None:
    """What one segment of a pharmacy order is labelled, all of it is."""
    orders = pharmacy_orders(view)
    of_orders: dict[int, Bits] = {}
    for index, common in orders.items():
        of_orders[common] = of_orders.get(common, own.get(common, 0)) | own.get(index, 0)
    for index, common in orders.items():
        if of_orders[common]:
            own[index] = of_orders[common]


def _inherited(view: View, own: dict[int, Bits], of_documents: Bits) -> Labelled:
    """Labels of the message, and of segments with what is above them.

    `of_documents`: what labels a document (MDM) as a whole wherever it stands.
    """
    segments, parents = view.message.segments, view.parents
    of_message = 0
    for index, bits in tuple(own.items()):
        name, above = segments[index].id, parents[index]
        if name in _OF_THE_MESSAGE:
            of_message |= bits
        elif view.type.code == "MDM":
            of_message |= bits & of_documents
        if name == _COMMON_ORDER and above >= 0 and segments[above].id != "PID":
            own[above] = own.get(above, 0) | bits
    _share_orders(view, own)
    return Labelled(of_message, _with_what_is_above(view, own))


def _with_what_is_above(view: View, own: dict[int, Bits]) -> dict[int, Bits]:
    """Each segment's labels, and those of all that it belongs to."""
    parents = view.parents
    found: dict[int, Bits] = {}
    for indexes in view.structure.by_id.values():
        for index in indexes:
            bits, at = 0, index
            while at >= 0:
                bits |= own.get(at, 0)
                at = parents[at]
            if bits:
                found[index] = bits
    return found
