"""Values of a message that label, whatever their coding system: the senders' own markers.

Law: a mark labels the segment in which it stands; those of a segment's fields that are all empty
cost nothing more than to see that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.message.view import View
from engine.policy.model import Mark
from engine.policy.sensitive.labelled import Bits
from engine.policy.vocabulary.codesets import IDENTIFIERS

_EMPTY = {b""}

#: Of each mark: its field, where in it its texts may stand, the texts, and what it labels.
_Marks = list[tuple[int, tuple[Path, ...], frozenset[str], Bits]]


class MarkIndex:
    """Some marks, each with what it labels, made ready to be looked for."""

    def __init__(self, marks: Iterable[tuple[Mark, Bits]]) -> None:
        self._marks: dict[str, _Marks] = {}
        for mark, bits in marks:
            path = mark.path
            found = (path.field, _paths_asked(path), mark.texts, bits)
            self._marks.setdefault(path.segment, []).append(found)
        #: In which fields of a segment marks may stand.
        self._fields = {
            name: sorted({field for field, _, _, _ in found}) for name, found in self._marks.items()
        }

    def marked(self, view: View) -> Iterator[tuple[int, Bits]]:
        """The segments of a view that carry marks, by index, with what these label."""
        for name, marks in self._marks.items():
            if not view.has(name):
                continue
            if all(view.held(name, field) == _EMPTY for field in self._fields[name]):
                continue
            for segment in view.all(name):
                bits = _bits(view, segment, marks)
                if bits:
                    yield segment.index, bits


def _bits(view: View, segment: Segment, marks: _Marks) -> Bits:
    found = 0
    for field, asked, texts, bits in marks:
        if segment.field(field) and any(
            text.strip() in texts for one in asked for text in view.texts(segment, one)
        ):
            found |= bits
    return found


def _paths_asked(path: Path) -> tuple[Path, ...]:
    """A path without component means the whole repetition, or an identifier of it.

    One that names the first component means the identifiers of the other triplets as well.
    """
    if path.component > 1 or path.subcomponent:
        return (path,)
    return (path, *[Path(path.segment, path.field, one) for one in IDENTIFIERS])
