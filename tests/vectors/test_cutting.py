"""The golden vectors about structure: what each names goes in, what it says comes out.

Where a vector and the rules differ, the rules hold; the test then says what differs. Vectors about
consents, labels and restrictions stand beside; here a rule does what a label or restriction would.
"""

from __future__ import annotations

import pytest

from engine.errors import NotHL7Error
from engine.hl7.wire import Message
from engine.policy.outcome import Verdict
from engine.privacy.coverage import learn
from engine.privacy.facts import Facts
from tests.support.cutting import (
    NOW,
    channel,
    code,
    disclosed,
    facts,
    hl7,
    outcome,
    policy,
    rule,
    sent,
)

ANY = "coverage: any"
BOTH = (
    channel("acme").replace("IN1-3.1: ACME", "IN1-3.1: INSA"),
    channel("beta").replace("IN1-3.1: BETA", "IN1-3.1: INSB"),
)
PID = "PID|1||123^^^HOSP^MR||DOE^JANE||19800101|F"
PV1 = "PV1|1|I|W^1||||||||||||||||V1"
EVN = "EVN|A04|20260101"
IN1_A = "IN1|1|PLANA|INSA|A HEALTH"
IN1_B = "IN1|2|PLANB|INSB|B MUTUAL"


def test_e3_each_payer_has_its_own_insurance_and_nothing_beside() -> None:
    """Not here: the subset of the other insurer's IN1, which no rule can name for each payer."""
    raw = hl7(
        "ADT^A04", EVN, PID, "NK1|1|DOE^JOHN", PV1, "OBX|1|NM|8302-2||170", "AL1|1||PEANUT",
        "DG1|1||F10.2|||A", "DG1|2||I10|||F", IN1_A, "IN2|1A", IN1_B, "IN2|1B",
    )  # fmt: skip
    grants = (
        "EVN: [1, 2], PID: [1, 3, 5, 7, 8], PV1: [1, 2, 19], DG1: {fields: [1, 3, 6],"
        " where: {DG1-6: F}}, IN1: {fields: [1-4], which: own}, IN2: [1]"
    )
    compiled = policy([rule("r", "message: ADT", grants)], BOTH, to="[acme, beta]")
    # The diagnosis that is cut is of substance use: it holds unless the unit is known to be none
    # of 42 CFR part 2, as the contract has it (rules.md §10.5).
    known = facts(compiled, "units: {W: general}")
    head = [EVN, PID, "PV1|1|I|||||||||||||||||V1", "DG1|1||I10|||F"]
    assert code(compiled, raw) == "unit-unknown"
    assert sent(compiled, raw, known) == [*head, IN1_A, "IN2|1A"]
    assert sent(compiled, raw, known, "beta") == [*head, IN1_B.replace("IN1|2", "IN1|1"), "IN2|1B"]
    assert '""' not in "".join(sent(compiled, raw, known))
    deleting = raw.replace(b"19800101", b'""').replace(b"DOE^JOHN", b'""')
    assert "".join(sent(compiled, deleting, known)).count('""') == 1


def test_e4_of_two_orders_the_withheld_one_leaves_no_trace() -> None:
    lipid = (
        "OBR|1|P1|F1|24331-1^Lipid^LN",
        "OBX|1|NM|2093-3||180",
        "OBX|2|NM|2571-8||90",
        "OBX|3|NM|2085-9||60",
    )
    hiv = ("OBR|2|P2|F2|7918-6^HIV^LN", "OBX|1|ST|7918-6^HIV^LN||NEG", "NTE|1||HIV screening")
    rules = [
        rule("r", f"message: ORU, {ANY}", "PID: [3], ORC: all, OBR: all, OBX: all, NTE: all"),
        rule("w", "message: ORU", "", "    withhold: {OBR: {where: {OBR-4.1: 7918-6}}}\n"),
    ]
    copy = sent(policy(rules), hl7("ORU^R01", PID, PV1, *lipid, "ORC|RE|P2|F2", *hiv))
    assert copy == ["PID|||123^^^HOSP^MR", *lipid]
    assert sent(policy(rules), hl7("ORU^R01", PID, PV1, *hiv, *lipid))[1:] == [*lipid]
    only = hl7("ORU^R01", PID, PV1, *hiv)
    assert code(policy(rules), only) == "nothing-left"
    assert outcome(policy(rules), only).verdict is Verdict.WITHHOLD


T1 = "FT1|1|T1||20260101||CG|99213" + "|" * 12 + "I10"
T2 = "FT1|2|T2||20260101||CG|86703" + "|" * 12 + "{0}"
VISIT = "PV1|1|I" + "|" * 44 + "100|200|300|400"


@pytest.mark.parametrize(
    ("second", "diagnoses"), [("Z11.4", ["DG1|1||I10"]), ("I10", ["DG1|1||I10"])]
)
def test_e5_a_line_that_is_withheld_takes_what_is_solely_its_own(
    second: str, diagnoses: list[str]
) -> None:
    rules = [
        rule("r", f"message: DFT, {ANY}", "PID: [3], PV1: all, FT1: all, DG1: all"),
        rule("w", "message: DFT", "", "    withhold: {FT1: {where: {FT1-2: T2}}}\n"),
    ]
    raw = hl7("DFT^P03", EVN, PID, VISIT, T1, T2.format(second), "DG1|1||I10", "DG1|2||Z11.4")
    assert sent(policy(rules), raw) == ["PID|||123^^^HOSP^MR", "PV1|1|I", T1, *diagnoses]
    nothing = hl7("DFT^P03", EVN, PID, VISIT, T2.format(second))
    assert code(policy(rules), nothing) == "nothing-left"


