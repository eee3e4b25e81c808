"""Labels that a message puts on a visit or a patient hold for the messages that follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.signalled import signalled
from engine.privacy.facts import Facts, Item, ItemKind, Sensitivity
from engine.privacy.patients import Patient
from tests.support.cutting import NOW, code, facts, hl7
from tests.support.law_messages import PATIENT, PID, PV1, adt, compiled, consent, dft, oru

WHO = Patient("A", "H")
VISIT = Item(ItemKind.VISIT, "V1")
ACCOUNT = Item(ItemKind.ACCOUNT, "AC1")
EVERYTHING = Item(ItemKind.EVERYTHING)
LIPID = ("OBR|1|P1|F1|24331-1^Lipid^LN", "OBX|1|NM|2093-3^Chol^LN||180")
CHARGE = "FT1|1|T1||20260105||CG|99213"


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    """Where HIV is protected from payers, whatever the purpose."""
    return compiled(config="protections: [us-fl]\n")


def arv(value: str, *, action: str = "A", reason: str = "", days: str = "") -> str:
    return f"ARV|1|{action}|{value}|{reason}||{days}"


def kept(site: CompiledPolicy, raw: bytes) -> list[tuple[Item, str]]:
    """The labels that a message enters, all of patient A."""
    found = [f for f in signalled(Message.parse(raw), site, NOW) if isinstance(f, Sensitivity)]
    assert {one.patient for one in found} <= {WHO}
    return [(one.item, one.label) for one in found]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([arv("HIV")], [(VISIT, "hiv")]),
        ([arv("NO", reason="HIV~MH")], [(VISIT, "mental-health"), (VISIT, "hiv")]),
        ([arv("DRG"), arv("PSY")], [(VISIT, "sud"), (VISIT, "mental-health")]),
        ([arv("HIV", action="U")], [(VISIT, "hiv")]),
        ([arv("HIV", action="D")], []),  # it says that it is over: nothing to keep, nothing ended
        ([arv("HIV", days="20250101^20250201")], []),
        ([arv("OPTIN")], []),
        ([], []),
    ],
)
def test_what_an_arv_labels_is_kept_of_the_visit(
    site: CompiledPolicy, segments: list[str], expected: list[tuple[Item, str]]
) -> None:
    assert kept(site, adt(*segments)) == expected


def test_it_is_kept_of_what_the_arv_stands_behind(site: CompiledPolicy) -> None:
    raw = hl7("ADT^A01", "EVN||20260101", PID, "PD1|", arv("HIV"), PV1)
    assert kept(site, raw) == [(EVERYTHING, "hiv")]
    assert kept(site, hl7("ADT^A01", arv("HIV"), "EVN||20260101", PID, PV1)) == []
    nameless = adt(arv("HIV"), pv1="PV1|1|I")
    assert kept(site, nameless) == [(ACCOUNT, "hiv")]
    assert kept(site, nameless.replace(b"AC1^^^H", b"")) == []


def labelled(item: Item, label: str = "hiv", patient: Patient = WHO) -> Facts:
    return replace(Facts(NOW), sensitivities=(Sensitivity(patient, item, label),))


@pytest.mark.parametrize("item", [VISIT, ACCOUNT, EVERYTHING])
@pytest.mark.parametrize("raw", [adt(), oru(*LIPID), dft(CHARGE)])
def test_a_message_that_has_no_place_to_say_it_is_labelled_all_the_same(
    site: CompiledPolicy, raw: bytes, item: Item
) -> None:
    assert code(site, raw) == "granted"
    assert code(site, raw, labelled(item)) == "labelled-hiv"


@pytest.mark.parametrize("number", ["V1", "V1^A", "V1^^^A"])
def test_a_visit_is_named_as_hl7_writes_it(site: CompiledPolicy, number: str) -> None:
    lines = "labels:", f"  - {{{PATIENT}, label: hiv, visit: '{number}'}}"
    assert code(site, oru(*LIPID), facts(site, *lines)) == "labelled-hiv"


def test_it_is_of_this_patient_and_this_visit(site: CompiledPolicy) -> None:
    for item in (Item(ItemKind.VISIT, "V2"), Item(ItemKind.ACCOUNT, "V1")):
        assert code(site, oru(*LIPID), labelled(item)) == "granted"
    raw = oru(*LIPID)
    assert code(site, raw, labelled(VISIT, patient=Patient("B", "H"))) == "granted"
    assert code(site, raw, labelled(VISIT, patient=Patient("A", "K"))) == "granted"
    assert code(site, raw, labelled(VISIT, patient=Patient("A"))) == "labelled-hiv"


def test_what_may_be_of_the_visit_is_labelled(site: CompiledPolicy) -> None:
    raw = oru(*LIPID, pv1="PV1|1|I").replace(b"AC1^^^H", b"")
    assert code(site, raw, labelled(VISIT)) == "labelled-hiv"


def test_what_lifts_a_label_of_a_message_lifts_one_that_was_kept(site: CompiledPolicy) -> None:
    entered = ("labels:", f"  - {{{PATIENT}, label: hiv, visit: V1}}")
    signed = ("consents:", consent(more=", labels: [hiv]"))
    assert code(site, oru(*LIPID), facts(site, *entered)) == "labelled-hiv"
    assert code(site, oru(*LIPID), facts(site, *entered, *signed)) == "granted"


def test_a_rule_s_own_withholding_counts_it_as_well() -> None:
    asking = compiled(more="    withhold: {labels: [genetic]}\n")
    assert code(asking, oru(*LIPID)) == "granted"
    assert code(asking, oru(*LIPID), labelled(VISIT, "genetic")) == "withheld-by-rule"


def test_sud_of_a_unit_that_nobody_knows_waits(site: CompiledPolicy) -> None:
    federal = compiled()
    assert code(federal, oru(*LIPID), labelled(VISIT, "sud")) == "unit-unknown"
