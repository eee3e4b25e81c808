"""What each channel gets of one patient's messages, and what another fact would change."""

from __future__ import annotations

from dataclasses import replace

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.outcome import Code, Verdict
from engine.policy.telling.patient import Change, Known, Lack, changes, plainly, shares
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, facts
from tests.support.law_messages import adt, compiled, consent

GRANTS = "PID: [3, 5.1], PV1: [19], DG1: all, NTE: [3]"
SIGNED = ("consents:", consent(more=", labels: [hiv]"))
HIV = adt("DG1|1||B20^x^I10", "DG1|2||I10^x^I10", "NTE|1||seen")
PLAIN = adt("DG1|1||I10^x^I10")


def known(*raws: bytes, about: Facts | None = None) -> list[Known]:
    return [Known(Message.parse(raw), about or Facts(NOW)) for raw in raws]


def changed(site: CompiledPolicy, before: Facts, after: Facts, *raws: bytes) -> Change:
    """What changes for acme."""
    supposing = changes(
        known(*raws, about=before), site, lambda was: replace(was, consents=after.consents)
    )
    return supposing["acme"]


def test_a_share_names_what_goes_and_why_the_rest_does_not() -> None:
    site = compiled(GRANTS, config="protections: [us-fl]\n")
    share = shares(known(HIV, PLAIN), site)["acme"]
    assert plainly(share.sent) == {
        "DG1": ["all"],
        "NTE": ["3"],
        "PID": ["3", "5.1"],
        "PV1": ["19"],
    }
    assert share.lacks[Lack("DG1", "labelled-hiv")] == {"all"}
    assert "8" in share.lacks[Lack("PID", "not-granted")]
    assert (share.disclosing, share.not_sent) == (2, {})


def test_what_is_not_sent_is_counted_by_verdict_and_reason() -> None:
    site = compiled(GRANTS, consent="required")
    share = shares(known(HIV, PLAIN), site)["acme"]
    assert (share.disclosing, share.sent, share.lacks) == (0, {}, {})
    assert share.not_sent == {(Verdict.WITHHOLD, Code.NO_CONSENT, "r"): 2}


def test_a_consent_that_a_rule_needs_opens_what_its_end_closes() -> None:
    site = compiled(GRANTS, consent="required")
    without, signed = Facts(NOW), facts(site, *SIGNED)
    opened = changed(site, without, signed, HIV, PLAIN)
    assert (opened.messages, opened.opened, opened.closed) == (2, 2, 0)
    assert opened.gains["PID"] == {"3", "5.1"}
    assert opened.loses == {}
    closed = changed(site, signed, without, HIV, PLAIN)
    assert (closed.messages, closed.opened, closed.closed) == (2, 0, 2)
    assert (closed.gains, closed.loses) == ({}, opened.gains)


def test_more_of_what_goes_anyway_opens_nothing() -> None:
    site = compiled(GRANTS, config="protections: [us-fl]\n")
    without, signed = Facts(NOW), facts(site, *SIGNED)
    more = changed(site, without, signed, HIV, PLAIN)
    assert (more.messages, more.opened, more.closed) == (1, 0, 0)
    assert (more.gains, more.loses) == ({"DG1": {"all"}}, {})
    assert changed(site, signed, signed, HIV, PLAIN) == Change()
    assert changed(site, without, without, HIV, PLAIN) == Change()


def test_fields_are_told_in_order_and_a_whole_segment_by_one_word() -> None:
    assert plainly({"PID": {"11", "5.2", "5.10", "3"}, "DG1": {"3", "all"}}) == {
        "DG1": ["all"],
        "PID": ["3", "5.2", "5.10", "11"],
    }
