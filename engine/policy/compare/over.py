"""One message under two policies: which paths each channel newly receives, and which no longer.

Law: copies are compared over the message as it was received, value by value: what a new copy shows
and the old one did not is newly disclosed, wherever it stands. What the engine adds was never
received and is not compared. No value is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.hl7.segments import SET_ID_SEGMENTS
from engine.hl7.wire import Message, Segment
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.model import State
from engine.policy.outcome import Outcome
from engine.privacy.facts import Facts

#: MSH-10 of a second patient's copy is made anew; 15 and 16 are the channel's own (§10.20, §10.27).
_OWN_MSH = frozenset({1, 2, 10, 15, 16})


@dataclass(frozen=True, slots=True)
class MessageChange:
    """What changes for one channel: paths such as `PID-19` or `DG1[2]-3.1`."""

    channel: str
    newly: tuple[str, ...]
    withheld: tuple[str, ...]
    was: str  # the verdict and its code, before and now
    now: str


def over(
    message: Message, old: CompiledPolicy, new: CompiledPolicy, facts: Facts
) -> tuple[MessageChange, ...]:
    """What changes for each channel of either policy; those that are alike are left out."""
    before, after = decide(message, old, facts), decide(message, new, facts)
    found = []
    for name in sorted({*before, *after}):
        was, now = _sent(message, old, name, before), _sent(message, new, name, after)
        newly = tuple(path for path, value in now.items() if _shows_more(value, was.get(path)))
        gone = tuple(path for path, value in was.items() if _shows_more(value, now.get(path)))
        if newly or gone:
            found.append(
                MessageChange(name, newly, gone, _verdict(before, name), _verdict(after, name))
            )
    return tuple(found)


def _verdict(outcomes: Mapping[str, Outcome], channel: str) -> str:
    outcome = outcomes.get(channel)
    if outcome is None:
        return "no such channel"
    return f"{outcome.verdict.value}: {outcome.reasons[0].code.value}"


@dataclass(frozen=True, slots=True)
class _Value:
    """What a copy has at a path, and whether it is what was received."""

    sent: bytes
    is_received: bool


def _shows_more(value: _Value, other: _Value | None) -> bool:
    """Whether a value shows what another one did not: a mask of what was plain shows less."""
    return other is None or (value.sent != other.sent and not other.is_received)


def _sent(
    message: Message, policy: CompiledPolicy, channel: str, outcomes: Mapping[str, Outcome]
) -> dict[str, _Value]:
    """Every value that leaves for a channel, by its path in the received message."""
    contract = policy.policy.channels.get(channel)
    if contract is None or contract.state is not State.LIVE:
        return {}
    found: dict[str, _Value] = {}
    for payload in outcomes[channel].payloads:
        sent = Message.parse(payload.data).segments
        theirs = [segment for segment in sent if segment.index not in payload.added]
        for segment, index in zip(theirs, payload.kept, strict=True):
            received = message.segment(index)
            own = _OWN_MSH | set(contract.rewrite) if segment.id == "MSH" else frozenset()
            found.update(_values(message, received, segment, own))
    return found


def _values(
    message: Message, received: Segment, segment: Segment, own: frozenset[int] | set[int]
) -> Iterator[tuple[str, _Value]]:
    name = _name(message, received)
    if not segment.id:
        yield name, _Value(segment.raw, is_received=segment.raw == received.raw)
        return
    marks, split = message.delimiters, message.split
    for number, field in enumerate(segment.fields):
        if not number or not field or number in own:
            continue
        if number == 1 and segment.id in SET_ID_SEGMENTS:
            yield f"{name}-1", _Value(b"", is_received=True)  # positions only, numbered anew
            continue
        repetitions = split(field, marks.repetition)
        originals = split(received.field(number), marks.repetition)
        for place, repetition in enumerate(repetitions):
            which = f"[{place + 1}]" if len(originals) > 1 else ""
            original = originals[place] if place < len(originals) else b""
            parts, wholes = split(repetition, marks.component), split(original, marks.component)
            for part, value in enumerate(parts):
                if value:
                    component = f".{part + 1}" if len(wholes) > 1 else ""
                    whole = wholes[part] if part < len(wholes) else b""
                    path = f"{name}-{number}{which}{component}"
                    yield path, _Value(value, is_received=value == whole)


def _name(message: Message, segment: Segment) -> str:
    same = message.all(segment.id)
    if len(same) < 2:
        return segment.id or f"line {segment.index + 1}"
    number = next(n for n, one in enumerate(same, start=1) if one.index == segment.index)
    return f"{segment.id}[{number}]" if segment.id else f"line {segment.index + 1}"
