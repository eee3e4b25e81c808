"""Merges and moves that are odd, hidden, repeated or too many: they never disclose more."""

from __future__ import annotations

import pytest

from engine.cli.duties import duties_of
from engine.privacy.acts import RegistryError, Verb
from engine.privacy.facts import ConsentKind, Item, ItemKind, Relation, SignedConsent
from engine.privacy.links import Tie
from engine.privacy.moves import MOST_IDENTIFIERS
from engine.privacy.patients import Patient
from engine.privacy.persons import is_sure
from tests.unit.intake.test_entering import IN1, MRG, VISIT, Desk, P, pid, pv1

FIRST = Patient("P0", "H")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("move", "patient", "visit"),
    [
        (("ADT^A45", pid("S"), "MRG|P1^^^H||||V1", pv1("V1")), "S", "V1"),
        (("ADT^A50", pid("P1"), "MRG|P1^^^H||||V1", pv1("V2")), "P1", "V2"),
        (("ADT^A42", pid("P1"), "MRG|||||V1", pv1("V2")), "P1", "V2"),
    ],
)
def test_what_was_restricted_before_a_merge_follows_its_visit(
    desk: Desk, move: tuple[str, ...], patient: str, visit: str
) -> None:
    """The restriction is of an identifier that the move does not name."""
    desk.restrict(FIRST)
    desk.receive("ADT^A40", pid("P1"), "MRG|P0^^^H")
    desk.receive(*move)
    assert desk.outcome("ADT^A01", pid(patient), pv1(visit), IN1) == "restricted"


@pytest.mark.parametrize(
    "move",
    [
        ("ADT^A45", pid("S"), "MRG|P^^^H||||V1", pv1("V1")),
        ("ADT^A45", pid("S"), "MRG|P^^^H", pv1("V1")),
        ("ADT^A44", pid("S", "A1"), "MRG|P^^^H||A1"),
        ("ADT^A44", pid("S", "A1"), "MRG|P^^^H"),
        ("ADT^A42", pid("S"), "MRG|P^^^H||||V9", pv1("V1")),
    ],
)
def test_what_is_restricted_under_a_visit_or_an_account_moves_along(
    desk: Desk, move: tuple[str, ...]
) -> None:
    desk.restrict(P, Item(ItemKind.ORDER, "O1"))
    desk.restrict(P, VISIT)
    desk.receive(*move)
    desk.receive("ADT^A08", pid("S", "A1"), pv1("V7"), IN1)
    results = ("ORU^R01", pid("S", "A1"), pv1("V7"), "OBR|1|O1", "OBX|1|NM|1||2")
    assert desk.outcome(*results) == "nothing-left"
    assert desk.outcome(*(one.replace("O1", "O2") for one in results)) == "disclose"
    visited = desk.outcome("ADT^A08", pid("S"), pv1("V1"), IN1)
    assert visited == ("disclose" if "V9" in str(move) else "restricted")


def test_what_moves_alone_takes_nothing_of_its_former_owner_s_along(desk: Desk) -> None:
    """A visit has no other visits under it, and the rest of a patient stays with the patient."""
    desk.restrict(P, Item(ItemKind.VISIT, "V2"))
    desk.restrict(P, Item(ItemKind.EVERYTHING))
    desk.receive("ADT^A45", pid("S"), "MRG|P^^^H||||V1", pv1("V1"))
    assert desk.outcome("ADT^A08", pid("S"), pv1("V2"), IN1) == "disclose"
    assert desk.outcome("ADT^A08", pid("P"), pv1("V1"), IN1) == "restricted"


def test_coverage_known_before_a_merge_follows_its_visit(desk: Desk) -> None:
    """Else the patient's other insurer would count for the visit under its new number."""
    desk.receive("ADT^A01", pid("P1"), "PV1|1|I", "IN1|1|P1|ACME")
    desk.receive("ADT^A01", pid("P0"), pv1("V1"), "IN1|1|P1|BETA")
    desk.receive("ADT^A40", pid("P1"), "MRG|P0^^^H")
    desk.receive("ADT^A50", pid("P1"), "MRG|P1^^^H||||V1", pv1("V2"))
    results = ("ORU^R01", pid("P1"), pv1("V2"), "OBR|1", "OBX|1|NM|1||2")
    assert desk.outcome(*results) == "no-coverage"
    assert desk.outcome(*results, channel="beta") == "disclose"


def test_a_link_that_became_a_merge_is_not_parted_by_a_message(desk: Desk) -> None:
    desk.receive("ADT^A24", pid("S"), pid("P"))
    desk.receive("ADT^A40", pid("S"), MRG)
    desk.receive("ADT^A37", pid("S"), pid("P"))
    (link,) = desk.held("S").links
    assert (link.tie, link.state) == (Tie.MERGED, Verb.QUESTIONED)


