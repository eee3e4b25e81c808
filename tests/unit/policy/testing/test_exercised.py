"""Which parts of rules a message counts as a test of."""

from __future__ import annotations

from engine.hl7.wire import Message
from engine.policy.testing.exercised import coverage, exercised
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, policy, rule
from tests.support.law_messages import adt

SITE = policy(
    [
        rule(
            "r",
            "coverage: any",
            "PID: [3], DG1: [3]",
            "    withhold: {PV2: {where: {PV2-2: X}}, NK1: all, DG1: {where: {DG1-3.1: E11.9}}}\n",
        )
    ]
)


def missed(*segments: str, msh: str = "P|2.5.1") -> set[str]:
    """The parts of the rule that this message is no test of."""
    done = exercised(Message.parse(adt(*segments, msh=msh)), SITE, Facts(NOW))
    (found,) = coverage(SITE.policy, done)
    return {part.text for part in found.missed}


ALL = {"grant PID", "grant DG1", "withholding PV2", "withholding NK1", "withholding DG1"}


def test_a_grant_is_exercised_where_its_segment_is_sent_a_withholding_where_it_is_there() -> None:
    assert missed() == ALL - {"grant PID"}
    assert missed("DG1|1||I10") == ALL - {"grant PID", "grant DG1"}
    assert missed("DG1|1||E11.9") == ALL - {"grant PID", "withholding DG1"}
    assert missed("NK1|1") == ALL - {"grant PID", "withholding NK1"}
    assert missed("PV2||X") == ALL - {"grant PID", "withholding PV2"}
    assert missed("PV2||Y") == ALL - {"grant PID"}


def test_a_message_of_another_environment_exercises_nothing() -> None:
    assert missed(msh="T|2.5.1") == ALL


def test_of_several_grants_of_one_segment_each_is_told_by_itself() -> None:
    who = ("F", "M", "F")
    site = policy(
        rule(f"r{n}", f"coverage: any, PID-8: {one}", "PID: [3]") for n, one in enumerate(who)
    )
    done = exercised(Message.parse(adt()), site, Facts(NOW))
    found = coverage(site.policy, done)
    assert [one.name for one in found if one.applied] == ["r0", "r2"]
