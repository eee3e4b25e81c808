"""How the segments of a message belong together, found from their ids alone.

Law: a structure depends on MSH-9 and the order of segment ids and on nothing else, so that messages
of one form share it; a message with lines that are no segments gets one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from engine.hl7 import groups
from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import Message

T = TypeVar("T")

#: How many forms of messages are remembered.
_FORMS_KEPT = 2048
#: Longer messages are seldom of one form.
_LONGEST_KEPT = 256

#: What an ORC may stand for; an ORC without any of these is worth nothing (rules.md §10.18).
ORDERS = frozenset({"OBR", "RXO", "RXE", "RXD", "RXG", "RXA"})


class Structure:
    """The form of a message, or of one patient's part of it; everything by index of segment.

    `by_id` lists the occurrences of each id; `parents` is `engine.hl7.groups.parents`; `anchors`
    have others under them; `results` are the OBX of each OBR, or, where all of them stand behind
    its specimens, those; `without_order` are the ORC that no order follows; `numbered` are the ids
    with a set id that occur more than once.
    """

    def __init__(self, ids: list[tuple[int, str]], parents: tuple[int, ...]) -> None:
        by_id: dict[str, list[int]] = {}
        for index, name in ids:
            by_id.setdefault(name, []).append(index)
        names = dict(ids)
        self._found: dict[Callable[[Structure], Any], Any] = {}
        self.parents = parents
        self.by_id = {name: tuple(indexes) for name, indexes in by_id.items()}
        self.anchors = tuple(sorted({parents[index] for index, _ in ids} - {-1}))
        self.without_order = tuple(
            index for index in by_id.get("ORC", ()) if names.get(parents[index]) not in ORDERS
        )
        results: dict[int, list[int]] = {}
        of_specimens: dict[int, list[int]] = {}
        for index in by_id.get("OBX", ()):
            above = parents[index]
            if names.get(above) == "OBR":
                results.setdefault(above, []).append(index)
            elif names.get(above) == "SPM" and names.get(parents[above]) == "OBR":
                of_specimens.setdefault(parents[above], []).append(index)
        self.results = tuple(
            (order, tuple(found)) for order, found in (of_specimens | results).items()
        )
        self.numbered = tuple(
            (name, indexes)
            for name, indexes in self.by_id.items()
            if len(indexes) > 1 and name in SET_ID_SEGMENTS
        )

    def once(self, find: Callable[[Structure], T]) -> T:
        """What `find`, a pure function, says of this structure; it is asked once."""
        found: T | None = self._found.get(find)
        if found is None:
            found = self._found[find] = find(self)
        return found


class Form:
    """The structure of a whole message, and how many patients it is about."""

    def __init__(self, message: Message) -> None:
        ids = list(enumerate(message.ids))
        self.whole = Structure(ids, groups.parents(message))
        ranges = groups.patients(message)
        #: The patients' segments where there are several; else empty.
        self.patients = () if len(ranges) < 2 else ranges

    def of_patient(self, message: Message, number: int) -> Structure:
        """The structure of what stands before all patients, and one patient."""
        mine = (*range(self.patients[0].start), *self.patients[number])
        ids = [(index, message.ids[index]) for index in mine]
        return Structure(ids, self.whole.parents)


class Forms:
    """The forms of messages that were met; a bounded memory."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, tuple[str, ...]], Form] = {}

    def of(self, message: Message) -> Form:
        """The form of a message."""
        ids = message.ids
        key = (message.msh.field(9) + message.delimiters.component, ids)
        found = self._known.get(key)
        if found is None:
            found = Form(message)
            if "" not in ids and len(ids) <= _LONGEST_KEPT:
                if len(self._known) >= _FORMS_KEPT:
                    self._known.clear()
                self._known[key] = found
        return found
