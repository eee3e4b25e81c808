"""A second opinion on a cut, which shares no code with it: what differs that may not differ.

Written against the words of the rules alone: every segment that is sent is a received one, in the
received order; of it, each field is as received, empty, masked, or cut to granted components; a
set id may be another number; MSH-15 and 16 are empty and what the channel rewrites is what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType

#: Segment id → None (all of it), or field → None (all of it) or components.
Grants = Mapping[str, "Mapping[int, frozenset[int] | None] | None"]

#: (segment, field, component or 0 for a repetition as one value) → masks of which it may be shown:
#: kinds, or the text of a constant.
Masked = Mapping[tuple[str, int, int], frozenset[str]]

#: MSH fields that are sent with every message (rules.md §10.20).
HEADER: Mapping[int, frozenset[int] | None] = dict.fromkeys((*range(1, 8), *range(9, 13), 17, 18))

#: MSH fields that are the channel's own, whatever a rule grants.
NEVER = frozenset({15, 16})

SET_IDS = frozenset(
    [
        "PID",
        "PV1",
        "NK1",
        "OBR",
        "OBX",
        "NTE",
        "DG1",
        "PR1",
        "AL1",
        "GT1",
        "IN1",
        "IN3",
        "FT1",
        "SPM",
        "TXA",
    ]
)

#: What the engine empties beside the grants: totals and references of charges (§10.10).
EMPTIED = {"PV1": {46, 47, 48, 49}, "FT1": {31}}


EVERY_COMPONENT = frozenset(range(1, 100))


def differences(  # noqa: PLR0917  all that decides
    received: bytes,
    sent: bytes,
    grants: Grants,
    rewritten: Mapping[int, bytes],
    at_most: bool = False,
    masked: Masked = MappingProxyType({}),
) -> list[str]:
    """What is wrong with `sent`, in words; empty: nothing.

    `at_most`: the grants are more than any one segment may have had, such as several on conditions
    taken together, so that of what is granted whole there may be less.
    """
    if not sent.endswith(b"\r"):
        return ["the last segment has no CR"]
    start = received.find(b"MSH")
    source = received[start:].replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")
    encoding = source[0][3:9]
    separator, component, repetition = encoding[:1], encoding[1:2], encoding[2:3]
    problems = []
    position = 0
    for number, segment in enumerate(sent[:-1].split(b"\r"), start=1):
        for at in range(position, len(source)):
            if segment[:4] == source[at][:4] and _is_cut_of(
                segment,
                source[at],
                grants,
                rewritten,
                (separator, component, repetition),
                at_most,
                masked,
            ):
                position = at + 1
                break
        else:
            problems.append(
                f"segment {number} ({segment[:3]!r}) is no received one, cut as granted"
            )
    return problems


def documents_told(source: Sequence[bytes], kept: Sequence[int], sent: Sequence[bytes]) -> int:
    """How many documents are sent: results of type ED or RP, or encoded as a document is.

    Of each the whole value must be sent, or none of it; segments with the usual delimiters.
    """
    count = 0
    for index, line in zip(kept, sent, strict=True):
        fields = source[index].split(b"|")
        if not line.startswith(b"OBX|") or len(fields) < 6:
            continue
        encodings = [one.split(b"^")[3:4] for one in fields[5].split(b"~")]
        if fields[2].upper() in {b"ED", b"RP"} or [b"Base64"] in encodings or [b"Hex"] in encodings:
            value = line.split(b"|")[5:6]
            assert value in ([], [b""], [fields[5]]), value
            count += bool(value and value[0])
    return count


def _is_cut_of(  # noqa: PLR0917  all that decides
    segment: bytes,
    source: bytes,
    grants: Grants,
    rewritten: Mapping[int, bytes],
    marks: tuple[bytes, bytes, bytes],
    at_most: bool,
    masked: Masked,
) -> bool:
    separator = marks[0]
    name = segment[:3].decode("ascii", "replace")
    left, fields = segment.split(separator), source.split(separator)
    if name == "MSH":
        left.insert(1, separator)
        fields.insert(1, separator)
        named = {0, *HEADER, *(grants.get("MSH") or ())} - NEVER
        return all(
            _is_header_field(number, value, fields, rewritten, named)
            for number, value in enumerate(left)
        )
    if name not in grants:
        return False
    granted = grants[name]
    if granted is not None and len(left) > 1 and not left[-1]:
        return False
    fields += [b""] * (len(left) - len(fields))
    return all(
        number == 0
        or _may_be(name, number, value, fields[number], granted, marks, at_most)
        or _may_be_masked(name, number, value, fields[number], granted, marks, masked)
        for number, value in enumerate(left)
    )


def _is_header_field(
    number: int,
    value: bytes,
    fields: list[bytes],
    rewritten: Mapping[int, bytes],
    named: Set[int],
) -> bool:
    if number in rewritten:
        return value == rewritten[number]
    if not value:
        return True
    return number in named and number < len(fields) and value == fields[number]


def _may_be(  # noqa: PLR0917  all that decides
    name: str,
    number: int,
    value: bytes,
    original: bytes,
    granted: Mapping[int, frozenset[int] | None] | None,
    marks: tuple[bytes, bytes, bytes],
    at_most: bool,
) -> bool:
    """Whether `value` may stand where `original` stood."""
    components = None if granted is None else granted.get(number, frozenset())
    if not value:
        return at_most or granted is not None or not original or number in EMPTIED.get(name, ())
    if number == 1 and name in SET_IDS and value.isdigit() and original.isdigit():
        return components is None
    if value == original and components is None:
        return True
    if at_most and components is None:
        components = EVERY_COMPONENT
    if number in EMPTIED.get(name, ()):
        return set(value.split(marks[2])) <= set(original.split(marks[2]))
    return bool(components) and _is_cut_field(value, original, components or frozenset(), marks)


def _may_be_masked(  # noqa: PLR0917  all that decides
    name: str,
    number: int,
    value: bytes,
    original: bytes,
    granted: Mapping[int, frozenset[int] | None] | None,
    marks: tuple[bytes, bytes, bytes],
    masked: Masked,
) -> bool:
    """Whether each repetition is, in the received order, one of the field's under its masks."""
    plain = EVERY_COMPONENT if granted is None else granted.get(number, frozenset())
    plain = EVERY_COMPONENT if plain is None else plain
    left = iter(original.split(marks[2]))

    def fits(shown: bytes, source: bytes) -> bool:
        if _is_form(shown, source, masked.get((name, number, 0), frozenset()), marks):
            return True
        parts = source.split(marks[1])
        pieces = shown.split(marks[1])
        return len(pieces) <= len(parts) and all(
            not piece
            or (at in plain and piece == part)
            or _is_form(piece, part, masked.get((name, number, at), frozenset()), marks)
            for at, (piece, part) in enumerate(zip(pieces, parts, strict=False), start=1)
        )

    return all(any(fits(one, source) for source in left) for one in value.split(marks[2]))


