"""Messages drawn at random: groups, patients, insurers, charges; now and then in disorder.

Values come from a small alphabet, so that what rules ask is often so. Every segment says where it
stood: its last field is its number, which nothing else in the message equals.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

STATUS = ["F", "F", "F", "P", "C", "D"]
CODES = ["A", "B", "C"]
PLANS = ["PA", "PB", "PX", ""]
PAYERS = ["ACME", "BETA", "ZETA"]
KINDS = [
    *("ADT^A01", "ADT^A03", "ADT^A08^ADT_A01", "ADT^A11", "ADT^A40"),
    *("ORU^R01", "ORU^R01", "ORU^R01", "ORU^R01^ORU_R01"),
    *("DFT^P03", "DFT^P03", "DFT^P03", "DFT^P11", "DFT^P11", "MDM^T02"),
    *("BAR^P01", "VXU^V04"),
]


def segment(name: str, **fields: str) -> str:
    """A segment of these fields, `f3="x"`."""
    numbers = {int(key[1:]): value for key, value in fields.items()}
    return "|".join([name, *(numbers.get(n, "") for n in range(1, max(numbers, default=0) + 1))])


def messages(disorder: bool = True) -> st.SearchStrategy[bytes]:
    """One message. Without `disorder` its segments stand as the standard's structures have them.

    Made from one number: that shrinks badly, but is drawn many times faster, and evenly.
    """
    return st.integers(0, (1 << 32) - 1).map(lambda seed: message(Random(seed), disorder))


def message(draw: Random, disorder: bool) -> bytes:
    """The message of one random number generator."""
    kind = draw.choice(KINDS)
    body = _BODIES[kind[:3]](draw, kind)
    if disorder and draw.randint(0, 3) == 0:
        body = _disordered(draw, body)
    version = draw.choice(["2.3", "2.3.1", "2.4", "2.5.1", "2.8", "2.9"])
    head = rf"MSH|^~\&|HIS|HOSP|ENG|HUB|20260101120000|SEC|{kind}|M1|P|{version}|7|8|AL|NE|USA"
    lines = [head]
    for number, line in enumerate(body, start=1):
        lines.append(f"{line}|x{number}")
    return ("\r".join(lines) + "\r").encode()


def _some(draw: Random, most: int, least: int = 0) -> range:
    return range(1, draw.randint(least, most) + 1)


def _maybe(draw: Random, *lines: str) -> list[str]:
    return [line for line in lines if draw.random() < 0.5]


def _pid(draw: Random, patient: str) -> str:
    sex = draw.choice("FM")
    return segment(
        "PID", f1="1", f3=f"{patient}^^^H^MR~{patient}9^^^ACME^MB", f5="DOE^JANE^Q", f7="19800101",
        f8=sex, f11="1 MAIN^^TOWN^NY^12345", f13=draw.choice(["", "(212)555-0100"]), f14="5550101",
        f18="ACC1",
    )  # fmt: skip


def _visit(draw: Random) -> list[str]:
    inside = {"f1": "1", "f2": draw.choice("IOE"), "f10": draw.choice(CODES)}
    return [
        segment("PV1", f19="V1^^^H", f47=draw.choice(["", "200"]), **inside),
        *_maybe(draw, segment("PV2", f3="reason"), segment("ZPV", f1="local")),
    ]


def _diagnoses(draw: Random) -> list[str]:
    return [
        segment("DG1", f1=str(n), f3=draw.choice(CODES), f6=draw.choice("AF"))
        for n in _some(draw, 3)
    ]


def _insurance(draw: Random) -> list[str]:
    lines = []
    for n in _some(draw, 2):
        which = draw.randint(0, 2)
        lines += [
            segment("IN1", f1=str(n), f2=PLANS[which], f3=PAYERS[which], f36=f"POL{n}"),
            *_maybe(draw, segment("IN2", f2="111", f25=PAYERS[which]), segment("IN3", f1="1")),
        ]
    return lines


def _orders(draw: Random, most: int = 3) -> list[str]:
    lines = []
    for n in _some(draw, most):
        name, parent = draw.choice(CODES), ""
        if n > 1 and draw.randint(0, 3) == 0:
            parent = "P1^F1"
        lines += _maybe(draw, segment("ORC", f1="RE", f2=f"P{n}", f3=f"F{n}"))
        status = draw.choice(STATUS)
        lines.append(
            segment("OBR", f1=str(n), f2=f"P{n}", f3=f"F{n}", f4=f"L{name}", f25=status, f29=parent)
        )
        lines += _maybe(draw, segment("NTE", f1="1", f3="of the order"), segment("TQ1", f1="1"))
        for result in _some(draw, 3):
            lines.append(_result(draw, result))
            lines += [segment("NTE", f1=str(m), f3="note") for m in _some(draw, 2)]
        if draw.randint(0, 3) == 0:
            lines += [segment("SPM", f1="1", f4="BLD"), _result(draw, 1)]
    return lines


def _result(draw: Random, number: int) -> str:
    name, status = draw.choice(CODES), draw.choice(STATUS)
    kind, value = "ST", "v"
    if draw.randint(0, 7) == 0:
        kind = draw.choice(["ED", "ed", "RP", "TX"])
        value = "^" if kind == "RP" else "^application^pdf^Base64^JVBERi0x"
        value += draw.choice(["", "~^AP^^Hex^00"])
    return segment("OBX", f1=str(number), f2=kind, f3=f"{name}^text^LN", f5=value, f11=status)


def _adt(draw: Random, kind: str) -> list[str]:
    lines = [
        "EVN|A|20260101",
        _pid(draw, "A"),
        *_maybe(draw, segment("NK1", f1="1", f2="X^Y", f4="1 MAIN^^TOWN", f5="5550100")),
    ]
    if kind == "ADT^A40":
        return [*lines[:2], *_maybe(draw, "MRG|B^^^H")]
    return [
        *lines,
        *_visit(draw),
        *_maybe(draw, segment("AL1", f1="1", f3="PEANUT"), segment("ZAL", f1="1")),
        *_diagnoses(draw),
        *_maybe(draw, segment("PR1", f1="1", f3="P1", f15=draw.choice(CODES))),
        *_insurance(draw),
    ]


def _oru(draw: Random, _kind: str) -> list[str]:
    patients = "AB" if draw.randint(0, 3) == 0 else "A"
    lines: list[str] = []
    for patient in patients:
        visit = _visit(draw) if draw.random() < 0.5 else []
        lines += [_pid(draw, patient), *visit, *_orders(draw)]
    return lines


def _dft(draw: Random, kind: str) -> list[str]:
    lines = ["EVN|P|20260101", _pid(draw, "A"), *_visit(draw)]
    if kind == "DFT^P11":
        lines += _diagnoses(draw) + _insurance(draw)
    refers = draw.randint(0, 3) == 0
    for n in _some(draw, 3, least=1):
        lines.append(
            segment(
                "FT1", f1=str(n), f2=f"T{n}", f4="20260101",
                f6=draw.choice(["CG", "CG", "PY", "CD"]), f7=f"C{n}",
                f14=draw.choice(PLANS), f19=draw.choice(CODES),
                f31="1" if refers and n > 1 else "",
            )
        )  # fmt: skip
        lines += [
            segment("PR1", f1=str(m), f3=f"P{m}", f15=draw.choice(["", *CODES]))
            for m in _some(draw, 2)
        ]
        if draw.randint(0, 3) == 0:
            lines += _orders(draw, 1)
        if kind == "DFT^P11" and draw.random() < 0.5:
            lines += _diagnoses(draw) + _insurance(draw)
    if kind == "DFT^P03":
        lines += _diagnoses(draw) + _insurance(draw)
    return lines


def _mdm(draw: Random, _kind: str) -> list[str]:
    results = [_result(draw, n) for n in _some(draw, 2)]
    return ["EVN|T|20260101", _pid(draw, "A"), *_visit(draw), "TXA|1|DS", *results]


def _vxu(draw: Random, _kind: str) -> list[str]:
    return [_pid(draw, "A"), *_visit(draw), "ORC|RE|P1", "RXA|0|1", "RXR|IM", _result(draw, 1)]


_BODIES = {"ADT": _adt, "ORU": _oru, "DFT": _dft, "MDM": _mdm, "BAR": _adt, "VXU": _vxu}


def _disordered(draw: Random, lines: list[str]) -> list[str]:
    """Some segments moved, doubled, left out, or in lower case."""
    lines = list(lines)
    for _ in range(draw.randint(1, 3)):
        if not lines:
            break
        at = draw.randrange(len(lines))
        to = draw.randrange(len(lines))
        match draw.choice(["move", "double", "drop", "lower"]):
            case "move":
                lines.insert(to, lines.pop(at))
            case "double":
                lines.insert(to, lines[at])
            case "drop":
                del lines[at]
            case _:
                lines[at] = lines[at][:3].lower() + lines[at][3:]
    return lines
