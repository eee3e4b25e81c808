"""Facts files: the whole form of rules.md §7, and every mistake with its place."""

from __future__ import annotations

import pathlib
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.config.facts import read_facts
from engine.errors import UsageError
from engine.policy.compile import CompiledPolicy
from engine.privacy.facts import (
    ConsentKind,
    CoverageKey,
    Facts,
    Item,
    ItemKind,
    Level,
    Relation,
    RestrictionReason,
)
from engine.privacy.patients import Patient
from engine.privacy.units import Unit
from tests.support.cutting import policy, rule

WHOLE = """\
now: 2026-03-01T12:00:00Z
consents:
  - patient: {id: PATID1234, authority: GOOD HEALTH}
    kind: authorization
    purposes: [payment]
    channels: [acme]
    labels: []
    given: 2026-01-01
    expires: 2026-12-31
    revoked: null
    signed_by: {relation: self}
coverages:
  - {patient: {id: PATID1234, authority: GOOD HEALTH}, channel: acme, visit: V0001, from: 2026-01-01, to: null}
units: {SUD1: part2, ED: general}
disclosed: []
restrictions:
  - patient: {id: PATID1234, authority: GOOD HEALTH}
    channels: all payers
    items: {visit: V0001}
    reason: self-pay-in-full
    from: 2026-01-01
"""  # noqa: E501  as the contract writes it


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return policy([rule("r", "", "PID: [3]")])


def read(site: CompiledPolicy, text: str, folder: pathlib.Path) -> Facts:
    file = folder / "facts.yaml"
    file.write_text(text)
    return read_facts(file, site.policy)


def test_the_form_of_the_contract_is_read_whole(
    site: CompiledPolicy, tmp_path: pathlib.Path
) -> None:
    found = read(site, WHOLE, tmp_path)
    patient = Patient("PATID1234", "GOOD HEALTH")
    (consent,) = found.consents
    assert (consent.patient, consent.kind) == (patient, ConsentKind.AUTHORIZATION)
    assert (consent.purposes, consent.channels) == (frozenset({"payment"}), frozenset({"acme"}))
    assert consent.begins == datetime(2026, 1, 1, tzinfo=UTC)
    assert consent.ends == datetime(2027, 1, 1, tzinfo=UTC)
    assert (consent.revoked, consent.signed_by) == (None, Relation.SELF)
    (restriction,) = found.restrictions
    assert (restriction.patient, restriction.channels) == (patient, None)
    assert restriction.items == {Item(ItemKind.VISIT, "V0001")}
    assert restriction.reason is RestrictionReason.SELF_PAY_IN_FULL
    assert (restriction.since, restriction.until) == (date(2026, 1, 1), None)
    assert found.units == {"SUD1": Unit.PART2, "ED": Unit.GENERAL}
    assert set(found.coverages) == {CoverageKey(Level.VISIT, *WHOLE_PATIENT, "V0001")}


WHOLE_PATIENT = ("PATID1234", "GOOD HEALTH")


def test_an_empty_file_says_nothing_but_the_time(
    site: CompiledPolicy, tmp_path: pathlib.Path
) -> None:
    found = read(site, "consents: []\nrestrictions: null\nunits: {}\n", tmp_path)
    assert (found.consents, found.restrictions) == ((), ())
    assert (dict(found.units), dict(found.coverages)) == ({}, {})
    assert found.now.tzinfo is not None


P = "patient: {id: A, authority: H}"


