"""Which segment belongs to which, structure by structure."""

from __future__ import annotations

import pytest

from engine.hl7.groups import parents, patients
from engine.hl7.wire import Message


def parse(kind: str, segments: str) -> Message:
    lines = [rf"MSH|^~\&|A|B|C|D|20260101||{kind}|1|P|2.5", *segments.split()]
    return Message.parse("\r".join(line if "|" in line else line + "|1" for line in lines).encode())


def tree(message: Message) -> str:
    """The segments after MSH, each followed by its children: `PID(PV1(PV2) DG1)`."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents(message)):
        children.setdefault(parent, []).append(index)

    def shown(index: int) -> str:
        segment = message.segments[index]
        inside = " ".join(map(shown, children.get(index, [])))
        return (segment.id or segment.raw[:3].decode()) + (f"({inside})" if inside else "")

    return " ".join(map(shown, children[-1][1:]))


#: What is tested → type, segments as they stand, the tree.
CASES = {
    "an admission": (
        "ADT^A01^ADT_A01",
        """
        EVN PID PD1 ARV ROL NK1 NK1 PV1 PV2 ARV ROL DB1 OBX AL1 DG1 DRG PR1 ROL GT1 IN1
        IN2 IN3 ROL AUT IN1 IN2 ACC UB1 UB2 PDA
        """,
        """
        EVN PID(PD1 ARV ROL NK1 NK1 PV1(PV2 ARV ROL) DB1 OBX AL1 DG1 DRG PR1(ROL) GT1
        IN1(IN2 IN3 ROL AUT) IN1(IN2) ACC UB1 UB2 PDA)
        """,
    ),
    "labels of a whole message (2.9)": (
        "ADT^A01",
        """
        ARV EVN PID
        """,
        """
        ARV EVN PID
        """,
    ),
    "a discharge has its observations late": (
        "ADT^A03",
        """
        PID PV1 DG1 PR1 OBX NTE GT1 IN1 IN3
        """,
        """
        PID(PV1 DG1 PR1 OBX(NTE) GT1 IN1(IN3))
        """,
    ),
    "a note where none belongs goes with what it stands behind": (
        "ADT^A01",
        """
        PID NTE NK1 NTE DG1 NTE IN1 IN2 NTE
        """,
        """
        PID(NTE NK1 NTE DG1(NTE) IN1(IN2 NTE))
        """,
    ),
    "Z segments go with the group of the segment before": (
        "ADT^A01",
        """
        ZMH EVN ZEV PID ZPI PD1 ZPD PV1 PV2 ZPV DG1 ZDG ZDH IN1 IN2 ZIN AB1
        """,
        """
        ZMH EVN ZEV PID(ZPI PD1 ZPD PV1(PV2 ZPV) DG1(ZDG ZDH) IN1(IN2 ZIN AB1))
        """,
    ),
    "merges": (
        "ADT^A40^ADT_A39",
        """
        EVN PID PD1 MRG PV1 PID MRG
        """,
        """
        EVN PID(PD1 MRG PV1) PID(MRG)
        """,
    ),
    "moves of visits": (
        "ADT^A45",
        """
        EVN PID MRG PV1 MRG PV1 PV2
        """,
        """
        EVN PID(MRG(PV1) MRG(PV1(PV2)))
        """,
    ),
    "an admission whose structure is misspelt": (
        "ADT^A01^A45",
        """
        EVN PID MRG PV1
        """,
        """
        EVN PID(MRG PV1)
        """,
    ),
    "results": (
        "ORU^R01^ORU_R01",
        """
        SFT PID PD1 NTE NK1 OBX PRT PV1 PV2 PRT ORC OBR NTE PRT TQ1 TQ2 CTD OBX PRT NTE
        NTE OBX FT1 CTI SPM OBX PRT NTE SPM ORC OBR OBX DSC
        """,
        """
        SFT PID(PD1 NTE NK1 OBX(PRT) PV1(PV2 PRT) OBR(ORC NTE PRT TQ1(TQ2) CTD OBX(PRT
        NTE NTE) OBX FT1 CTI SPM(OBX(PRT NTE)) SPM) OBR(ORC OBX)) DSC
        """,
    ),
    "an ORC takes what stands between it and its OBR (2.8)": (
        "ORU^R01",
        """
        PID ORC OBR OBX ORC PRT TQ1 OBX TXA OBR OBX
        """,
        """
        PID(OBR(ORC OBX) OBR(ORC PRT TQ1 OBX(TXA) OBX))
        """,
    ),
    "whatever stands inside an order is the order's": (
        "ORU^R01",
        """
        PID OBR DG1 OBX EVN OBX PV1 PV2 OBX IN1 IN2 OBX NTE
        """,
        """
        PID(OBR(DG1 OBX OBX PV1(PV2) OBX IN1(IN2) OBX(NTE))) EVN
        """,
    ),
    "results without a patient": (
        "ORU^R01",
        """
        ORC OBR OBX NTE OBR OBX
        """,
        """
        OBR(ORC OBX(NTE)) OBR(OBX)
        """,
    ),
    "a group in lower case or indented is a group, though it is never sent": (
        "ORU^R01",
        """
        PID OBR OBX obr| OBX OBR OBX pid| OBX
        """,
        """
        PID(OBR(OBX) obr(OBX) OBR(OBX)) pid(OBX)
        """,
    ),
    "charges": (
        "DFT^P03",
        """
        EVN PID PD1 PV1 PV2 ORC OBR NTE OBX FT1 NTE PRT PR1 ROL ORC TQ1 OBR NTE OBX NTE
        FT1 PR1 DG1 DRG GT1 IN1 IN2 IN3 ACC
        """,
        """
        EVN PID(PD1 PV1(PV2) OBR(ORC NTE OBX) FT1(NTE PRT PR1(ROL) OBR(ORC TQ1 NTE
        OBX(NTE))) FT1(PR1) DG1 DRG GT1 IN1(IN2 IN3) ACC)
        """,
    ),
    "charges with orders that have no OBR": (
        "DFT^P03",
        """
        PID ORC OBX FT1 ORC OBX FT1 ORC TQ1 TQ2
        """,
        """
        PID(ORC OBX FT1(ORC OBX) FT1(ORC TQ1(TQ2)))
        """,
    ),
    "diagnoses between the charges of a P03 are the patient's, procedures are not": (
        "DFT^P03^DFT_P03",
        """
        PID FT1 DG1 NTE PR1 FT1 IN1 IN2 PR1 OBX
        """,
        """
        PID(FT1(PR1) DG1(NTE) FT1(PR1 OBX) IN1(IN2))
        """,
    ),
    "detailed charges": (
        "DFT^P11",
        """
        PID PV1 DG1 DRG GT1 IN1 IN2 ACC FT1 PR1 ROL OBR OBX DG1 DRG GT1 IN1 IN2 ROL FT1
        DG1
        """,
        """
        PID(PV1 DG1 DRG GT1 IN1(IN2) ACC FT1(PR1(ROL) OBR(OBX) DG1 DRG GT1 IN1(IN2 ROL))
        FT1(DG1))
        """,
    ),
    "detailed charges by their structure": (
        "DFT^P03^DFT_P11",
        """
        PID FT1 DG1
        """,
        """
        PID(FT1(DG1))
        """,
    ),
    "an account": (
        "BAR^P01",
        """
        EVN PID PV1 DG1 PR1 GT1 NK1 IN1 IN2
        """,
        """
        EVN PID(PV1 DG1 PR1 GT1 NK1 IN1(IN2))
        """,
    ),
    "an account of several visits": (
        "BAR^P01",
        """
        PID PV1 DG1 IN1 IN2 PV1 PV2 DG1 PR1 ROL
        """,
        """
        PID(PV1(DG1 IN1(IN2)) PV1(PV2 DG1 PR1(ROL)))
        """,
    ),
    "a document": (
        "MDM^T02",
        """
        EVN PID PV1 ORC TQ1 OBR NTE TXA CON OBX NTE OBX
        """,
        """
        EVN PID(PV1 OBR(ORC TQ1 NTE) TXA(CON OBX(NTE) OBX))
        """,
    ),
    "an unknown structure": (
        "VXU^V04",
        """
        PID NK1 PV1 GT1 IN1 IN2 ORC RXA RXR OBX NTE ORC RXA
        """,
        """
        PID(NK1 PV1 GT1 IN1(IN2) RXA(ORC RXR OBX(NTE)) RXA(ORC))
        """,
    ),
    "no type at all": (
        "",
        """
        PID OBR OBX
        """,
        """
        PID(OBR(OBX))
        """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parents(case: str) -> None:
    kind, segments, expected = CASES[case]
    assert tree(parse(kind, segments)).split() == expected.split()


def test_an_orc_s_parent_is_the_obr_that_follows() -> None:
    """All other parents stand before their children."""
    assert parents(parse("ORU^R01", "PID ORC OBR OBX")) == (-1, -1, 3, 1, 3)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ("PID PV1 OBR OBX", [(1, 5)]),
        ("SFT ZZZ PID OBR OBX PID OBR OBX DSC", [(3, 6), (6, 10)]),
        ("OBR OBX", [(1, 3)]),
        ("ORC OBR PID OBR", [(1, 3), (3, 5)]),
        ("PID OBR pid| OBR", [(1, 3), (3, 5)]),
        ("ZZZ NTE", []),
        ("NTE PID OBR", [(2, 4)]),  # whose the note is needs no asking
        ("NTE PID OBR PID OBR", [(1, 2), (2, 4), (4, 6)]),
    ],
)
def test_each_patient_has_a_range(segments: str, expected: list[tuple[int, int]]) -> None:
    found = patients(parse("ORU^R01", segments))
    assert [(each.start, each.stop) for each in found] == expected