def _is_form(
    value: bytes, source: bytes, kinds: frozenset[str], marks: tuple[bytes, bytes, bytes]
) -> bool:
    """Whether it is what one of these masks leaves of `source` (rules.md §10.25)."""
    if not source:
        return False
    if "keyed-hash" in kinds and re.fullmatch(rb"[0-9a-f]{16}", value):
        return True
    first = source.split(marks[1])[0].decode("latin-1")
    shown = {
        "year": first[:4],
        "zip3": first[:3],
        "initial": first[:1],
        "last4": "".join(one for one in first if one.isalnum())[-4:],
    }
    return value.decode("latin-1") in {shown.get(kind, kind) for kind in kinds}


def _is_cut_field(
    value: bytes, original: bytes, components: frozenset[int], marks: tuple[bytes, bytes, bytes]
) -> bool:
    _, component, repetition = marks
    left, whole = value.split(repetition), original.split(repetition)
    if len(left) > len(whole) or not left[-1]:
        return False
    for kept, source in zip(left, whole, strict=False):
        parts = source.split(component)
        for number, part in enumerate(kept.split(component), start=1):
            if part and (number not in components or part != parts[number - 1]):
                return False
    return True


# --- groups: what a receiver reads from order, in messages that keep the standard's ---------------

#: Segment id → the ids of which the last one before it is what it belongs to.
BELONGS = {
    "PV2": ("PV1",),
    "IN2": ("IN1",),
    "IN3": ("IN1",),
    "TQ1": ("OBR",),
    "SPM": ("OBR",),
    "OBX": ("OBR", "SPM", "TXA", "RXA"),
    "NTE": ("OBR", "OBX"),
    "RXR": ("RXA",),
    "ZPV": ("PV1",),
    "ZAL": ("AL1", "PV1"),
}
#: Of messages whose lines are charges.
OF_CHARGES = {"PR1": ("FT1",)}
OF_DETAILED_CHARGES = {"DG1": ("FT1",), "IN1": ("FT1",)}

