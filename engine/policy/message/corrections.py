"""Corrections of results and credits of charges, which go only where the original went.

Law: what takes back or replaces something earlier is sent to a payer if the visit was disclosed to
it before, and otherwise never (rules.md §4, §10.9). It is judged segment by segment, as a message
may carry new results beside corrected ones. Where the visit was disclosed, rules that fail on
coverage alone still apply to the correction and to what it stands in, and to nothing else: an
insurer that has been replaced must not be left with a wrong result, and learns nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.hl7.path import Path
from engine.hl7.wire import Segment

if TYPE_CHECKING:
    from engine.policy.message.view import View

#: Segment id → where it says that it takes back or replaces, and how (tables 0085, 0123, 0017;
#: `CR` is no code of the standard's, and widespread).
CORRECTING: dict[str, tuple[Path, frozenset[str]]] = {
    "OBX": (Path("OBX", 11, 1), frozenset({"C", "D", "W"})),
    "OBR": (Path("OBR", 25, 1), frozenset({"C"})),
    "FT1": (Path("FT1", 6, 1), frozenset({"CD", "CR"})),
}

#: What nearly all segments say there, and what is no correction whichever of them says it.
_PLAIN = frozenset({b"", b"F", b"P", b"R", b"S", b"I", b"A", b"X", b"CG"})

_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Corrections:
    """By index: what corrects, with all that belongs to it; and that with what it stands in.

    `around` are those, the segments above them, the visit, and what is the message's own.
    """

    marked: frozenset[int] = _NONE
    around: frozenset[int] = _NONE


NO_CORRECTIONS = Corrections()


def corrections_in(view: View) -> Corrections:
    """What of the view corrects something earlier; ask `View.corrections`, which keeps it."""
    correcting: set[int] = set()
    for segment_id, (path, codes) in CORRECTING.items():
        for segment in _marked(view, segment_id, path.field):
            if not codes.isdisjoint(view.texts(segment, path)):
                correcting.add(segment.index)
    if not correcting:
        return NO_CORRECTIONS
    parents = view.parents
    marked, around = set(correcting), set(correcting)
    for index in correcting:
        around |= set(_above(index, parents))
    for segment in view.segments:
        index = segment.index
        if not correcting.isdisjoint(_above(index, parents)):
            marked.add(index)
        elif parents[index] < 0 or segment.id == "PV1":
            around.add(index)
    return Corrections(frozenset(marked), frozenset(marked | around))


def _marked(view: View, segment_id: str, number: int) -> list[Segment]:
    """The segments of an id that do not say the usual in field `number`.

    Every result of every message is looked at: nothing here may cost more than it must.
    """
    if not view.has(segment_id):
        return []
    if view.held(segment_id, number) <= _PLAIN:
        return []
    return [one for one in view.all(segment_id) if one.field(number) not in _PLAIN]


def is_correction(view: View, at: int) -> bool:
    """Whether the segment at `at` corrects something, itself or with what it belongs to."""
    return at in view.corrections.marked


def is_around_correction(view: View, at: int) -> bool:
    """Whether the segment at `at` goes with a correction."""
    return at in view.corrections.around


def _above(index: int, parents: tuple[int, ...]) -> Iterator[int]:
    above = parents[index]
    while above >= 0:
        yield above
        above = parents[above]
