"""What of one message leaves for anybody, and why the rest does not.

Law: nothing is decided here. What leaves is read off the pieces that `decide` makes the copies of,
for live channels alone: a masked value counts as sent, one that is put in another's place does not.
Why not is told as `explain` tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.hl7.wire import Message, Segment
from engine.policy.compile import CompiledPolicy
from engine.policy.cutting.cut import Cut
from engine.policy.decide import cases_of, decide, decide_one
from engine.policy.outcome import Code
from engine.policy.telling.explain import segment_story
from engine.policy.telling.fieldwise import Because, field_stories
from engine.policy.unlisted.content import Content, content_in
from engine.privacy.facts import Facts

_HEADER = "MSH"


@dataclass(slots=True)
class Leaving:
    """What is sent to anybody; and of what was asked why some channel is not sent it."""

    sent: set[Content] = field(default_factory=set)
    because: dict[Content, set[Because]] = field(default_factory=dict)


def leaving(
    message: Message,
    policy: CompiledPolicy,
    facts: Facts,
    asked: Mapping[Content, Collection[str]],
    *,
    codes: bool,
) -> Leaving:
    """`asked`: what to say why of, each with the channels that could be sent it."""
    outcomes = decide(message, policy, facts)
    cases = cases_of(message, policy, facts)
    found = Leaving(because={content: set() for content in asked})
    concerned = {name for channels in asked.values() for name in channels}
    for channel in policy.for_type(cases[0].view.type).channels:
        if channel.id not in concerned:
            continue
        mine = [content for content, channels in asked.items() if channel.id in channels]
        outcome = outcomes[channel.id]
        if not outcome.payloads:
            reason = outcome.reasons[0]
            for content in mine:
                found.because[content].add(Because(reason.code.value, reason.rule or ""))
            continue
        for case in cases:
            decision = decide_one(case, channel, policy)
            if decision.discloses and decision.cut is not None:
                sent = set(_sent(decision.cut, codes=codes))
                found.sent |= sent
                for content, because in _because(decision.cut, set(mine) - sent):
                    found.because[content].add(because)
    return found


def _sent(cut: Cut, *, codes: bool) -> Iterator[Content]:
    """What a copy has of what was received."""
    message = cut.view.message
    yield Content(_HEADER)
    yield from content_in(message, message.msh, cut.plan.msh_fields(cut.view), codes=False)
    for index in cut.kept():
        segment = message.segment(index)
        yield Content(segment.id)
        left = message.split(cut.pieces[index] or b"", segment.separator)
        for number in cut.concealed.get(index, ()):
            if number < len(left):
                left[number] = b""
        yield from content_in(message, segment, left, codes=codes)


def _because(cut: Cut, unsent: Collection[Content]) -> Iterator[tuple[Content, Because]]:
    """Why a copy has nothing of them: each segment is looked at once."""
    message = cut.view.message
    of_fields: dict[str, bool] = {}  # whether codes are asked for as well
    for content in unsent:
        if content.field:
            of_fields[content.segment] = bool(content.code) or of_fields.get(content.segment, False)
        if content.segment == _HEADER:
            yield content, Because(Code.NOT_GRANTED.value)
    for segment_id in {content.segment for content in unsent} - {_HEADER}:
        codes = of_fields.get(segment_id)
        for segment in cut.view.all(segment_id):
            story = _Story(cut, segment)
            found = {Content(segment_id)}
            if codes is not None:
                found |= content_in(message, segment, segment.fields, codes=codes)
            for content in found:
                if content in unsent:
                    for because in story.why(content.field):
                        yield content, because


class _Story:
    """Why not, of one segment of a copy and of its fields; made when it is asked for."""

    def __init__(self, cut: Cut, segment: Segment) -> None:
        self._whole: list[Because] | None = None
        self._fields: dict[str, list[Because]] | None = None
        self._cut, self._segment = cut, segment

    def why(self, field: int) -> list[Because]:
        """Why nothing of a field is sent; 0: of the segment."""
        if field:
            said = self._told().get(str(field))
            if said is not None:
                return said
        if self._whole is None:
            self._whole = _against(segment_story(self._cut, self._segment).because)
        return self._whole

    def _told(self) -> dict[str, list[Because]]:
        """By field; none where the segment went as a whole."""
        if self._fields is None:
            found: dict[str, list[Because]] = {}
            if self._cut.pieces[self._segment.index] is not None:
                for story in field_stories(self._cut, self._segment):
                    found.setdefault(story.name.partition(".")[0], []).extend(story.because)
            self._fields = {name: _against(because) for name, because in found.items()}
        return self._fields


def _against(because: Iterable[Because]) -> list[Because]:
    """Those that say why not; of what all is granted and nothing sent, that it was not chosen."""
    against = {one for one in because if one.code != Code.GRANTED.value}
    return sorted(against) or [Because(Code.NOT_GRANTED.value)]