def test_e6_insurance_of_a_charge_goes_before_the_message_s() -> None:
    grants = (
        "PID: [3], FT1: {fields: all, which: own}, PR1: all, DG1: all,"
        " IN1: {fields: all, which: own}"
    )
    compiled = policy([rule("r", "message: DFT", grants)], BOTH, to="[acme, beta]")
    raw = hl7("DFT^P11", EVN, PID, IN1_A, T1, "PR1|1||P1", T2.format("I10"), "PR1|1||P2", IN1_B)
    assert sent(compiled, raw)[1:] == [IN1_A, T1, "PR1|1||P1"]
    assert sent(compiled, raw, of="beta")[1:] == [
        T2.format("I10").replace("FT1|2", "FT1|1"),
        "PR1|1||P2",
        IN1_B,
    ]


@pytest.mark.parametrize(
    ("charset", "name"),
    [("UNICODE UTF-8", "Ó".encode()), ("GB 18030-2000", b"\xa9\x5c"), ("BIG-5", b"\xa5\x5c")],
)
def test_e9_a_character_that_ends_in_a_delimiter_is_one_character(
    charset: str, name: bytes
) -> None:
    raw = hl7("ADT^A01", PID.replace("DOE^JANE", "@^JANE"), msh=f"P|2.5.1||||||{charset}")
    raw = raw.replace(b"@", name)
    compiled = policy([rule("r", f"message: ADT, {ANY}", "PID: [5.1, 7, 8]")])
    (copy,) = outcome(compiled, raw).payloads
    assert copy.data.split(b"\r")[1] == b"PID|||||" + name + b"||19800101|F"


@pytest.mark.parametrize(
    "raw",
    [
        rb"MSH$%~\&$A$B$C$D$20260101$$ADT%A01$M1$P$2.5.1" + b"\rPID$1$$A%%%H%MR~B$$$\r",
        b"MSH|^~\\&#|A|B|C|D|20260101||ADT^A01|M1|P|2.7\rPID|1||A|x#||\r",
        b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|M1|P|2.8\rEVN||20240101\rPID|1"
        + b"|" * 49
        + b"x\rNTE|1||\\.br\\\\X0D0A\\\\Zabc\\\r",
    ],
    ids=["its own delimiters", "five of them", "escapes and fields beyond the standard's"],
)
def test_e10_what_is_granted_whole_is_sent_byte_for_byte(raw: bytes) -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "EVN: all, PID: all, NTE: all")])
    assert outcome(compiled, raw).payloads[0].data == raw


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_e11_line_ends_decide_nothing_and_go_out_as_cr(end: bytes) -> None:
    compiled = policy([rule("r", f"message: ADT, {ANY}", "EVN: all, PID: [3], PV1: all")])
    raw = hl7("ADT^A01", EVN, PID, PV1)
    found = outcome(compiled, raw.replace(b"\r", end))
    assert found == outcome(compiled, raw)
    assert b"\n" not in found.payloads[0].data


def test_e12_two_patients_are_two_messages_and_never_one() -> None:
    order = ("OBR|1|P1|F1|L1", "OBX|1|ST|A||x")
    raw = hl7("ORU^R01", PID, *order, PID.replace("123", "456"), *order)
    compiled = policy([rule("r", f"message: ORU, {ANY}", "PID: [3], OBR: all, OBX: all")])
    copies = [Message.parse(copy.data) for copy in outcome(compiled, raw).payloads]
    assert [copy.all("PID")[0].field(3)[:3] for copy in copies] == [b"123", b"456"]
    assert [copy.msh.field(10) for copy in copies] == [b"M1", b"M1-2"]
    assert [len(copy.all("PID")) for copy in copies] == [1, 1]
    swap = hl7("ADT^A17", EVN, PID, PV1, PID.replace("123", "456"), PV1)
    named = policy([rule("r", f"message: ADT^A17, {ANY}", "PID: all, PV1: all")])
    assert (code(named, swap), outcome(named, swap).verdict) == ("structure", Verdict.HOLD)
    with pytest.raises(NotHL7Error):
        Message.parse(outcome(compiled, raw).payloads[0].data * 2)


def test_e13_a_discharge_without_insurance_is_the_admission_s_payer_s() -> None:
    compiled = policy([rule("r", "message: ADT", "PID: [3]")], BOTH, to="[acme, beta]")
    admission = hl7("ADT^A01", EVN, PID, PV1, IN1_A, msh="P|2.3.1")
    discharge = hl7("ADT^A03", EVN, PID, PV1, msh="P|2.3.1")
    assert (code(compiled, discharge), outcome(compiled, discharge).verdict) == (
        "unknown-payer",
        Verdict.HOLD,
    )
    known = Facts(NOW, dict(learn(Message.parse(admission), compiled.identify)))
    assert sent(compiled, discharge, known) == ["PID|||123^^^HOSP^MR"]
    assert code(compiled, discharge, known, of="beta") == "no-coverage"


def test_e14_a_cancel_reaches_whoever_had_the_admission_though_rules_have_changed() -> None:
    """A rule that withholds the message keeps the cancel too: a withholding beats any grant."""
    nothing = rule("r", "message: ADT^A11, PV1-10: MED", "DG1: all")
    cancel = hl7("ADT^A11", EVN, PID, PV1, "DG1|1||I10")
    minimal = [EVN, "PID|||123^^^HOSP^MR", "PV1||I|||||||||||||||||V1"]
    assert sent(policy([nothing]), cancel, disclosed("V1")) == minimal
    assert code(policy([nothing]), cancel) == "not-disclosed-before"
    withheld = rule("w", "PV1-2: I", "", "    withhold: message\n")
    assert code(policy([nothing, withheld]), cancel, disclosed("V1")) == "withheld-by-rule"
