"""Merges, moves and links of records, as a message reports them (standards.md B-12).

Law: what is said of two records is read pair by pair, PID with the MRG that follow it; an event
that is not known to mean less is taken for a merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.hl7.groups import meant
from engine.hl7.wire import Message, Segment
from engine.privacy.facts import Item, ItemKind
from engine.privacy.links import Tie
from engine.privacy.patients import Patient, component, patients_in

#: What each event says of the two records; None: nothing, they may be two persons'.
_TIES: dict[str, Tie | None] = {
    **dict.fromkeys(("A18", "A30", "A34", "A36", "A39", "A40", "A43"), Tie.MERGED),
    **dict.fromkeys(("A46", "A47"), Tie.RENAMED),
    **dict.fromkeys(("A35", "A41", "A42", "A44", "A45", "A48", "A49", "A50", "A51"), None),
}

_LINK, _UNLINK = "A24", "A37"

#: Who names more identifiers than this, in one message or merge by merge, means no one person.
MOST_IDENTIFIERS = 64


@dataclass(frozen=True, slots=True)
class Move:
    """What a message says of two records.

    `renumbered`: visits and accounts that have another number, or another owner, from now on.
    """

    tie: Tie | None
    survivors: tuple[Patient, ...]
    priors: tuple[Patient, ...]
    parts: bool = False
    renumbered: tuple[tuple[Item, Item], ...] = ()

    @property
    def is_of_one_person(self) -> bool:
        """Whether what is renumbered stays with its owner."""
        return self.tie is not None or not self.priors


def moves_in(message: Message) -> tuple[Move, ...]:
    """Every move that a message reports, in its order."""
    ids: Sequence[str] = message.ids
    if "" in ids:  # a line that hides its name says what it says all the same
        ids = [line.id or meant(line) for line in message.segments]
    is_merged = "MRG" in ids
    if not is_merged and ids.count("PID") < 2:
        return ()
    event = _event(message)
    if event in (_LINK, _UNLINK):
        return _linked(message, ids, parts=event == _UNLINK)
    if not is_merged:
        return ()
    tie = _TIES.get(event, Tie.MERGED)
    return tuple(
        _move(message, tie, pid, merged, visit) for pid, merged, visit in _pairs(message, ids)
    )


def _event(message: Message) -> str:
    """MSH-9.2; as versions before 2.3 allowed, EVN-1 where there is none, else MSH-9.3.

    However it is written: `a24 ` joins as A24 does.
    """
    kind, events = message.msh.field(9), message.all("EVN")
    named = component(message, kind, 2) or (
        component(message, events[0].field(1), 1) if events else ""
    )
    return (named or component(message, kind, 3)[-3:]).strip().upper()


def _linked(message: Message, ids: Sequence[str], *, parts: bool) -> tuple[Move, ...]:
    """A24 and A37 have two PID and no MRG."""
    sides = [
        patients_in(message, segment.field(3))
        for name, segment in zip(ids, message.segments, strict=True)
        if name == "PID"
    ]
    if len(sides) < 2:
        return ()
    survivors = sides[0]
    moves = []
    for side in sides[1:]:
        priors = tuple(one for one in side if one not in survivors)
        if survivors and priors:
            moves.append(Move(None if parts else Tie.LINKED, survivors, priors, parts))
    return tuple(moves)


def _pairs(
    message: Message, ids: Sequence[str]
) -> Iterator[tuple[Segment, Segment, Segment | None]]:
    """Each MRG with the PID before it, and with its PV1: behind it, else right behind the PID.

    One that stands before every PID is of the first.
    """
    named = tuple(zip(ids, message.segments, strict=True))
    pid: Segment | None = next((segment for name, segment in named if name == "PID"), None)
    first: Segment | None = None
    found: list[tuple[Segment, Segment, Segment | None]] = []
    for name, segment in named:
        if name == "PID":
            pid, first = segment, None
        elif name == "MRG" and pid is not None:
            found.append((pid, segment, first))
        elif name == "PV1" and found and found[-1][0] is pid:
            found[-1] = (*found[-1][:2], segment)
        elif name == "PV1":
            first = segment
    yield from found


def _move(
    message: Message, tie: Tie | None, pid: Segment, merged: Segment, visit: Segment | None
) -> Move:
    survivors = patients_in(message, pid.field(3))
    priors = tuple(one for one in patients_in(message, merged.field(1)) if one not in survivors)
    numbers = (
        (ItemKind.ACCOUNT, merged.field(3), pid.field(18)),
        (ItemKind.VISIT, merged.field(5), b"" if visit is None else visit.field(19)),
    )
    renumbered = []
    for kind, old_value, new_value in numbers:
        old = component(message, old_value, 1)
        new = component(message, new_value, 1) or old
        if old and (old != new or priors):
            renumbered.append((Item(kind, old), Item(kind, new)))
    if tie is None and priors and not any(component(message, one, 1) for _, one, _ in numbers):
        # What moves is named once, and keeps its number.
        found = ((kind, component(message, value, 1)) for kind, _, value in reversed(numbers))
        same = next((Item(kind, number) for kind, number in found if number), None)
        renumbered = [(same, same)] if same else []
    is_said = bool(tie and survivors and priors)
    return Move(tie if is_said else None, survivors, priors, renumbered=tuple(renumbered))
