"""Golden vectors of the standards sheet (Part E) on whole decisions, each by its number.

Where a vector and the language's contract differ, the contract holds and the test says so.
"""

from __future__ import annotations

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.outcome import Verdict
from engine.privacy.coverage import learn
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, channel, code, facts, hl7, outcome, policy, rule, sent
from tests.support.law_messages import ANY, GENERAL, consent, restriction

INSA, INSB = channel("insa"), channel("insb")
STATEMENT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


def site(disclose: str, *, more: str = "", config: str = "", when: str = "") -> CompiledPolicy:
    return policy([rule("r", when, disclose, more)], (INSA, INSB), to="[insa, insb]", config=config)


def test_e_3_in1_per_payer() -> None:
    """PID-3 and PV1-20 are chosen by repetition, as the contract has it: nothing strips them alone.

    The leak scan finds another insurer's member number in it.
    """
    grants = (
        "PID: {fields: [1, 3, 5, 7, 8], repetitions: {3: {PID-3.5: MB, PID-3.4: INSA}}},"
        " PV1: {fields: [2, 20], repetitions: {20: {PV1-20.1: CLA}}},"
        " DG1: {fields: [1, 3], where: {DG1-3.1: {not: [I10]}}},"
        " IN1: {fields: [1, 2, 3, 49], which: own}"
    )
    compiled = site(grants)
    raw = hl7(
        "ADT^A04^ADT_A01",
        "EVN||20260101",
        "PID|1||123^^^HOSP^MR~A99^^^INSA^MB||DOE^JANE||19800101|F",
        "NK1|1|DOE^JOHN",
        "PV1|1|O" + "|" * 18 + "CLB^20260101~CLA^20260101",
        "OBX|1|NM|8302-2^Height^LN||170",
        "AL1|1||PCN",
        "DG1|1||I10^^I10",
        "DG1|2||E11.9^^I10",
        "IN1|1|PLANA|INSA" + "|" * 46 + "A99^^^INSA^MB",
        "IN1|2|PLANB|INSB" + "|" * 46 + "B77777^^^INSB^MB",
    )
    copy = sent(compiled, raw, of="insa")
    assert copy == [
        "PID|1||A99^^^INSA^MB||DOE^JANE||19800101|F",
        "PV1||O" + "|" * 18 + "CLA^20260101",
        "DG1|1||E11.9^^I10",
        "IN1|1|PLANA|INSA" + "|" * 46 + "A99^^^INSA^MB",
    ]
    assert '""' not in "".join(copy)
    foreign = raw.replace(b"123^^^HOSP^MR", b"B77777^^^INSA^MB")
    assert code(compiled, foreign, of="insa") == "leak"


LIPID = (
    "OBR|1|P1|F1|24331-1^Lipid^LN",
    "OBX|1|NM|2093-3^Chol^LN||180",
    "OBX|2|NM|2085-9^HDL^LN||50",
    "OBX|3|NM|2571-8^Trig^LN||150",
)
HIV = ("OBR|2|P2|F2|7918-6^HIV^LN", "OBX|1|ST|7918-6^HIV 1+2 Ab^LN||Neg", "NTE|1||HIV screening")


def test_e_4_oru_hiv() -> None:
    """Which law protects it is a pack's to say (here Florida's), or a rule's own."""
    grants = "PID: [3], OBR: all, OBX: all, NTE: all"
    pid = "PID|1||A^^^H^MR"
    for compiled in (
        site(grants, when=ANY, config="protections: [us-fl]\n"),
        site(grants, when=ANY, more="    withhold: {labels: [hiv]}\n"),
    ):
        copy = sent(compiled, hl7("ORU^R01", pid, *LIPID, *HIV), of="insa")
        assert copy == ["PID|||A^^^H^MR", *LIPID]
        assert "HIV" not in "".join(copy)
        alone = hl7("ORU^R01", pid, *HIV)
        assert outcome(compiled, alone, of="insa").verdict is Verdict.WITHHOLD
        assert code(compiled, alone, of="insa") == "nothing-left"


def test_e_5_dft_self_pay() -> None:
    compiled = site("PID: [3], PV1: all, FT1: all, DG1: all", when=ANY)
    visit = "PV1|1|O" + "|" * 44 + "10|20|30|40"
    lines = [
        "FT1|1|T1||20260101||CG|99213^^C4||||||||||||I10^^I10",
        "FT1|2|T2||20260101||CG|86703^^C4||||||||||||Z11.4^^I10",
    ]
    diagnoses = ["DG1|1||I10^^I10", "DG1|2||Z11.4^^I10"]
    known = facts(compiled, *restriction("charge: T2", ", reason: self-pay-in-full"))
    raw = hl7("DFT^P03", "PID|1||A^^^H^MR", visit, *lines, *diagnoses)
    assert sent(compiled, raw, known, of="insa") == [
        "PID|||A^^^H^MR", "PV1|1|O", lines[0], diagnoses[0],
    ]  # fmt: skip
    shared = lines[1].replace("Z11.4", "I10")
    raw = hl7("DFT^P03", "PID|1||A^^^H^MR", visit, lines[0], shared, diagnoses[0])
    assert sent(compiled, raw, known, of="insa")[2:] == [lines[0], diagnoses[0]]


