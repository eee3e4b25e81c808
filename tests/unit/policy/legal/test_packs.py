"""Labels and packs of statutes on whole decisions (rules.md §5, §6, §10.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.policy.outcome import Verdict
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule, sent
from tests.support.law_messages import (
    ALL,
    ANY,
    GENERAL,
    ORDERS,
    PID,
    PV1,
    adt,
    compiled,
    consent,
    oru,
    part2,
)
from tests.support.random_sites import Site
from tests.support.random_sites import compiled as compiled_site


def test_a_rule_withholds_a_label_with_its_group_and_nothing_lifts_that() -> None:
    site = compiled(more="    withhold: {labels: [hiv]}\n")
    raw = oru(*ORDERS[:4], "OBR|2|P2|F2|7918-6^HIV^LN", "OBX|1|ST|1-8^x^LN||neg", "NTE|1||note")
    known = facts(site, "consents:", consent(more=", labels: [hiv]"))
    for about in (None, known):
        assert sent(site, raw, about)[2:] == list(ORDERS[1:4])


def test_a_sites_set_may_be_withheld_by_name_or_add_to_a_label() -> None:
    own = "{set: clinic, system: L, codes: [HIVCLIN]}"
    adds = "{set: clinic, system: L, codes: [HIVCLIN], label: hiv}"
    raw = adt("DG1|1||HIVCLIN^x^L", "DG1|2||I10^x^I10")
    for sets, label in ((own, "clinic"), (adds, "hiv")):
        site = policy(
            [rule("r", ANY, "PID: [3], DG1: [3]", f"    withhold: {{labels: [{label}]}}\n")],
            sets=[sets],
        )
        assert sent(site, raw)[1:] == ["DG1|||I10^x^I10"]


@pytest.mark.parametrize(
    "segment",
    [
        "DG1|1||F10.20^x^I10",
        "DG1|1||f1020",
        "DG1|1||X^x^L^F10.20^x^I10C",
        "DG1|1||30500^x^I9",
        "DG1|1|I9|305.00",
        "PV2|||F11.20^x^I10",
        "PR1|1||H0010^x^HCPCS",
        "ZDX|1|F10.20^x^I10",
    ],
)
def test_substance_use_from_an_unknown_unit_holds_for_everybody(segment: str) -> None:
    site = policy([rule("r", ANY, ALL)], (channel("acme", kind="provider"),))
    raw = adt(segment)
    assert code(site, raw) == "unit-unknown"
    assert outcome(site, raw).verdict is Verdict.HOLD
    assert code(site, raw, facts(site, GENERAL)) == "granted"


@pytest.mark.parametrize(
    "segment",
    ["DG1|1||F17.210^x^I10", "DG1|1||Z72.0^x^I10", "DG1|1||I10^x^I10", "PR1|1||30520^x^C4"],
)
def test_nicotine_and_other_codes_are_no_substance_use(segment: str) -> None:
    assert code(compiled(), adt(segment)) == "granted"


def test_every_message_of_a_part_2_unit_is_protected() -> None:
    site = compiled()
    assert code(site, part2(), facts(site, GENERAL)) == "labelled-sud"
    assert outcome(site, part2(), facts(site, GENERAL)).verdict is Verdict.WITHHOLD
    by_charge = hl7("DFT^P03", PID, "FT1|1|T1||20260105||CG|99213||||||SUD1", msh="P|2.5")
    assert code(site, by_charge, facts(site, GENERAL)) == "labelled-sud"
    by_facility = hl7("ADT^A08", PID).replace(b"|HOSP|", b"|SUD1|")
    assert code(site, by_facility, facts(site, GENERAL)) == "labelled-sud"


@pytest.mark.parametrize(
    "segment",
    [
        "EVN||20260101|||||SUD1",
        "PV1|1|I|W^^^SUD1",
        "PV1|1|I|W^101^1^SUD1&2.16&ISO",
        "PV1|1|I|W^101^1^EAST&SUD1&ISO",
        "PV1|1|I|W^1^^^^^^^sud1 ",
        "PV1|1|I|W^1|||SUD1^1",
        *(f"PV1|1|I|W^1{'|' * (field - 3)}SUD1" for field in (10, 11, 37, 39, 42)),
        "PV2|SUD1^1",
        "PV2" + "|" * 23 + "X^^^^^^^^^SUD1",
        "FT1|1|T1||20260105||CG|99213||||||W~SUD1",
        "FT1|1|T1||20260105||CG|99213|||||||||SUD1^1",
        *(f"ORC|RE{'|' * (field - 1)}SUD1" for field in (13, 17, 21)),
        "OBX|1|NM|A||1" + "|" * 18 + "SUD1",
    ],
)  # fmt: skip
def test_a_part_2_unit_protects_wherever_it_is_named(segment: str) -> None:
    """Another unit stands before it where the source is looked for (42 CFR 2.12(a), B-9.5)."""
    site = compiled()
    known = facts(site, GENERAL)
    lines = [PID] if segment.startswith("PV1") else [PID, PV1]
    assert code(site, hl7("ADT^A08", *lines, segment), known) == "labelled-sud"
    other = segment.replace("UD1", "UD12").replace("ud1", "ud12")
    assert code(site, hl7("ADT^A08", *lines, other), known) == "granted"
    general = facts(site, "units: {W: general, SUD1: general}")
    assert code(site, hl7("ADT^A08", *lines, segment), general) == "granted"


def test_a_part_2_facility_protects_what_names_another_unit_first() -> None:
    site = compiled()
    raw = hl7("ADT^A08", PID, PV1).replace(b"|HOSP|", b"|SUD1|")
    assert code(site, raw, facts(site, GENERAL)) == "labelled-sud"
    assert code(site, raw.replace(b"SUD1", b"SUD2"), facts(site, GENERAL)) == "granted"


@pytest.mark.parametrize(
    ("kind", "more", "lifts"),
    [
        ("part2-tpo", "", True),
        ("authorization", ", labels: [sud]", True),
        ("authorization", "", False),
        ("authorization", ", labels: [hiv]", False),
        ("part2-tpo", ", revoked: 2026-02-01", False),
    ],
)
def test_what_lifts_part_2(kind: str, more: str, lifts: bool) -> None:
    site = compiled()
    known = facts(site, GENERAL, "consents:", consent(kind, more))
    assert code(site, part2(), known) == ("granted" if lifts else "labelled-sud")


def test_a_purpose_that_the_consent_does_not_cover_grants_nothing_of_it() -> None:
    one = channel("acme").replace("[payment, treatment]", "[operations]")
    site = policy([rule("r", ANY, ALL)], (one,), purpose="operations")
    known = facts(site, GENERAL, "consents:", consent("part2-tpo"))
    assert code(site, part2(), known) == "labelled-sud"


NOTES = "psychotherapy_notes: {TXA-2: [PSN], OBR-4.1: [PSY], OBX-3.1: [PSYOBX]}\n"


def test_psychotherapy_notes_go_to_nobody_without_an_authorization_that_lists_them() -> None:
    site = compiled(config=NOTES)
    document = hl7("MDM^T02", PID, PV1, "TXA|1|PSN", "OBX|1|TX|1-8^x^LN||text")
    assert code(site, document) == "labelled-psychotherapy-notes"
    by_value = document.replace(b"TXA|1|PSN", b"TXA|1|DS").replace(b"1-8^x^LN", b"PSYOBX")
    assert code(site, by_value) == "labelled-psychotherapy-notes"
    result = oru(*ORDERS[1:3], "OBR|2|P2|F2|PSY^x^L", "OBX|1|TX|1-8^x^LN||text")
    assert len(sent(site, result)) == 4
    listed = facts(site, "consents:", consent(more=", labels: [psychotherapy-notes]"))
    assert code(site, document, listed) == "granted"
    assert len(sent(site, result, listed)) == 6
    unlisted = facts(site, "consents:", consent("part2-tpo", ", labels: [psychotherapy-notes]"))
    assert code(site, document, unlisted) == "labelled-psychotherapy-notes"


@pytest.mark.parametrize("config", ["", 'protections_off: {us-federal: "a reason"}\n'])
@pytest.mark.parametrize("diagnosis", ["Z15.01^x^I10", "Z80.3^x^I10"])
def test_genetic_content_never_goes_for_underwriting(config: str, diagnosis: str) -> None:
    one = channel("acme").replace("[payment, treatment]", "[underwriting, payment]")
    raw = adt(f"DG1|1||{diagnosis}", "DG1|2||I10^x^I10")
    every = consent(more=", labels: [genetic]").replace("[payment]", "all")
    rules = [rule("r", ANY, "PID: [3], DG1: [3]")]
    site = policy(rules, (one,), purpose="underwriting", config=config)
    assert sent(site, raw, facts(site, "consents:", every))[1:] == ["DG1|||I10^x^I10"]
    paid = policy(rules, (one,))
    assert len(sent(paid, raw)) == 3


def test_a_pack_is_switched_off_by_name_and_with_a_reason() -> None:
    site = compiled(config='protections_off: {us-federal: "another system withholds them"}\n')
    assert code(site, adt("DG1|1||F10.20^x^I10")) == "granted"
    assert code(site, part2(), facts(site, GENERAL)) == "granted"


def test_an_entry_of_a_pack_is_switched_off_alone() -> None:
    off = 'protections: [us-fl]\nprotections_off: {us-fl/hiv: "counsel, 2026-02-01"}\n'
    site = compiled(config=off)
    assert dict(site.policy.protections.off) == {"us-fl/hiv": "counsel, 2026-02-01"}
    raw = adt("DG1|1||B20^x^I10", "DG1|2||F32.9^x^I10")
    assert [line for line in sent(site, raw) if "DG1" in line] == ["DG1|1||B20^x^I10"]
    sud = compiled(config='protections_off: {us-federal/sud: "no such unit here"}\n')
    assert code(sud, adt("DG1|1||F10.20^x^I10")) == "granted"


STATES = [
    # pack, diagnosis, the label that a consent must list
    ("us-ny", "B20", "hiv"),
    ("us-ny", "Z11.4", "hiv"),
    ("us-tx", "B20", "hiv"),
    ("us-fl", "B20", "hiv"),
    ("us-ca", "B20", "hiv"),
    ("us-ca", "F32.9", "mental-health"),
    ("us-il", "F32.9", "mental-health"),
    ("us-fl", "F32.9", "mental-health"),
    ("us-fl", "F10.20", "sud"),
    ("us-ca", "Z30.0", "reproductive"),
    ("us-ca", "F64.0", "gender"),
]


@pytest.mark.parametrize(("pack", "diagnosis", "label"), STATES)
def test_state_packs_protect_from_payers_until_a_consent_lists_the_label(
    pack: str, diagnosis: str, label: str
) -> None:
    channels = (channel("acme"), channel("beta", kind="provider"))
    site = policy(
        [rule("r", ANY, "PID: [3], DG1: [3]")],
        channels,
        to="[acme, beta]",
        config=f"protections: [{pack}]\n",
    )
    raw = adt(f"DG1|1||{diagnosis}^x^I10", "DG1|2||I10^x^I10", msh="P|2.6")
    assert sent(site, raw, facts(site, GENERAL))[1:] == ["DG1|||I10^x^I10"]
    assert len(sent(site, raw, facts(site, GENERAL), of="beta")) == 3
    # F64 is mental health, too, and gender: the strictest wins, so both must be listed.
    also = ", mental-health" if label == "gender" else ""
    known = facts(site, GENERAL, "consents:", consent(more=f", labels: [{label}{also}]"))
    assert f"DG1|||{diagnosis}^x^I10" in sent(site, raw, known)


@pytest.mark.parametrize("pack", ["us-ny", "us-tx"])
def test_purposes_that_a_pack_allows(pack: str) -> None:
    site = compiled("PID: [3], DG1: [3]", config=f"protections: [{pack}]\n")
    assert len(sent(site, adt("DG1|1||F32.9^x^I10"))) == 2


def test_a_texan_consent_without_an_end_holds_180_days_and_one_in_illinois_not_at_all() -> None:
    endless = consent(more=", labels: [hiv, mental-health]").replace(", expires: 2026-12-31", "")
    for pack, now, count in (
        ("us-tx", "2026-06-29T12:00:00Z", 2),
        ("us-tx", "2026-06-30T12:00:00Z", 1),
        ("us-il", "2026-01-02T12:00:00Z", 1),
    ):
        site = compiled("PID: [3], DG1: [3]", config=f"protections: [{pack}]\n")
        diagnosis = "F32.9" if pack == "us-il" else "B20"
        known = facts(site, "consents:", endless, f"now: {now}")
        assert len(sent(site, adt(f"DG1|1||{diagnosis}^x^I10"), known)) == count


def test_the_strictest_pack_wins() -> None:
    site = compiled("PID: [3], DG1: [3]", config="protections: [us-ny, us-il]\n")
    raw = adt("DG1|1||F32.9^x^I10")
    assert len(sent(site, raw)) == 1  # New York allows payment, Illinois does not


@pytest.mark.parametrize(
    ("born", "signed", "sends"),
    [
        ("20120601", "parent", False),
        ("20120601", "self", True),
        ("20190101", "parent", True),  # too young to consent alone
        ("20140101", "parent", False),  # twelve on the day of service: old enough
        ("20140102", "parent", True),  # on the day after it
        ("20080102", "parent", False),  # eighteen on the day after it
        ("20080101", "parent", True),  # of age on the day of service
        ("19800101", "parent", True),
        ("", "parent", False),  # may be a minor
        ("2008", "parent", False),  # may be 17
        ("2014", "parent", False),  # may be twelve
    ],
)
def test_what_a_minor_consented_to_alone_only_the_minor_may_disclose(
    born: str, signed: str, sends: bool
) -> None:
    site = compiled("PID: [3], DG1: [3]", config="protections: [us-ca]\n")
    raw = adt("DG1|1||F32.9^x^I10").replace(b"19800101", born.encode())
    more = f", labels: [mental-health, minor-consented], signed_by: {{relation: {signed}}}"
    known = facts(site, "consents:", consent(more=more))
    assert (len(sent(site, raw, known)) == 2) is sends


@pytest.mark.parametrize(
    ("born", "served", "sends"),
    [
        ("20080601", "2026", False),  # of age in the middle of the year: may be 17
        ("20080101", "2026", True),
        ("20140601", "2026", False),  # twelve in the middle of the year: may be twelve
        ("20150101", "2026", True),
    ],
)
def test_who_may_be_a_minor_on_some_day_that_may_be_meant_is_one(
    born: str, served: str, sends: bool
) -> None:
    site = compiled("PID: [3], DG1: [3]", config="protections: [us-ca]\n")
    raw = adt("DG1|1||F32.9^x^I10").replace(b"19800101", born.encode())
    raw = raw.replace(b"EVN||20260101", b"EVN||" + served.encode())
    more = ", labels: [mental-health, minor-consented], signed_by: {relation: parent}"
    known = facts(site, "consents:", consent(more=more))
    assert (len(sent(site, raw, known)) == 2) is sends


@pytest.mark.parametrize(("event", "sends"), [("A05", False), ("A14", False), ("A04", True)])
def test_who_is_no_minor_yet_is_one_by_the_day_of_a_planned_stay(event: str, sends: bool) -> None:
    """Eleven on the day of the event, twelve when the patient is expected."""
    site = compiled("PID: [3], DG1: [3]", config="protections: [us-ca]\n")
    raw = adt("PV2||||||||20260301", "DG1|1||F32.9^x^I10", event=event)
    raw = raw.replace(b"19800101", b"20140201")
    more = ", labels: [mental-health, minor-consented], signed_by: {relation: parent}"
    known = facts(site, "consents:", consent(more=more))
    assert (len(sent(site, raw, known)) == 2) is sends
    of_age_by_then = raw.replace(b"20140201", b"20080201")
    assert len(sent(site, of_age_by_then, known)) == 1


def test_of_what_is_labelled_only_the_rules_whose_purpose_is_allowed_grant() -> None:
    """Illinois lets HIV go for payment; what operations have of it besides does not go along."""
    acme = {
        "channel": "acme",
        "name": "acme plan",
        "kind": "payer",
        "purposes": ["payment", "operations"],
        "identified_by": [{"IN1-3.1": "ACME"}],
        "agreement": {"expires": "2030-12-31"},
        "ceiling": {"messages": ["ADT"], "segments": {"PID": "all", "DG1": "all"}},
        "deliver": {"to": "tcp:127.0.0.1:6661"},
    }
    files = [
        {
            "channels": ["acme"],
            "purpose": purpose,
            "basis": "a test",
            "rules": [
                {"name": purpose, "why": "x", "when": {"coverage": "any"}, "disclose": disclose}
            ],
        }
        for purpose, disclose in (
            ("payment", {"PID": ["3"], "DG1": ["3"]}),
            ("operations", {"PID": ["8"], "DG1": ["3", "6"]}),
        )
    ]
    site = compiled_site(Site([acme], files, packs=frozenset({"us-federal", "us-il"})))
    raw = adt("DG1|1||B20^x^I10|||F", "DG1|2||I10^x^I10|||F")
    assert [line for line in sent(site, raw) if line.startswith("DG1")] == [
        "DG1|||B20^x^I10",
        "DG1|||I10^x^I10|||F",
    ]


def test_only_what_a_minor_may_have_consented_to_alone_needs_the_minor_s_consent() -> None:
    """Florida: treatment for substance use; HIV goes under the parent's authorization."""
    site = compiled("PID: [3, 7], DG1: [3]", config="protections: [us-fl]\n")
    signed = consent(more=", labels: [hiv], signed_by: {relation: parent}")
    raw = adt("DG1|1||B20^x^I10", "DG1|2||F10.20^x^I10").replace(b"19800101", b"20150101")
    known = facts(site, "units: {W: general}", "consents:", signed)
    assert [line for line in sent(site, raw, known) if line.startswith("DG1")] == [
        "DG1|||B20^x^I10"
    ]