def test_a_link_that_a_person_confirmed_is_not_parted_by_a_message(desk: Desk) -> None:
    desk.receive("ADT^A24", pid("S"), pid("P"))
    desk.registry.confirm("S", desk.held("S").links[0].id, desk.act())
    desk.receive("ADT^A37", pid("S"), pid("P"))
    assert desk.held("P").links[0].state is Verb.QUESTIONED


def test_records_that_a_person_parted_are_no_renamed_record(desk: Desk) -> None:
    """Else a message alone would let the consents of one count for the other."""
    desk.receive("ADT^A47", pid("S"), MRG)
    desk.registry.part("S", desk.held("S").links[0].id, desk.act())
    desk.receive("ADT^A47", pid("S"), MRG)
    (link,) = desk.held("S").links
    assert (link.tie, link.state) == (Tie.RENAMED, Verb.JOINED)
    assert not is_sure(link)


def test_many_links_that_were_parted_stop_no_message(desk: Desk) -> None:
    for number in range(8):
        two = (pid(f"X{number}"), pid(f"X{number + 1}"))
        desk.receive("ADT^A24", *two)
        desk.receive("ADT^A37", *two)
    assert b"MSA|AA" in desk.receive("ADT^A40", pid("Z"), "MRG|X0^^^H")


def test_who_has_more_identifiers_than_one_person_is_joined_with_nobody_more(desk: Desk) -> None:
    """Each merge would write all of them again, and the engine takes nothing meanwhile."""
    everybody = "~".join(f"X{number}^^^H" for number in range(MOST_IDENTIFIERS - 1))
    assert b"MSA|AA" in desk.receive("ADT^A40", pid("S"), "MRG|" + everybody)
    assert b"MSA|AE" in desk.receive("ADT^A40", pid("T"), "MRG|S^^^H")
    assert "too-many-identifiers" in desk.log.getvalue()
    assert b"MSA|AA" in desk.receive("ADT^A01", pid("S"), pv1(), IN1)


@pytest.mark.parametrize("line", ["\ufeffMRG|P^^^H", '"MRG|P^^^H', "mrg|P^^^H", " MRG|P^^^H"])
def test_a_line_that_hides_its_name_merges_all_the_same(desk: Desk, line: str) -> None:
    entry = desk.restrict(P)
    assert desk.outcome("ADT^A40", pid(), line, pv1(), IN1) == "restricted"
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"
    assert desk.held("P").entry(entry) is not None


def test_an_mrg_before_its_pid_merges_all_the_same(desk: Desk) -> None:
    desk.restrict(P)
    desk.receive("ADT^A40", MRG, pid())
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"


@pytest.mark.parametrize("kind", ["ADT^a24", "ADT^A24 ", "ADT^^ADT_A24"])
def test_an_event_is_known_however_it_is_written(desk: Desk, kind: str) -> None:
    desk.restrict(P)
    desk.receive(kind, pid("S"), pid("P"))
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"


@pytest.mark.parametrize("blank", ["{} ", " {}", "{}\\X20\\"])
def test_blanks_around_an_identifier_hide_no_restriction(desk: Desk, blank: str) -> None:
    desk.restrict(P)
    desk.restrict(Patient("Q", "H"), Item(ItemKind.ORDER, "O1"))
    admission = ("ADT^A01", pid(blank.format("P")), pv1(blank.format("V1")), IN1)
    assert desk.outcome(*admission) == "restricted"
    order = f"OBR|1|{blank.format('O1')}"
    results = ("ORU^R01", pid("Q"), IN1, order, "OBX|1|NM|1||2")
    assert desk.outcome(*results) != "disclose"


@pytest.mark.parametrize("named", ["P^^^H||", 'P||""', "|^^^H|P"])
def test_who_has_no_pid_3_is_denied_what_an_older_field_says(desk: Desk, named: str) -> None:
    desk.restrict(P)
    assert desk.outcome("ADT^A01", f"PID|1|{named}", pv1(), IN1) == "restricted"


def test_after_a_part_nobody_ends_what_is_the_others(desk: Desk) -> None:
    """Else a later merge would take the copy that was ended for the newer one."""
    entry = desk.restrict(P)
    desk.receive("ADT^A40", pid(), MRG)
    link = desk.held("S").links[0].id
    assert [one.id for one in desk.held("S").entries] == [entry]
    desk.registry.part("S", link, desk.act())
    assert desk.held("S").entries == ()
    with pytest.raises(RegistryError):
        desk.registry.end("S", entry, desk.act())
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"


def test_a_duty_is_listed_once_however_many_records_have_it(desk: Desk) -> None:
    """Also in the copy that a record has which was parted: nobody could end it there."""
    signed = SignedConsent(P, ConsentKind.AUTHORIZATION, signed_by=Relation.GUARDIAN)
    entry = desk.registry.add(signed, desk.act()).entry
    desk.receive("ADT^A40", pid(), MRG)
    assert [one.entry for one in duties_of(desk.registry, "UTC")] == [entry]
    desk.registry.part("S", desk.held("S").links[0].id, desk.act())
    desk.registry.told("P", entry, desk.act())
    assert list(duties_of(desk.registry, "UTC")) == []