#: What some types are not worth without.
WORTH = {"ORU": ("PID", "OBR"), "DFT": ("FT1",), "MDM": ("TXA",), "ADT^A40": ("MRG",)}


def belonging(kind: str, names: Sequence[str]) -> list[int]:
    """For each segment the index of the one that it belongs to, or -1."""
    belongs = dict(BELONGS)
    if kind.startswith("DFT"):
        belongs |= OF_CHARGES
    if kind.startswith("DFT^P11"):
        belongs |= OF_DETAILED_CHARGES
    if kind.startswith(("ADT", "BAR")):
        belongs = {name: of for name, of in belongs.items() if name not in {"OBX", "NTE"}}
    found = []
    for index, name in enumerate(names):
        holder = -1
        if name in belongs:
            before = (at for at in range(index - 1, -1, -1) if names[at] in belongs[name])
            holder = next(before, -1)
        if name == "ORC":
            after = (at for at in range(index + 1, len(names)) if names[at] in {"OBR", "RXA"})
            holder = next(after, -1)
        found.append(holder)
    return found


def orphans(kind: str, names: Sequence[str], kept: Sequence[int]) -> list[str]:
    """Segments that were sent without what they belong to, and types without their worth."""
    there = set(kept)
    problems = [
        f"{names[index]} {index} without its {names[holder]}"
        for index, holder in enumerate(belonging(kind, names))
        if index in there and holder >= 0 and holder not in there
    ]
    worth = WORTH.get(kind[:7], WORTH.get(kind[:3], ()))
    left = {names[index] for index in kept}
    return problems + [f"{kind} without {name}" for name in worth if name not in left]


def gaps(
    kind: str, source: Sequence[bytes], sent: Sequence[bytes], kept: Sequence[int]
) -> list[str]:
    """Set ids that are not 1 to n among siblings of which one went."""
    names = [line[:3].decode("latin-1") for line in source]
    above = belonging(kind, names)
    problems = []
    for name in SET_IDS - {"PID", "DG1", "IN1"}:
        for holder in {above[i] for i, one in enumerate(names) if one == name}:
            siblings = [i for i, one in enumerate(names) if one == name and above[i] == holder]
            left = [number for number, index in enumerate(kept) if index in siblings]
            numbers = [sent[number].split(b"|")[1] for number in left]
            numbers = [number for number in numbers if number]
            if len(left) < len(siblings) and numbers != [
                b"%d" % number for number in range(1, len(numbers) + 1)
            ]:
                problems.append(f"{name}: {numbers}")
    return problems


def betrayals(source: Sequence[bytes], kept: Sequence[int], sent: Sequence[bytes]) -> list[str]:
    """Where a charge is not sent: totals, and diagnoses to which no charge that is sent points."""
    charges = {index for index, line in enumerate(source) if line[:3] == b"FT1"}
    if charges <= set(kept):
        return []
    pointed = {_field(source[i], 19) for i in kept if source[i][:3] == b"FT1"}
    pointed |= {_field(source[i], 15) for i in kept if source[i][:3] == b"PR1"}
    problems = []
    for index, line in zip(kept, sent, strict=True):
        if line[:3] == b"PV1" and any(_field(line, number) for number in range(46, 50)):
            problems.append("totals")
        if line[:3] == b"DG1" and _field(source[index], 3) not in pointed:
            problems.append("a diagnosis of a line that was not sent")
    return problems


def _field(line: bytes, number: int) -> bytes:
    fields = line.split(b"|")
    return fields[number] if number < len(fields) else b""
