"""The page of `payergate explain`: what each counterpart receives of a message, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.cli.explain_words import alike, because_in_words, by_reason, verdict_in_words
from engine.cli.field_names import SEGMENTS, field_name
from engine.cli.letter import Part
from engine.policy.telling.explain import SegmentStory, Story

_NOTHING_ELSE = "It names paths and rules, and no value of a message but its control id."


def explanation(messages: tuple[Part, ...], revision: str) -> Part:
    """The whole page, of the messages' parts."""
    return Part(
        "Who receives what, and why", (f"Policy {revision}. {_NOTHING_ELSE}",), (), messages
    )


def message_part(about: str, stories: Mapping[str, Story], names: Mapping[str, str]) -> Part:
    """One message. `about`: what it is; `names`: of the channels' counterparts."""
    channels = tuple(
        Part(
            f"{names[channel]} ({channel})",
            (_sentence(verdict_in_words(story.outcome)),),
            (),
            tuple(_segments(story)) if story.outcome.payloads else (),
        )
        for channel, story in stories.items()
    )
    return Part(about, (), (), channels)


def _segments(story: Story) -> Iterator[Part]:
    for number, segment in alike(story.segments):
        known = SEGMENTS.get(segment.id)
        name = (segment.id or "?") + (f", {known}" if known else "")
        yield Part(f"{number}. {name}: {segment.verdict}", (), tuple(_told(segment)))


def _told(segment: SegmentStory) -> Iterator[str]:
    reasons = by_reason(segment)
    if not reasons:
        yield _sentence(because_in_words(segment.because))
    for found, fields in reasons.items():
        named = "; ".join(_named(segment.id, field) for field in fields)
        yield _sentence(f"{because_in_words(found)}: {named}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _named(segment_id: str, field: str) -> str:
    number, _, component = field.partition(".")
    name = field_name(segment_id, int(number), int(component or 0))
    return f"{field} {name}" if name else field
