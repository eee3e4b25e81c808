"""What cutters leave of the segments of a view, for all channels that cut alike.

Law: each cut is made once; nobody modifies what others see.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING

from engine.policy.segment.cutter import Cutter

if TYPE_CHECKING:
    from engine.policy.message.view import View


class Cuts:
    """What was cut of one view so far."""

    __slots__ = ("headers", "of_all", "of_some")

    def __init__(self) -> None:
        #: By cutter what is left of each segment of its kind that was asked for, by index.
        self.of_some: dict[Cutter, dict[int, bytes | None]] = {}
        #: By cutter what is left of all segments of its kind, in order.
        self.of_all: dict[Cutter, list[bytes | None]] = {}
        #: By cutter the fields of MSH that are left.
        self.headers: dict[Cutter, list[bytes]] = {}


def left_of(view: View, cutter: Cutter, indexes: Sequence[int]) -> list[bytes | None]:
    """What is left of these occurrences, cut alike."""
    if cutter.whole:
        return [view.message.lines[index] for index in indexes]
    cuts = view.cuts
    if len(indexes) == len(view.structure.by_id[cutter.segment_id]):
        left = cuts.of_all.get(cutter)
        if left is None:
            left = cuts.of_all[cutter] = _cut(view, cutter, indexes)
        return left
    known = cuts.of_some.setdefault(cutter, {})
    missing = [index for index in indexes if index not in known]
    if missing:
        known.update(zip(missing, _cut(view, cutter, missing), strict=True))
    return [known[index] for index in indexes]


def left_of_header(view: View, cutter: Cutter) -> list[bytes]:
    """The fields of MSH that are left; a list of the caller's own."""
    found = view.cuts.headers.get(cutter)
    if found is None:
        message = view.message
        found = view.cuts.headers[cutter] = cutter.fields(message.msh.fields, message)
    return found.copy()


def _cut(view: View, cutter: Cutter, indexes: Sequence[int]) -> list[bytes | None]:
    message = view.message
    if len(indexes) == 1:
        return [cutter.cut(message.segment(indexes[0]), message)]
    if not cutter.reach or message.charset.mask is not None:
        return cutter.cut_each(indexes, message)
    columns = view.columns(cutter.segment_id, cutter.reach)
    if len(columns[0]) > len(indexes):
        wanted = frozenset(indexes)
        chosen = [index in wanted for index in view.structure.by_id[cutter.segment_id]]
        columns = [tuple(compress(column, chosen)) for column in columns]
    return cutter.cut_columns(columns, message.delimiters.field)
