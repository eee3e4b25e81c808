"""What is told of a message of which nothing is sent."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.telling.explain import explain
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, channel, disclosed, policy, rule
from tests.support.law_messages import adt, oru

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


def test_what_goes_with_its_parent_tells_so_though_it_is_granted_itself() -> None:
    grants = "PID: [3], OBR: all, NTE: all, OBX: {fields: all, where: {OBX-11: F}}"
    site = policy([rule("r", "coverage: any", grants)])
    first, second = "OBX|1|ST|A||x||||||P", "OBX|2|ST|B||y||||||F"
    raw = oru("OBR|1|P1|F1|L1", first, "NTE|1||of x", second, "NTE|1||of y")
    story = explain(Message.parse(raw), site, Facts(NOW))["acme"]
    told = [(one.id, one.verdict, {why.code for why in one.because}) for one in story.segments]
    assert told[4:] == [
        ("OBX", "withheld", {"not-granted"}),
        ("NTE", "withheld", {"parent-cut"}),
        ("OBX", "kept", {"granted"}),
        ("NTE", "kept", {"granted"}),
    ]


def told(site: CompiledPolicy, raw: bytes, known: Facts) -> list[tuple[str, str, str, str]]:
    """Of each segment but MSH: its id, its verdict, and the first reason with its rule."""
    story = explain(Message.parse(raw), site, known)["acme"]
    return [
        (one.id, one.verdict, one.because[0].code, one.because[0].rule)
        for one in story.segments[1:]
    ]


def test_what_a_rule_takes_whole_names_it() -> None:
    site = policy(
        [
            rule("r", "coverage: any", "PID: [3], PV1: [2], DG1: [3]"),
            rule("w", "", "", "    withhold: {DG1: {where: {DG1-6: A}}}\n"),
        ]
    )
    assert told(site, adt("DG1|1||I10|||A", "DG1|2||I20|||F"), Facts(NOW))[3:] == [
        ("DG1", "withheld", "withheld-by-rule", "w"),
        ("DG1", "cut", "granted", "r"),
    ]


def test_what_a_cancel_would_tell_above_the_ceiling_says_so() -> None:
    """No rule names it; it follows what was disclosed (rules.md §10.26)."""
    narrow = channel("acme", ceiling="{PID: all, EVN: all}")
    site = policy([rule("r", "message: ADT^A01", "PID: [3]")], [narrow])
    assert told(site, adt(event="A11"), disclosed("V1")) == [
        ("EVN", "kept", "granted", "cancel-follows"),
        ("PID", "cut", "granted", "cancel-follows"),
        ("PV1", "withheld", "above-ceiling", ""),
    ]


def test_a_segment_of_which_only_the_set_id_is_another_is_kept() -> None:
    grants = "DG1: {fields: [1, 3, 6], where: {DG1-6: F}}"
    site = policy([rule("r", "coverage: any", grants)])
    raw = adt("DG1|1||I10|||A", "DG1|2||I20|||F")
    assert told(site, raw, Facts(NOW))[3:] == [
        ("DG1", "withheld", "not-granted", ""),
        ("DG1", "kept", "granted", "r"),
    ]