def test_e_7_part_2_unit() -> None:
    """F10.20 from an unregistered unit holds for every channel, and no consent lifts that."""
    compiled = site("PID: [3], PV1: [3], DG1: [3], OBR: all, OBX: all", when=ANY)
    tpo = consent("part2-tpo").replace("[acme]", "[insa]")
    unit = "PV1|1|I|SUD1^1"
    result = hl7("ORU^R01", "PID|1||A^^^H^MR", unit, *LIPID)
    known = facts(compiled, GENERAL, "consents:", tpo)
    assert sent(compiled, result, known, of="insa")[1].startswith(f"NTE|1||{STATEMENT}~Scope")
    assert code(compiled, result, known, of="insb") == "labelled-sud"
    assert code(compiled, result, facts(compiled, GENERAL), of="insa") == "labelled-sud"
    admission = hl7("ADT^A01", "PID|1||A^^^H^MR", unit, msh="P|2.6")
    assert any(
        line.startswith(f"ARV|1|A|42CFRPart2^^HL70717||{STATEMENT}")
        for line in sent(compiled, admission, known, of="insa")
    )
    old = hl7("ADT^A01", "PID|1||A^^^H^MR", unit, msh="P|2.5.1")
    assert code(compiled, old, known, of="insa") == "notice"
    revoked = facts(compiled, GENERAL, "consents:", tpo[:-1] + ", revoked: 2026-03-01}")
    assert code(compiled, result, revoked, of="insa") == "labelled-sud"

    emergency = hl7("ADT^A01", "PID|1||A^^^H^MR", "PV1|1|E|ED", "DG1|1||F10.20^^I10", msh="P|2.6")
    registered = facts(compiled, "units: {ED: general}")
    assert len(sent(compiled, emergency, registered, of="insa")) == 3
    florida = site("PID: [3], PV1: [3], DG1: [3]", when=ANY, config="protections: [us-fl]\n")
    assert len(sent(florida, emergency, registered, of="insa")) == 2
    for channel_id in ("insa", "insb"):
        assert code(compiled, emergency, known, of=channel_id) == "unit-unknown"


def test_e_8_a_merge_joins_the_restrictions_of_both() -> None:
    """What is decided; that queued copies are decided again is the engine's last look."""
    compiled = site("PID: [3], MRG: all", when=f"message: ADT^A40, {ANY}")
    raw = hl7("ADT^A40^ADT_A39", "EVN||20260101", "PID|1||222^^^H", "MRG|111^^^H")
    for number in ("111", "222"):
        known = facts(
            compiled,
            "restrictions:",
            f"  - {{patient: {{id: '{number}', authority: H}}, items: {{everything: true}}}}",
        )
        assert code(compiled, raw, known, of="insa") == "restricted"
    assert code(compiled, raw, of="insa") == "granted"


def test_e_13_a_discharge_without_insurance_follows_its_visit() -> None:
    compiled = site("PID: [3]")
    pid, visit = "PID|1||A^^^H^MR", "PV1|1|I" + "|" * 17 + "V1"
    admission = hl7("ADT^A01", pid, visit, "IN1|1|PA|INSA", msh="P|2.3.1")
    discharge = hl7("ADT^A03", pid, visit, msh="P|2.3.1")
    taught = Facts(NOW, dict(learn(Message.parse(admission), compiled.identify)))
    assert code(compiled, discharge, taught, of="insa") == "granted"
    assert code(compiled, discharge, taught, of="insb") == "no-coverage"
    assert code(compiled, discharge, of="insa") == "unknown-payer"


def test_e_14_a_cancel_after_the_rules_changed() -> None:
    """No rule discloses an A11; it still goes where the visit went, in its shortest form."""
    compiled = site("PID: all", when="message: ADT^A01")
    visit = "PV1|1|I" + "|" * 17 + "V1"
    raw = hl7("ADT^A11", "EVN||20260101", "PID|1||A^^^H^MR||DOE^JANE", visit, "DG1|1||I10")
    before = facts(compiled, "disclosed: [{channel: insa, visit: V1}]")
    assert sent(compiled, raw, before, of="insa") == [
        "EVN||20260101",
        "PID|||A^^^H^MR",
        "PV1||I" + "|" * 17 + "V1",
    ]
    assert code(compiled, raw, before, of="insb") == "not-disclosed-before"
    self_pay = facts(
        compiled,
        "disclosed: [{channel: insa, visit: V1}]",
        *restriction("visit: V1", ", reason: self-pay-in-full"),
    )
    assert outcome(compiled, raw, self_pay, of="insa").verdict is Verdict.HOLD
    assert code(compiled, raw, self_pay, of="insa") == "ambiguous-restriction"


def test_law_10_confidential_communications() -> None:
    """164.522(b): the alternate or nothing, never both, and only where the field is granted."""
    grants = "PID: [3, 11, 13, 14], GT1: [3, 5, 6, 7], IN1: {fields: [2, 3, 19], which: own}"
    channels = [channel(one, ceiling="{PID: all, GT1: all, IN1: all}") for one in ("insa", "insb")]
    compiled = policy([rule("r", ANY, grants)], channels, to="[insa, insb]")
    raw = hl7(
        "ADT^A01",
        "PID|1||A^^^H||DOE^JANE||||||12 Oak St^^Town||(415)555-0100|(415)555-0101",
        "GT1|1||DOE^JANE||12 Oak St^^Town|(415)555-0100|(415)555-0101",
        "IN1|1|PA|INSA" + "|" * 16 + "12 Oak St^^Town",
    )
    known = facts(
        compiled,
        "confidential:",
        "  - {patient: {id: A, authority: H}, channels: [insa],"
        " address: {street: PO Box 7, city: Else}, phone: {number: '702-555-0199'}}",
    )
    assert sent(compiled, raw, known, of="insa") == [
        "PID|||A^^^H||||||||PO Box 7^^Else||702-555-0199",
        "GT1|||DOE^JANE",
        "IN1||PA|INSA",
    ]
    assert "12 Oak St" in sent(compiled, raw, known, of="insb")[0]
