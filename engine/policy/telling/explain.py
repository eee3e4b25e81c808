"""Why each channel receives what it receives: the decision told, segment by segment.

Law: nothing is decided here. The verdict is `decide`'s, the pieces are the cut's, and the causes
are those of the plan that made it; no value of the message is told (rules.md §9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engine.hl7.wire import Message, Segment
from engine.policy.case import Case
from engine.policy.compile import CompiledPolicy
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.header import payload
from engine.policy.cutting.segment_plan import SegmentPlan
from engine.policy.decide import Decision, cases_of, decide, decide_one
from engine.policy.outcome import Code, Outcome
from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.segment.masks import NONE
from engine.policy.telling.fieldwise import Because, FieldStory, field_stories
from engine.privacy.facts import Facts


@dataclass(frozen=True, slots=True)
class SegmentStory:
    """One received segment, counted from 1, and what became of it.

    `verdict`: kept, cut or withheld. `fields` are those that are sent: numbers, `"3.1"` where only
    components are; None for all of them.
    """

    index: int
    id: str
    verdict: str
    fields: tuple[int | str, ...] | None
    because: tuple[Because, ...]
    why: tuple[FieldStory, ...] = ()  # of each field that was received


@dataclass(frozen=True, slots=True)
class Story:
    """One channel's outcome, and every segment's part in it."""

    outcome: Outcome
    segments: tuple[SegmentStory, ...]


def explain(message: Message, policy: CompiledPolicy, facts: Facts) -> dict[str, Story]:
    """The story of every channel."""
    outcomes = decide(message, policy, facts)
    cases = cases_of(message, policy, facts)
    rules = {one.id: one for one in policy.for_type(cases[0].view.type).channels}
    agrees = policy.agrees(cases[0].view)
    stories = {}
    for channel, outcome in outcomes.items():
        told: dict[int, SegmentStory] = {}
        for case in cases:
            decision = decide_one(case, rules[channel], policy) if agrees else None
            told |= _of_case(case, rules[channel], decision, outcome)
        stories[channel] = Story(outcome, tuple(told[index] for index in sorted(told)))
    return stories


@dataclass(frozen=True, slots=True)
class CopyStory:
    """One copy that is sent, and what became of each segment of its patient's part.

    Its fields are not told: nobody asks for them of a copy, and they are most of the work.
    """

    data: bytes
    segments: tuple[SegmentStory, ...]


def tell_copies(
    message: Message, policy: CompiledPolicy, facts: Facts, channels: Iterable[str]
) -> dict[str, tuple[CopyStory, ...]]:
    """For each of `channels`, its copies in order, told; none where nothing is disclosed now."""
    cases = cases_of(message, policy, facts)
    rules = {one.id: one for one in policy.for_type(cases[0].view.type).channels}
    told: dict[str, tuple[CopyStory, ...]] = {}
    for channel in channels:
        copies: list[CopyStory] = []
        for case in cases if channel in rules else ():
            decision = decide_one(case, rules[channel], policy)
            if decision.discloses and decision.cut is not None:
                data = payload(decision.cut, rules[channel].rewrites, len(copies)).data
                segments = tuple(_of_cut(decision.cut, case, rules[channel]))
                copies.append(CopyStory(data, segments))
        told[channel] = tuple(copies)
    return told


def _of_cut(cut: Cut, case: Case, channel: ChannelRules) -> Iterator[SegmentStory]:
    for segment in case.view.segments:
        if segment.id == "MSH":
            yield _of_header(cut, channel, segment)
        else:
            yield segment_story(cut, segment)


def _of_case(
    case: Case, channel: ChannelRules, decision: Decision | None, outcome: Outcome
) -> dict[int, SegmentStory]:
    cut = None if decision is None else decision.cut
    if decision is None or cut is None or not outcome.payloads:
        reasons = outcome.reasons if decision is None else decision.reasons
        because = tuple(Because(reason.code.value, reason.rule or "") for reason in reasons)
        return {
            segment.index: SegmentStory(segment.index + 1, segment.id, "withheld", (), because)
            for segment in case.view.segments
        }
    message = case.view.message
    return {
        story.index - 1: replace(story, why=_fields(cut, message.segments[story.index - 1]))
        for story in _of_cut(cut, case, channel)
    }


def _fields(cut: Cut, segment: Segment) -> tuple[FieldStory, ...]:
    """Why each field of a segment is sent or not; of the header its own reason says all."""
    return () if segment.id == "MSH" else field_stories(cut, segment)


def _of_header(cut: Cut, channel: ChannelRules, header: Segment) -> SegmentStory:
    """MSH is always sent; what of it, the contract and the rules say together (§10.20)."""
    left = cut.plan.msh_fields(cut.view)
    sent = tuple(
        number
        for number in range(1, max(len(left), 1 + max(channel.channel.rewrite, default=0)))
        if number in channel.channel.rewrite or (number < len(left) and left[number])
    )
    because = {Because(Code.GRANTED.value, rule) for rule in _granting(cut.plan.msh, cut, header)}
    because = because or {Because(Code.GRANTED.value)}
    all_sent = all(not value or n in sent for n, value in enumerate(header.fields) if n)
    if not all_sent:
        because.add(Because(Code.NOT_GRANTED.value))
    verdict = "kept" if all_sent else "cut"
    return SegmentStory(1, "MSH", verdict, sent, tuple(sorted(because)))


def segment_story(cut: Cut, segment: Segment) -> SegmentStory:
    """What became of one received segment, MSH apart, and why."""
    piece = cut.pieces[segment.index]
    rules = cut.plan.segments.get(segment.id)
    number = segment.index + 1
    if piece is None:
        return SegmentStory(number, segment.id, "withheld", (), _why_gone(cut, segment, rules))
    bar = cut.bars.get(segment.index)
    if bar is not None and bar.plan is not None:
        rules = bar.plan.segments.get(segment.id)  # of the rules that may grant it all the same
    because = {Because(Code.GRANTED.value, rule) for rule in _granting(rules, cut, segment)}
    concealed = segment.index in cut.concealed
    if piece == segment.raw and not concealed:
        return SegmentStory(number, segment.id, "kept", None, tuple(sorted(because)))
    message = cut.view.message
    left = message.split(piece, segment.separator)
    sent = tuple(
        named
        for n, value in enumerate(left)
        if n and value
        for named in _named(message, n, value, segment.field(n))
    )
    whole = all(not value or n in sent for n, value in enumerate(segment.fields) if n)
    if whole and not concealed:
        return SegmentStory(number, segment.id, "kept", None, tuple(sorted(because)))
    if bar is not None:
        because.add(Because(bar.code.value, bar.rule))
    withheld = _withholding(rules, cut, segment)
    if concealed:
        withheld |= {Because(Code.CONFIDENTIAL_COMMUNICATION.value)}
    because |= withheld or {Because(Code.NOT_GRANTED.value)}
    return SegmentStory(number, segment.id, "cut", sent, tuple(sorted(because)))


def _named(message: Message, number: int, left: bytes, received: bytes) -> list[int | str]:
    """How the sent part of a field is named: whole, or by its components."""
    separator = message.delimiters.component
    if left == received or not separator or separator not in received:
        return [number]
    components: set[int] = set()
    for repetition in message.split(left, message.delimiters.repetition):
        parts = message.split(repetition, separator)
        components |= {n for n, part in enumerate(parts, start=1) if part}
    return [f"{number}.{component}" for component in sorted(components)]


def _why_gone(cut: Cut, segment: Segment, rules: SegmentPlan | None) -> tuple[Because, ...]:
    cause, bar = cut.causes.get(segment.index), cut.bars.get(segment.index)
    if bar is not None and cause is bar.code:
        return (Because(bar.code.value, bar.rule),)
    withheld = _withholding(rules, cut, segment)
    if cause is None and withheld:
        return tuple(sorted(withheld))
    if cause is None and rules is not None and _granting(rules, cut, segment):
        cause = Code.ABOVE_CEILING if rules.ceiling.is_empty else Code.NOT_GRANTED
    return (Because((cause or Code.NOT_GRANTED).value),)


def _holding(rules: SegmentPlan, cut: Cut, segment: Segment) -> int:
    return rules.holding(cut.view, segment.index, cut.is_own(rules, segment.index))


def _granting(rules: SegmentPlan | None, cut: Cut, segment: Segment) -> list[str]:
    """The rules whose grants hold for this occurrence."""
    if rules is None:
        return []
    holding = _holding(rules, cut, segment)
    return [part.rule for position, part in enumerate(rules.grants) if holding >> position & 1]


def _withholding(rules: SegmentPlan | None, cut: Cut, segment: Segment) -> set[Because]:
    """The rules that take something of what is granted for this occurrence."""
    if rules is None or not rules.withholdings:
        return set()
    holding = _holding(rules, cut, segment)
    granted, _ = rules.masks(holding)
    first = len(rules.grants)
    return {
        Because(Code.WITHHELD_BY_RULE.value, part.rule)
        for position, part in enumerate(rules.withholdings, start=first)
        if holding >> position & 1 and (granted & part.mask) != NONE
    }
