"""The two messages that everything is measured with, all synthetic.

Each names three insurers or a visit that is known to have three, so that all three channels of the
bench site (benchmarks.site) receive every message.
"""

from __future__ import annotations

from collections.abc import Iterator

#: What differs between messages, in the order in which a message holds it.
CONTROL_ID, PATIENT, ACCOUNT, VISIT = b"@CONTROL", b"@PATIENT", b"@ACCOUNT", b"@VISIT"

#: So many patients have a visit each; message n is about visit n modulo this.
VISITS = 500

PAYERS = ("ALPHA01", "BRAVO01", "CEDAR01")

_HEADER = "MSH|^~\\&|EPIC|EAST|PAYERGATE|EAST|20260301120000||{type}|@CONTROL|P|2.5.1"
_PID = (
    "PID|1||@PATIENT^^^EAST^MR||SAMPLE^PAT^Q||19800101|F||2106-3|1 MAIN ST^^SPRINGFIELD^NY^12345"
    "||(555)555-0100|||M||@ACCOUNT^^^EAST^AN|000-00-0000"
)
_PV1 = (
    "PV1|1|I|3W^301^A^EAST|U|||1001^STONE^MORGAN^^^^MD|||MED||||1|||1001^STONE^MORGAN^^^^MD|IN|"
    "@VISIT^^^EAST^VN|||||||||||||||||||||||||20260301110000"
)
_TESTS = (
    ("2345-7", "Glucose", "mg/dL", "70-99"),
    ("3094-0", "Urea nitrogen", "mg/dL", "7-20"),
    ("2160-0", "Creatinine", "mg/dL", "0.6-1.2"),
    ("2951-2", "Sodium", "mmol/L", "135-145"),
    ("2823-3", "Potassium", "mmol/L", "3.5-5.1"),
)


def _insurance(number: int, payer: str) -> str:
    valued = {
        1: str(number),
        2: f"PLAN{number}",
        3: payer,
        4: f"{payer} HEALTH",
        5: f"PO BOX {number}^^SPRINGFIELD^NY^12345",
        8: f"GRP{number}",
        12: "20260101",
        13: "20261231",
        15: "HMO",
        16: "SAMPLE^PAT",
        17: "SEL",
        18: "19800101",
        22: str(number),
        36: f"MEMBER{number}00{number}",
    }
    return "IN1" + "".join("|" + valued.get(field, "") for field in range(1, max(valued) + 1))


def _observation(number: int) -> str:
    code, name, unit, usual = _TESTS[number % len(_TESTS)]
    return (
        f"OBX|{number}|NM|{code}^{name} [Mass/volume] in Serum or Plasma^LN||{90 + number}|{unit}"
        f"|{usual}|N|||F|||20260301113000"
    )


def _joined(segments: list[str]) -> bytes:
    return ("\r".join(segments) + "\r").encode("ascii")


#: ADT^A01 of 8 segments, with an IN1 for each of the three payers.
ADT_8 = _joined(
    [
        _HEADER.format(type="ADT^A01^ADT_A01"),
        "EVN|A01|20260301120000",
        _PID,
        _PV1,
        "DG1|1||J18.9^Pneumonia, unspecified organism^I10|||A",
        *(_insurance(i, payer) for i, payer in enumerate(PAYERS, start=1)),
    ]
)

#: ORU^R01 of 26 segments: 20 observations; no insurance, so coverage comes from the registry.
ORU_26 = _joined(
    [
        _HEADER.format(type="ORU^R01^ORU_R01"),
        _PID,
        _PV1,
        "ORC|RE|ORD0001|FIL0001||CM",
        "OBR|1|ORD0001|FIL0001|24323-8^Comprehensive metabolic panel^LN|||20260301110000",
        *(_observation(i) for i in range(1, 21)),
        "NTE|1|L|Specimen slightly hemolyzed; interpret potassium with care.",
    ]
)

SHAPES = {"adt8": ADT_8, "oru26": ORU_26}


def frames(message: bytes, first: int, visits: int = VISITS) -> Iterator[bytes]:
    """MLLP frames of `message` with control ids from `first` on, about so many visits, endless."""
    template = b"\x0b" + _template(message) + b"\x1c\r"
    number = first
    while True:
        visit = number % visits
        yield template % (number, visit, visit, visit)
        number += 1


def numbered(message: bytes, number: int) -> bytes:
    """One `message`, without framing."""
    visit = number % VISITS
    return _template(message) % (number, visit, visit, visit)


def _template(message: bytes) -> bytes:
    return (
        message.replace(b"%", b"%%")
        .replace(CONTROL_ID, b"%010d")
        .replace(PATIENT, b"P%07d")
        .replace(ACCOUNT, b"A%07d")
        .replace(VISIT, b"V%07d")
    )
