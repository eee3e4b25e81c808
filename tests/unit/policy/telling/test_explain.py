"""What is told of a message of which nothing is sent."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.telling.explain import explain
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, policy, rule
from tests.support.law_messages import adt

SITE = policy(
    [
        rule("r", "coverage: any", "PID: [3]"),
        rule("w", "PID-8: M", "", "    withhold: message\n"),
    ]
)


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (adt(msh="T|2.5.1"), ("environment", "")),
        (adt().replace(b"|F|", b"|M|"), ("withheld-by-rule", "w")),
        (adt(event="A40"), ("no-rule", "")),
    ],
)
def test_each_segment_tells_why_nothing_is_sent(raw: bytes, because: tuple[str, str]) -> None:
    story = explain(Message.parse(raw), SITE, Facts(NOW))["acme"]
    assert [segment.id for segment in story.segments] == ["MSH", "EVN", "PID", "PV1"]
    for segment in story.segments:
        assert segment.verdict == "withheld"
        assert [(one.code, one.rule) for one in segment.because] == [because]