@pytest.mark.parametrize(
    "code",
    [
        "20447-9",
        "25836-8",
        "31201-7",
        "22357-8",
        "49580-4",
        "68961-2",
        "5221-7",
        "24012-7",
        "75622-1",
    ],
)
def test_the_common_tests_for_hiv_are_known(code: str) -> None:
    site = compiled(config="protections: [us-federal, us-ny]\n")
    raw = oru("OBR|1|P1|F1|PANEL^X^L", f"OBX|1|ST|{code}^x^LN||v", "OBX|2|NM|2345-7^G^LN||1")
    assert not any(code in line for line in sent(site, raw))
    assert any("2345-7" in line for line in sent(site, raw))


def test_a_disclosure_names_the_consents_without_which_less_would_go() -> None:
    site = compiled(config="protections: [us-federal, us-ny]\n")
    known = facts(site, "consents:", consent(more=", labels: [hiv]"), consent("part2-tpo"))
    named = replace(
        known, consents=tuple(replace(one, id=f"c-{one.kind.value}") for one in known.consents)
    )
    with_hiv = oru("OBR|1|P1|F1|75622-1^HIV^LN", "OBX|1|ST|75622-1^HIV^LN||v")
    assert outcome(site, with_hiv, named).consents == ("c-authorization",)
    assert outcome(site, oru(*ORDERS), named).consents == ()
    assert outcome(compiled(consent="required"), oru(*ORDERS), named).consents == (
        "c-authorization",
        "c-part2-tpo",
    )
