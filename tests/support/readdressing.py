"""A message as it would read had its sender known what a patient asked to be told instead.

Written against the words of the documentation alone: of whom a confidential communication is,
PID-11 is the other address, PID-13 the other number (XTN-12 of it from version 2.7 on, XTN-1
before), and every other address or number is empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.privacy.confidential import Confidential

#: Everything else that is emptied (docs/how-to/confidential-communications.md).
EMPTIED = {
    "PID": {11, 12, 13, 14, 40},
    "NK1": {4, 5, 6, 31, 32, 40, 41},
    "GT1": {5, 6, 7, 17, 18, 46},
    "IN1": {19, 44},
    "IN2": {50, 53, 63, 64},
}


def readdressed(
    raw: bytes, entries: Iterable[Confidential], channel: str, *, is_payer: bool
) -> bytes:
    """`raw`, segments ended by CR and with the usual delimiters, as it concerns one channel."""
    bound = [one for one in entries if _binds(one, channel, is_payer)]
    lines = raw.split(b"\r")
    is_late = lines[0].split(b"|")[11] >= b"2.7"
    merged = [line for line in lines if line.startswith(b"MRG|")]
    found: list[bytes] = []
    current: list[Confidential] = []
    told: list[Confidential] = []
    for line in lines:
        if line.startswith(b"PID|"):
            ids = _ids(line, 3)
            everybody = ids + [one for other in merged for one in _ids(other, 1)]
            current = [one for one in bound if any(_may_be(one, *who) for who in everybody)]
            told = [one for one in current if (one.patient.id, one.patient.authority) in ids]
        found.append(_line(line, told, is_late) if current else line)
    return b"\r".join(found)


def _binds(entry: Confidential, channel: str, is_payer: bool) -> bool:
    return is_payer if entry.channels is None else channel in entry.channels


def _ids(line: bytes, number: int) -> list[tuple[str, str]]:
    fields = line.decode("ascii").split("|")
    value = fields[number] if number < len(fields) else ""
    parts = [one.split("^") for one in value.split("~")]
    return [(one[0], one[3] if len(one) > 3 else "") for one in parts]


def _may_be(entry: Confidential, id_: str, authority: str) -> bool:
    whose = entry.patient
    return whose.id == id_ and ("" in (whose.authority, authority) or whose.authority == authority)


def _line(line: bytes, told: list[Confidential], is_late: bool) -> bytes:
    fields = line.split(b"|")
    name = fields[0].decode("ascii")
    for number in EMPTIED.get(name, ()):
        if number < len(fields) and fields[number]:
            instead = b""
            if name == "PID" and number in {11, 13}:
                instead = _instead(told, number, is_late)
            fields[number] = instead
    return b"|".join(fields)


def _instead(told: list[Confidential], number: int, is_late: bool) -> bytes:
    if number == 11:
        addresses = {one.address for one in told if one.address is not None}
        if len(addresses) != 1:
            return b""
        (one,) = addresses
        parts = [one.street, one.other, one.city, one.state, one.zip, one.country]
        return "^".join(parts).rstrip("^").encode()
    phones = {one.phone for one in told if one.phone is not None}
    number_of = phones.pop().number.encode() if len(phones) == 1 else b""
    return b"^" * 11 + number_of if number_of and is_late else number_of
