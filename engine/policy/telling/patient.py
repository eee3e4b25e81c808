"""What each channel gets of one patient's messages, added up, and what another fact would change.

Law: nothing is decided here: it adds up what `explain` tells of each message. A supposition is
decided over the same messages and the same facts, but for what is supposed; no value of a message
is told, only which segments and fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.message.reading import type_of
from engine.policy.outcome import Code, Verdict
from engine.policy.telling.explain import SegmentStory, Story, explain
from engine.policy.telling.wording import message_type
from engine.privacy.facts import Facts

#: In the place of a field: all of the segment that was received.
ALL = "all"

#: The header says nothing about the patient.
_HEADER = "MSH"


@dataclass(frozen=True, slots=True)
class Known:
    """One message, and what is known besides it."""

    message: Message
    facts: Facts


class Lack(NamedTuple):
    """Why something of a segment is not sent."""

    segment: str
    code: str
    rule: str = ""


class Place(NamedTuple):
    """One field of one received segment that is sent."""

    number: int
    segment: str
    field: str


@dataclass(slots=True)
class Share:
    """What a channel gets of all messages.

    `sent` and `lacks` name fields; `disclosing` counts messages of which something goes, `not_sent`
    those of which nothing does, by verdict and the reason that decided. `sent_in` and `lacks_in`
    say of each of the former in how many messages of which types.
    """

    sent: dict[str, set[str]] = field(default_factory=dict)
    lacks: dict[Lack, set[str]] = field(default_factory=dict)
    disclosing: int = 0
    not_sent: Counter[tuple[Verdict, Code, str]] = field(default_factory=Counter)
    sent_in: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    lacks_in: dict[tuple[Lack, str], Counter[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What a channel would get that it does not, and the reverse.

    `messages`: of how many; `opened` and `closed`: of which nothing goes now, or would.
    """

    gains: dict[str, set[str]] = field(default_factory=dict)
    loses: dict[str, set[str]] = field(default_factory=dict)
    messages: int = 0
    opened: int = 0
    closed: int = 0


def shares(messages: Iterable[Known], policy: CompiledPolicy) -> dict[str, Share]:
    """The share of every channel."""
    found = {channel: Share() for channel in policy.policy.channels}
    for known in messages:
        for channel, story in explain(known.message, policy, known.facts).items():
            _add(found[channel], story, message_type(known.message.once(type_of)))
    return found


def changes(
    messages: Iterable[Known], policy: CompiledPolicy, suppose: Callable[[Facts], Facts]
) -> dict[str, Change]:
    """What would change for every channel if `suppose` made the facts."""
    found = {channel: Change() for channel in policy.policy.channels}
    for known in messages:
        before = explain(known.message, policy, known.facts)
        after = explain(known.message, policy, suppose(known.facts))
        for channel, change in found.items():
            _compare(change, before[channel], after[channel])
    return found


def _add(share: Share, story: Story, kind: str) -> None:
    outcome = story.outcome
    if not outcome.payloads:
        reason = outcome.reasons[0]
        share.not_sent[outcome.verdict, reason.code, reason.rule or ""] += 1
        return
    share.disclosing += 1
    for segment, name in {(place.segment, place.field) for place in _places(story)}:
        share.sent.setdefault(segment, set()).add(name)
        share.sent_in.setdefault((segment, name), Counter())[kind] += 1
    for lack, name in {found for segment in story.segments for found in _lacking(segment)}:
        share.lacks.setdefault(lack, set()).add(name)
        share.lacks_in.setdefault((lack, name), Counter())[kind] += 1


def _compare(change: Change, before: Story, after: Story) -> None:
    was, would = _places(before), _places(after)
    gains, loses = _beyond(would, was), _beyond(was, would)
    is_open, would_open = bool(before.outcome.payloads), bool(after.outcome.payloads)
    change.opened += would_open and not is_open
    change.closed += is_open and not would_open
    change.messages += bool(gains or loses or is_open is not would_open)
    for places, found in ((gains, change.gains), (loses, change.loses)):
        for place in places:
            found.setdefault(place.segment, set()).add(place.field)


def _places(story: Story) -> frozenset[Place]:
    if not story.outcome.payloads:
        return frozenset()
    return frozenset(
        Place(segment.index, segment.id, str(name))
        for segment in story.segments
        if segment.id != _HEADER and segment.verdict != "withheld"
        for name in (segment.fields if segment.fields is not None else (ALL,))
    )


def _beyond(places: frozenset[Place], others: frozenset[Place]) -> frozenset[Place]:
    """What of `places` is not in `others`; a whole segment holds each of its fields."""
    whole = {place.number for place in others if place.field == ALL}
    return frozenset(place for place in places - others if place.number not in whole)


def _lacking(segment: SegmentStory) -> Iterator[tuple[Lack, str]]:
    if segment.id == _HEADER or segment.verdict == "kept":
        return
    if segment.verdict == "withheld":
        for because in segment.because:
            yield Lack(segment.id, because.code, because.rule), ALL
        return
    for told in segment.why:
        for because in told.because:
            if because.code != Code.GRANTED.value:
                yield Lack(segment.id, because.code, because.rule), told.name


def plainly(fields: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """As JSON has it: fields in order; of a segment that goes whole, that alone."""
    return {
        segment: [ALL] if ALL in names else sorted(names, key=_in_order)
        for segment, names in sorted(fields.items())
    }


def _in_order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())
