"""explain answers for each field why it is sent, or why not."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.telling.explain import explain
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, OPEN, channel, hl7, policy, rule

PID = "PID|1||A^^^H~B^^^H||DOE^JANE||19800101|F|||1 MAIN^^TOWN"


def why(
    rules: list[str], *segments: str, kind: str = "ADT^A01", ceiling: str = OPEN
) -> list[dict[str, list[str]]]:
    """For each segment after MSH its fields, each with what decided it as `code` or `code:rule`."""
    compiled = policy(rules, [channel("acme", ceiling=ceiling)])
    story = explain(Message.parse(hl7(kind, *segments)), compiled, Facts(NOW))["acme"]
    return [
        {
            field.name: [b.code + (f":{b.rule}" if b.rule else "") for b in field.because]
            for field in segment.why
        }
        for segment in story.segments[1:]
    ]


ANY = "coverage: any"


def test_what_is_granted_names_every_rule_that_grants_it() -> None:
    rules = [rule("a", ANY, "PID: [3, 5]"), rule("b", ANY, "PID: [5, 7]")]
    assert why(rules, PID) == [
        {
            "1": ["not-granted"],
            "3": ["granted:a"],
            "5": ["granted:a", "granted:b"],
            "7": ["granted:b"],
            "8": ["not-granted"],
            "11": ["not-granted"],
        }
    ]


def test_components_are_told_apart_where_a_mask_does() -> None:
    (found,) = why([rule("a", ANY, "PID: [3.1, 5, 11.3-11.5]")], PID)
    assert (found["3.1"], found["3.4"]) == (["granted:a"], ["not-granted"])
    assert (found["11.1"], found["11.3"]) == (["not-granted"], ["granted:a"])
    assert "5" in found


def test_what_is_withheld_names_the_rule_that_withholds() -> None:
    takes = rule("w", ANY, "", "    withhold: [PID-5, PID-8]\n")
    (found,) = why([rule("a", ANY, "PID: [3, 5]"), takes], PID)
    assert found["5"] == ["withheld-by-rule:w"]
    assert found["8"] == ["not-granted"]  # nothing was granted that could be withheld


def test_a_ceiling_is_named_with_the_rule_above_it() -> None:
    within = "within: ceiling\n"
    compiled = policy(
        [rule("a", ANY, "PID: all")], [channel("acme", ceiling="{PID: [3]}")], head=within
    )
    story = explain(Message.parse(hl7("ADT^A01", PID)), compiled, Facts(NOW))["acme"]
    found = {field.name: field.because[0].code for field in story.segments[1].why}
    assert (found["3"], found["5"]) == ("granted", "not-granted")


def test_conditions_that_do_not_hold_are_named() -> None:
    rules = [rule("a", ANY, "PID: [3], DG1: {fields: [3], where: {DG1-6: F}}")]
    _, final, other = why(rules, PID, "DG1|1||I20.0|||F", "DG1|2||R07.9|||A")
    assert final == {"1": ["not-granted"], "3": ["granted:a"], "6": ["not-granted"]}
    assert other["3"] == ["not-granted:a"]


def test_a_segment_that_went_as_a_whole_has_its_own_reason_only() -> None:
    rules = [rule("a", ANY, "PID: [3], OBX: [3, 5]")]
    assert why(rules, PID, "OBX|1|NM|C||5", "NK1|1|X")[2] == {}


def test_totals_that_would_betray_a_line_say_so() -> None:
    rules = [rule("a", ANY, "PID: [3], PV1: [2, 47], FT1: {fields: [4], where: {FT1-6: CG}}")]
    visit = "PV1|1|I" + "|" * 45 + "99.00"
    found = why(rules, PID, visit, "FT1|1|||20260101||CG", "FT1|2|||20260101||PY", kind="DFT^P03")
    assert found[1]["47"] == ["parent-cut"]


def test_of_a_segment_the_fields_that_are_sent_are_told_and_no_others() -> None:
    compiled = policy([rule("a", ANY, "PID: [3, 5], DG1: all")])
    told = explain(Message.parse(hl7("ADT^A01", PID, "DG1|1||I10")), compiled, Facts(NOW))["acme"]
    assert [(one.verdict, one.fields) for one in told.segments[1:]] == [
        ("cut", (3, 5)),
        ("kept", None),
    ]


@pytest.mark.parametrize(
    ("security", "grants", "verdict", "because"),
    [
        (b"", "PID: [3]", "kept", [("granted", "")]),
        (b"SEC", "PID: [3]", "cut", [("granted", ""), ("not-granted", "")]),
        (b"SEC", "PID: [3], MSH: [8]", "kept", [("granted", "a")]),
    ],
)
def test_the_header_is_cut_where_something_of_it_is_not_sent(
    security: bytes, grants: str, verdict: str, because: list[tuple[str, str]]
) -> None:
    """Fields 1 to 12 but for 8 are always sent; what the channel rewrites is sent (§10.20)."""
    compiled = policy([rule("a", ANY, grants)], [channel("acme", more="rewrite: {MSH-5: ACME}")])
    raw = hl7("ADT^A01", PID).replace(b"20260101120000||", b"20260101120000|%b|" % security)
    header = explain(Message.parse(raw), compiled, Facts(NOW))["acme"].segments[0]
    assert (header.verdict, [(one.code, one.rule) for one in header.because]) == (verdict, because)
    eight = {8} & set(() if header.fields is None else header.fields)
    assert eight == ({8} if "MSH" in grants else set())
    assert {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12} <= set(header.fields or ())


def test_each_rule_that_grants_a_whole_segment_is_named() -> None:
    rules = [rule("a", ANY, "PID: [3], PV1: all"), rule("b", ANY, "PV1: all")]
    compiled = policy(rules)
    story = explain(Message.parse(hl7("ADT^A01", PID, "PV1|1|I")), compiled, Facts(NOW))["acme"]
    assert [because.rule for because in story.segments[2].because] == ["a", "b"]
