"""What goes in some messages and not in others is told once, with where."""

from __future__ import annotations

from engine.hl7.wire import Message
from engine.policy.telling.mixed import Mixed, taken_apart
from engine.policy.telling.patient import Known, Lack, Share, shares
from engine.privacy.facts import Facts
from tests.support.cutting import NOW
from tests.support.law_messages import adt, compiled

HIV = adt("DG1|1||B20^x^I10", "NTE|1||seen")
PLAIN = adt("DG1|1||I10^x^I10")


def share_of(*raws: bytes, grants: str = "PID: [3], DG1: all") -> Share:
    site = compiled(grants, config="protections: [us-fl]\n")
    return shares([Known(Message.parse(raw), Facts(NOW)) for raw in raws], site)["acme"]


def test_what_goes_in_one_message_and_not_in_another_is_in_neither_list() -> None:
    apart = taken_apart(share_of(HIV, PLAIN, PLAIN))
    assert "DG1" not in apart.always
    assert apart.always["PID"] == {"3"}
    assert all(lack.segment != "DG1" for lack in apart.never)
    (mixed,) = apart.mixed
    assert mixed == Mixed(
        "DG1", frozenset({"all"}), {"ADT^A01": 2}, {"labelled-hiv": {"ADT^A01": 1}}
    )


def test_two_segments_of_one_message_may_differ() -> None:
    both = adt("DG1|1||B20^x^I10", "DG1|2||I10^x^I10")
    (mixed,) = taken_apart(share_of(both)).mixed
    assert (mixed.sent, mixed.lacking) == ({"ADT^A01": 1}, {"labelled-hiv": {"ADT^A01": 1}})


def test_fields_that_go_beside_fields_that_never_do_are_not_mixed() -> None:
    apart = taken_apart(share_of(PLAIN, grants="PID: [3], DG1: [3]"))
    assert apart.mixed == ()
    assert apart.always["PID"] == {"3"}
    assert "8" in apart.never[Lack("PID", "not-granted")]


def test_nothing_is_in_both_lists() -> None:
    apart = taken_apart(share_of(HIV, PLAIN, grants="PID: [3], DG1: [3]"))
    for lack, names in apart.never.items():
        assert not names & apart.always.get(lack.segment, set())
    told = {name for one in apart.mixed if one.segment == "DG1" for name in one.fields}
    assert told == {"3"}
