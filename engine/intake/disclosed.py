"""Which channels were sent something of a visit, so that a cancel follows what it cancels.

A correction of a result and the credit of a charge follow in the same way.

Law: a mark says that a copy about the visit was queued for the channel; it is written in one step
with the first such copy and taken back if that copy is never sent (engine.redecision.last_look).
Without a mark a cancel is not sent. What is marked is remembered here for as long as there is room,
only so that it is not written again: a cancel always asks the store.

A cancel leaves a mark of its own: what it cancels and was held then is never sent afterwards, or
the counterpart would be left with an admission whose cancel is long past.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.hl7.wire import Message
from engine.intake.sealed import Sealing, cancel_name, disclosure_name
from engine.policy.compile import CompiledPolicy
from engine.policy.message.reading import type_of
from engine.policy.runnable.events import CANCELS_OF, is_cancel
from engine.privacy.facts import Disclosed
from engine.privacy.visit import visit_of, visits_of
from engine.store.port import Accept, Learned

#: How many marks are remembered at most.
REMEMBERED = 20_000

#: A channel and a visit as received: PV1-19 and MSH-4, not yet looked into.
Mark = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Followed:
    """What is asked of the store before what follows is decided: a mark's name for each of `about`.

    That is, for each visit that the message is about, and each channel, whether it was disclosed.
    """

    about: tuple[Disclosed, ...]
    names: tuple[bytes, ...]

    def disclosed(self, answers: Sequence[bytes | None]) -> frozenset[Disclosed]:
        """The facts, from what `Recall(names)` answered."""
        return frozenset(
            one for one, answer in zip(self.about, answers, strict=True) if answer is not None
        )


def followed(message: Message, compiled: CompiledPolicy, sealing: Sealing) -> Followed | None:
    """What must be asked before this message is decided.

    None unless it cancels, corrects or credits something of a visit that it names.
    """
    if not compiled.asks_disclosed(message):
        return None
    visits = visits_of(message)
    if not visits:
        return None
    rules = compiled.for_type(message.once(type_of)).channels
    channels = [channel.id for channel in rules if channel.asks_disclosed]
    asked = [(visit, channel) for visit in visits for channel in channels]
    about = tuple(Disclosed(channel, visit=visit.number) for visit, channel in asked)
    names = tuple(disclosure_name(sealing, visit, channel) for visit, channel in asked)
    return Followed(about, names)


def disclosure_mark(
    message: Message, receipt: str, channel: str, sealing: Sealing
) -> Learned | None:
    """The mark that a copy of `message` for `channel` leaves.

    None if the message names no visit, or is a cancel, which tells of none.
    """
    visit = None if is_cancel(message.once(type_of)) else visit_of(message)
    if visit is None:
        return None
    return Learned(disclosure_name(sealing, visit, channel), receipt.encode("ascii"))


def cancelled_name(message: Message, sealing: Sealing) -> bytes | None:
    """Under which name it stands that this very event was cancelled; None: no cancel is known."""
    kind = message.once(type_of)
    trigger = CANCELS_OF.get(kind.trigger or "") if kind.code == "ADT" else None
    visit = visit_of(message) if trigger else None
    return None if visit is None or trigger is None else cancel_name(sealing, visit, trigger)


class Marks:
    """The marks that this process has written or has handed to the group commit."""

    def __init__(
        self, compiled: CompiledPolicy, sealing: Sealing, remembered: int = REMEMBERED
    ) -> None:
        self._compiled = compiled
        self._sealing = sealing
        self._remembered = remembered
        self._marked: OrderedDict[Mark, None] = OrderedDict()

    def with_marks(self, accept: Accept, message: Message) -> tuple[Accept, tuple[Mark, ...]]:
        """`accept` with the marks that are new, and those: tell `forget` if it is not stored."""
        if is_cancel(message.once(type_of)):
            return self._with_cancel(accept, message), ()
        visits = message.all("PV1")
        number = visits[0].field(19) if accept.copies and visits else b""
        if not number:
            return accept, ()
        facility, marked = message.msh.field(4), self._marked
        fresh: list[Mark] = []
        learned: list[Learned] = []
        for channel in {copy.channel for copy in accept.copies}:
            mark = (channel, number, facility)
            if mark in marked:
                marked.move_to_end(mark)
            elif written := disclosure_mark(message, accept.receipt, channel, self._sealing):
                fresh.append(mark)
                learned.append(written)
        if not fresh:
            return accept, ()
        self._remember(fresh)
        return replace(accept, learned=(*accept.learned, *learned)), tuple(fresh)

    def forget(self, marks: Iterable[Mark]) -> None:
        """These were not stored after all."""
        for mark in marks:
            self._marked.pop(mark, None)

    def taken_back(self, message: Message, channel: str) -> None:
        """The last look takes back what a copy of `message` marked: what comes marks anew."""
        for pv1 in message.all("PV1")[:1]:
            self.forget([(channel, pv1.field(19), message.msh.field(4))])

    def _with_cancel(self, accept: Accept, message: Message) -> Accept:
        visit = visit_of(message)
        if visit is None:
            return accept
        name = cancel_name(self._sealing, visit, message.once(type_of).trigger or "")
        cancelled = Learned(name, accept.receipt.encode("ascii"))
        return replace(accept, learned=(*accept.learned, cancelled))

    def _remember(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            self._marked[mark] = None
        while len(self._marked) > self._remembered:
            self._marked.popitem(last=False)
