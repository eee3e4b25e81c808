"""Which segment belongs to which: read from order alone, as a receiver would read it.

Law: a segment's *parent* is the segment that it makes no sense without, and that takes it along
when it goes. Where the order is not the standard's, a segment goes to the group that is open, so
that nothing escapes a group by standing in an odd place. No version's structure table is asked:
in real messages versions are missing or wrong (HL7 2.9.1 §2.5.2, chapters 3, 4, 6, 7, 9).

What `parents` gives for each segment:

* -1: it belongs to the message: MSH, SFT, UAC, EVN, DSC, every PID, and whatever stands before
  the first PID.
* the PID before it: it belongs to the patient and to nothing smaller: PD1, NK1, PV1, MRG, AL1,
  GT1, ACC, ORU's OBR, DFT's FT1, and the DG1, PR1, IN1 of an ADT. "Message level" segments of an
  ADT or DFT are these.
* another segment, its *anchor*: PV2 → PV1; IN2, IN3 → IN1; NTE → OBX, AIS, PRB; OBX, TQ1, SPM →
  OBR; OBX of a specimen → SPM; PR1 and orders of a charge → FT1; MDM's OBX → TXA.
* for an ORC, the OBR (or pharmacy order) that follows it: the ORC goes only with its OBR, and
  what stands between the two belongs to that OBR. Without one it belongs to what is open.
* for a Z segment, an unknown one, or a line that is no segment: the anchor of the segment before
  it, or that segment itself where it could hold something (a DG1, say).

A line that looks like a segment, but is indented, in lower case, or hidden behind marks that nobody
sees (a byte-order mark, NUL, a no-break space, a quotation mark), has no id and can never be sent;
it still opens a group here, so that what follows goes with it and not with the one before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from engine.hl7.wire import Message, Segment

_Takers = Mapping[str, frozenset[str]]

_MESSAGE_LEVEL = frozenset(
    {"MSH", "SFT", "UAC", "EVN", "MSA", "ERR", "DSC", "QAK", "QPD", "QRD", "QRF"}
    | {"FHS", "BHS", "BTS", "FTS"}
)

#: What an ORC can be about.
_ORDERS = frozenset({"OBR", "RXO", "RXE", "RXD", "RXG", "RXA"})

#: Belong to an anchor and hold nothing themselves.
_LEAVES = frozenset(
    {"PD1", "PV2", "IN2", "IN3", "NTE", "ROL", "PRT", "ARV", "AUT", "RF1"}
    | {"TQ2", "CTD", "CTI", "ORC", "RXR", "RXC"}
)

#: May stand under a patient and under nothing smaller, unless a structure says more.
_PATIENT_SEGMENTS = (
    *("PV1", "NK1", "MRG", "DB1", "AL1", "IAM", "DG1", "DRG", "PR1", "GT1", "IN1", "ACC"),
    *("UB1", "UB2", "PDA", "OBR", "OBX", "SPM", "TQ1", "FT1", "TXA", "CON", "RXO", "RXE"),
    *("RXD", "RXG", "RXA"),
    *("PRB", "GOL", "PTH", "RGS", "AIS", "AIG", "AIL", "AIP"),
)

#: About a patient and not about the message; with what is so too, wherever it stands.
_CLINICAL = frozenset({"ORC", *_PATIENT_SEGMENTS})
_OF_A_PATIENT = _CLINICAL | _LEAVES

#: NK1 and TQ1 hold no notes: an NTE after the next of kin is the patient's (2.3.1 ORU_R01).
_NOTED = frozenset({"PID", *_PATIENT_SEGMENTS}) - {"NK1", "TQ1"}


def _takers(**closer: str) -> _Takers:
    """For each id, the anchors that take it: the PID always, and those named here."""
    table = {name: frozenset({"PID"}) for name in (*_PATIENT_SEGMENTS, *_LEAVES)}
    table["PID"] = frozenset()
    table["NTE"] = _NOTED
    everywhere = {
        "PV2": "PV1",
        "IN2": "IN1",
        "IN3": "IN1",
        "AUT": "IN1 PR1",
        "RF1": "IN1",
        "ARV": "PV1",
        "ROL": "PV1 PR1 IN1 FT1 OBR",
        "PRT": "PV1 PR1 IN1 FT1 OBR OBX SPM RXO RXE RXD RXG RXA",
        "TQ1": "OBR RXO RXE RXD RXG RXA",
        "TQ2": "TQ1 OBR",
        "CTD": "OBR",
        "CTI": "OBR",
        "SPM": "OBR",
        "OBX": "SPM OBR RXO RXE RXD RXG RXA",
        "RXR": "RXO RXE RXD RXG RXA",
        "RXC": "RXO RXE RXD RXG RXA",
    }
    for part in (everywhere, closer):
        for name, anchors in part.items():
            table[name] |= frozenset(anchors.split())
    return table


#: ADT, BAR with one visit.
_ADMISSION = _takers()
#: A45: each MRG has its own PV1.
_MOVE = _takers(PV1="MRG")
#: BAR_P01 with several visits: what follows a PV1 is that visit's.
_VISITS = _takers(**{name: "PV1" for name in _PATIENT_SEGMENTS if name != "PV1"})
#: MDM: the document's OBX; orders before it have none of their own.
_DOCUMENT = _takers(OBX="TXA", CON="TXA")
#: ORU, orders and whatever is unknown: inside an order everything is the order's, until the next;
#: a TXA there is of the OBX before it, whose document it describes (2.8).
_RESULTS = _takers(
    **{
        name: " ".join(sorted(_ORDERS)) + (" OBX" if name == "TXA" else "")
        for name in (*_PATIENT_SEGMENTS, *_LEAVES - {"ORC"})
        if name not in _ORDERS
    }
)
#: DFT_P03: after an FT1, orders and procedures are the charge's.
_CHARGED = {"PR1": "FT1", "OBR": "FT1", "ORC": "FT1", "TQ1": "FT1", "OBX": "FT1"}
_CHARGES = _takers(**_CHARGED)
#: DFT_P11: a charge also has diagnoses and coverage of its own.
_CHARGES_IN_DETAIL = _takers(
    **_CHARGED, **dict.fromkeys(("DG1", "DRG", "GT1", "IN1", "ACC"), "FT1")
)
#: In a P03 these are the patient's wherever they stand; a charge that is open stays open, since
#: a procedure after them can only be its own (§6.4.1).
_BESIDE_CHARGES = frozenset({"DG1", "DRG", "GT1", "IN1", "ACC"})


def parents(message: Message) -> tuple[int, ...]:
    """For each segment the index of its parent, or -1 (the module's text says which).

    Linear in the number of segments. A parent stands before its children, but for an ORC's.
    """
    ids = [segment.id or meant(segment) for segment in message.segments]
    takers, beside = _structure(message, ids)
    found: list[int] = []
    opened: list[int] = []
    names: list[str] = []
    patient = -1
    for index, name in enumerate(ids):
        wanted = takers.get(name)
        if wanted is None:
            found.append(opened[-1] if opened and name not in _MESSAGE_LEVEL else -1)
            continue
        if name in beside:
            while names and names[-1] not in ("PID", "FT1"):
                names.pop()
                opened.pop()
            found.append(patient)
        else:
            while names and names[-1] not in wanted:
                names.pop()
                opened.pop()
            found.append(opened[-1] if opened else -1)
        if name == "PID":
            patient = index
        if name not in _LEAVES:
            names.append(name)
            opened.append(index)
        elif name == "ORC" and (order := _order_after(ids, index)):
            found[index] = order
            names.append(ids[order])
            opened.append(order)
    return tuple(found)


def patients(message: Message) -> tuple[range, ...]:
    """Segment indexes patient by patient: each PID starts a new one, up to the next PID.

    What stands before the first PID is the message's own (MSH, SFT, EVN, …) and in no range, but
    a result or order there is a patient without PID, and a range; so is a note or the like, where
    it could be any of several patients'. A line that looks like a PID (indented, in lower case)
    starts a range too, so that its results join nobody else's.
    """
    ids = [segment.id or meant(segment) for segment in message.segments]
    starts = [index for index, name in enumerate(ids) if name == "PID"]
    end = len(ids)
    clinical = _OF_A_PATIENT if len(starts) > 1 else _CLINICAL
    orphan = next((i for i in range(starts[0] if starts else end) if ids[i] in clinical), None)
    if orphan is not None:
        starts.insert(0, orphan)
    return tuple(range(*pair) for pair in pairwise([*starts, end]))


def _structure(message: Message, ids: list[str]) -> tuple[_Takers, frozenset[str]]:
    delimiters = message.delimiters
    kind = message.msh.field(9)
    parts = message.split(kind, delimiters.component) if delimiters.component else [kind]
    code = parts[0]
    if code == b"ORU":
        return _RESULTS, frozenset()
    if code == b"DFT":
        if b"P11" in parts[1:2] or b"DFT_P11" in parts[2:3]:
            return _CHARGES_IN_DETAIL, frozenset()
        return _CHARGES, _BESIDE_CHARGES
    if code == b"ADT":
        return (_MOVE if b"A45" in parts[1:2] else _ADMISSION), frozenset()
    if code == b"BAR":
        return (_VISITS if ids.count("PV1") > 1 else _ADMISSION), frozenset()
    return (_DOCUMENT if code == b"MDM" else _RESULTS), frozenset()


def _order_after(ids: list[str], index: int) -> int:
    """The order that an ORC at `index` is about, or 0."""
    for number in range(index + 1, len(ids)):
        name = ids[number]
        if name in _ORDERS:
            return number
        if name in ("ORC", "PID", "FT1"):
            break
    return 0


def meant(segment: Segment) -> str:
    """The id that a line without one seems to mean, or ""."""
    found = _looking_like_one(segment.separator).match(segment.raw)
    return found[1].decode("ascii").upper() if found else ""


@lru_cache(maxsize=64)
def _looking_like_one(separator: bytes) -> re.Pattern[bytes]:
    """An id between anything but letters and digits, up to the first separator."""
    return re.compile(
        rb"[^A-Za-z0-9%b]*([A-Za-z][A-Za-z0-9]{2})[^A-Za-z0-9%b]*%b" % ((re.escape(separator),) * 3)
    )