@pytest.mark.parametrize(
    ("line", "place", "word"),
    [
        (f"consents: [{{{P}, kind: permit}}]", "1:51", "`kind` cannot be `…`. Known: "),
        (f"consents: [{{{P}, kind: authorization, channels: [acme]}}]", "1:12", "`purposes`"),
        (f"consents: [{{{P}, kind: authorization, purposes: all}}]", "1:12", "`channels`"),
        (f"consents: [{{{P}, kind: refusal, channels: [acne]}}]", "1:71", "Did you mean `acme`"),
        (f"consents: [{{{P}, kind: refusal, purposes: [pay]}}]", "1:71", "Did you mean `payment`"),
        (f"consents: [{{{P}, kind: refusal, labels: [hvi]}}]", "1:69", "Did you mean `hiv`"),
        (f"consents: [{{{P}, kind: refusal, given: 1.1.26}}]", "1:67", "YYYY-MM-DD"),
        (f"consents: [{{{P}, kind: refusal, revoked: now}}]", "1:69", "no timestamp"),
        (
            f"consents: [{{{P}, kind: refusal, signed_by: {{relation: son}}}}]",
            "1:82",
            "`relation` cannot be",
        ),
        ("consents: [{kind: refusal}]", "1:12", "`patient`"),
        ("consents: [{patient: {id: null}, kind: refusal}]", "1:27", "`id`"),
        ("consents: {}", "", ""),
        ("consents: all", "1:11", "must be a list"),
        ("units: {SUD1: yes}", "1:15", "A unit cannot be `…`. Known: general, part2."),
        ("units: [SUD1]", "1:8", "must be a mapping"),
        (f"labels: [{{{P}, label: hiv}}]", "1:10", "`everything`"),
        (f"labels: [{{{P}, visit: V}}]", "1:10", "`label`"),
        (f"labels: [{{{P}, label: cold, visit: V}}]", "1:50", "`label` cannot be"),
        (f"labels: [{{{P}, label: hiv, everything: false}}]", "1:67", "only be true"),
        (f"labels: [{{{P}, label: hiv, visit: V, account: A}}]", "1:74", "more than one"),
        (f"labels: [{{{P}, label: hiv, visit: []}}]", "1:62", "names none"),
        (f"labels: [{{{P}, label: hiv, charge: T}}]", "1:55", "no key `…`"),
        (f"restrictions: [{{{P}}}]", "1:16", "`items`"),
        (f"restrictions: [{{{P}, items: {{}}}}]", "1:56", "needs"),
        (f"restrictions: [{{{P}, items: {{visit: []}}}}]", "1:64", "names none"),
        (f"restrictions: [{{{P}, items: {{visit: null}}}}]", "1:64", "names none"),
        (f"restrictions: [{{{P}, items: {{everything: false}}}}]", "1:69", "only be true"),
        (f"restrictions: [{{{P}, items: {{room: 1}}}}]", "1:57", "no key `…`"),
        (f"restrictions: [{{{P}, channels: [], items: {{visit: V}}}}]", "1:59", "no channel"),
        (f"restrictions: [{{{P}, channels: payers, items: {{visit: V}}}}]", "1:59", "all payers"),
        (
            f"restrictions: [{{{P}, reason: money, items: {{visit: V}}}}]",
            "1:57",
            "`reason` cannot be `…`. Known: ",
        ),
        ("facts: []", "1:1", "no key `…`. Known: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    site: CompiledPolicy, tmp_path: pathlib.Path, line: str, place: str, word: str
) -> None:
    if not place:
        read(site, line, tmp_path)
        return
    with pytest.raises(UsageError) as raised:
        read(site, line, tmp_path)
    assert raised.value.code == "facts"
    assert f"facts.yaml:{place}: " in raised.value.what
    assert word in raised.value.what


def test_all_mistakes_are_told_at_once_and_no_patient_is_named(
    site: CompiledPolicy, tmp_path: pathlib.Path
) -> None:
    text = (
        "consents: [{patient: {id: SECRET1, authority: [x]}, kind: refusal, channels: [SECRET3],"
        " labels: [SECRET4], SECRET5: SECRET6, given: SECRET7}]\n"
        "restrictions: [{patient: {id: SECRET2}, items: {visit: {a: b}}, from: never}]\n"
    )
    with pytest.raises(UsageError) as raised:
        read(site, text, tmp_path)
    assert raised.value.what.count("facts.yaml:") >= 4
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_first_and_the_last_day_mean_always(zone: str, tmp_path: pathlib.Path) -> None:
    """Systems write 9999-12-31 where they mean that there is no end."""
    site = policy([rule("r", "", "PID: [3]")], timezone=zone)
    facts = read(
        site,
        "now: 9999-12-31T23:59:59-12:00\nconsents:\n"
        "  - {patient: {id: P1}, kind: refusal, given: 0001-01-01, expires: 9999-12-31}\n"
        "  - {patient: {id: P1}, kind: refusal, revoked: '0001-01-01T00:00:00+14:00'}\n",
        tmp_path,
    )
    whole, revoked = facts.consents
    assert whole.begins is not None
    assert whole.begins < datetime(2, 1, 1, tzinfo=UTC)
    assert whole.ends is not None
    assert whole.ends > datetime(9999, 12, 30, tzinfo=UTC)
    assert revoked.revoked is not None
    for at in (whole.begins, whole.ends, revoked.revoked, facts.now):
        assert at.astimezone(ZoneInfo(zone))
