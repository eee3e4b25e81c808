"""One channel's copy while it is being cut: what is left of each segment, and why the rest went.

Law: a piece is what is left of one received segment, or None; a segment that is gone has a cause
where more than a missing grant took it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.hl7.build import join_segments
from engine.hl7.wire import Segment
from engine.policy.cutting.plan import Plan
from engine.policy.cutting.segment_plan import SegmentPlan
from engine.policy.message.view import View
from engine.policy.outcome import Code
from engine.policy.segment.cutter import Cutter
from engine.privacy.confidential import Address, Phone

_NONE: frozenset[int] = frozenset()


class Own(NamedTuple):
    """What of a message is one payer's: its IN1s and its charges, by index."""

    insurance: frozenset[int] = _NONE
    lines: frozenset[int] = _NONE

    def holds(self, view: View, index: int, segment_id: str) -> bool:
        """Whether this occurrence is the payer's own."""
        if segment_id == "FT1":
            return index in self.lines
        if segment_id != "IN1":
            index = view.parents[index]
        return index in self.insurance


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands against a segment whatever is granted of it.

    `plan` is of the rules that may grant it all the same; None: nothing of it is sent.
    """

    code: Code
    plan: Plan | None = None
    rule: str = ""


_AFTER_DELIMITERS = 3


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the patient is reached is not sent, but what is named here instead of it, if anything.

    `address` is for PID-11, `phone` for PID-13.
    """

    address: Address | None = None
    phone: Phone | None = None


class Body(NamedTuple):
    """All but MSH of a finished copy.

    `kept` are the received segments of which something is left, MSH included, and `added` the
    places of segments of our own among all that the copy has, MSH at 0.
    """

    data: bytes
    kept: tuple[int, ...]
    added: tuple[int, ...]


class Cut:
    """The copy. `pieces[i]` is what is left of the message's segment i; MSH is made apart.

    It begins with the `pieces` that are the same for all who have its plan.
    """

    __slots__ = (
        "_body",
        "bars",
        "causes",
        "concealed",
        "contact",
        "inserted",
        "own",
        "pieces",
        "plan",
        "view",
    )

    def __init__(
        self,
        view: View,
        plan: Plan,
        own: Own,
        bars: Mapping[int, Bar],
        pieces: list[bytes | None],
        *,
        contact: Contact | None = None,
    ) -> None:
        self.view = view
        self.plan = plan
        self.own = own
        self.pieces = pieces
        self.causes: dict[int, Code] = {}
        self.bars = bars
        self.contact = contact
        #: Fields that say how the patient is reached, emptied or replaced, by segment.
        self.concealed: dict[int, frozenset[int]] = {}
        #: Segments of our own, and after which received one they stand.
        self.inserted: dict[int, list[bytes]] = {}
        self._body: Body | None = None

    @property
    def body(self) -> Body:
        """All but MSH of the finished copy.

        Put together on first use and kept, as channels that are cut alike share it.
        """
        if self._body is None:
            pieces = self.pieces
            kept = [index for index, piece in enumerate(pieces) if piece is not None]
            segments, added = self._segments()
            self._body = Body(join_segments(segments), (0, *kept), added)
        return self._body

    def said(self) -> bytes:
        """The fields of MSH behind its delimiters, and the body: where values may stand."""
        return b"\r".join((*self.plan.msh_fields(self.view)[_AFTER_DELIMITERS:], self.body.data))

    def _segments(self) -> tuple[list[bytes], tuple[int, ...]]:
        """What is left, with segments of our own where they belong, and the places of those."""
        if not self.inserted:
            return [piece for piece in self.pieces if piece is not None], ()
        found: list[bytes] = []
        added: list[int] = []
        for index, piece in enumerate(self.pieces):
            if piece is not None:
                found.append(piece)
            for own in self.inserted.get(index, ()):
                found.append(own)
                added.append(len(found))
        return found, tuple(added)

    def cutter_of(self, index: int) -> Cutter | None:
        """What cuts a segment under the plan and what stands against it; None: nothing is left."""
        segment_id = self.view.message.ids[index]
        bar = self.bars.get(index)
        plan = self.plan if bar is None else bar.plan
        rules = None if plan is None else plan.segments.get(segment_id)
        if rules is None:
            return None
        return rules.cutter(self.view, index, self.is_own(rules, index))

    def is_own(self, rules: SegmentPlan, index: int) -> bool:
        """Whether a segment is the payer's own, where its grants ask for that."""
        return rules.needs_own and self.own.holds(self.view, index, rules.id)

    def drop(self, index: int, cause: Code) -> None:
        """Take a segment out."""
        self.pieces[index] = None
        self.causes[index] = cause

    def empty(self, segment: Segment, fields: Iterable[int]) -> bool:
        """Empty fields of a segment; say whether nothing of it remained, so that it went."""
        cutter = self.cutter_of(segment.index)
        less = None if cutter is None else cutter.without(fields)
        left = None if less is None else less.cut(segment, self.view.message)
        if left is None:
            self.drop(segment.index, Code.PARENT_CUT)
            return True
        self.pieces[segment.index] = left
        return False

    def kept(self) -> list[int]:
        """The segments of which something is left, MSH apart."""
        return [index for index, piece in enumerate(self.pieces) if piece is not None]

    def keeps_any(self, segment_id: str) -> bool:
        """Whether any occurrence is left."""
        pieces = self.pieces
        for index in self.view.structure.by_id.get(segment_id, ()):
            if pieces[index] is not None:
                return True
        return False
