"""A second opinion on a cut, which shares no code with it: what differs that may not differ.

Written against the words of the rules alone: every segment that is sent is a received one, in the
received order; of it, each field is as received, empty, or cut to granted components; a set id may
be another number; MSH-15 and 16 are empty and what the channel rewrites is what it says.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Segment id → None (all of it), or field → None (all of it) or components.
Grants = Mapping[str, "Mapping[int, frozenset[int] | None] | None"]

#: MSH fields that are sent with every message (rules.md §10.20).
HEADER: Mapping[int, frozenset[int] | None] = dict.fromkeys((*range(1, 8), *range(9, 13), 17, 18))

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


def differences(
    received: bytes, sent: bytes, grants: Grants, rewritten: Mapping[int, bytes]
) -> list[str]:
    """What is wrong with `sent`, in words; empty: nothing."""
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
                segment, source[at], grants, rewritten, (separator, component, repetition)
            ):
                position = at + 1
                break
        else:
            problems.append(
                f"segment {number} ({segment[:3]!r}) is no received one, cut as granted"
            )
    return problems


def _is_cut_of(
    segment: bytes,
    source: bytes,
    grants: Grants,
    rewritten: Mapping[int, bytes],
    marks: tuple[bytes, bytes, bytes],
) -> bool:
    separator = marks[0]
    name = segment[:3].decode("ascii", "replace")
    left, fields = segment.split(separator), source.split(separator)
    if name == "MSH":
        left.insert(1, separator)
        fields.insert(1, separator)
        return all(
            _is_header_field(number, value, fields, rewritten) for number, value in enumerate(left)
        )
    if name not in grants:
        return False
    granted = grants[name]
    if granted is not None and len(left) > 1 and not left[-1]:
        return False
    fields += [b""] * (len(left) - len(fields))
    return all(
        number == 0 or _may_be(name, number, value, fields[number], granted, marks)
        for number, value in enumerate(left)
    )


def _is_header_field(
    number: int, value: bytes, fields: list[bytes], rewritten: Mapping[int, bytes]
) -> bool:
    if number in rewritten:
        return value == rewritten[number]
    if not value:
        return True
    return number in {0, *HEADER} and number < len(fields) and value == fields[number]


def _may_be(  # noqa: PLR0917  all that decides
    name: str,
    number: int,
    value: bytes,
    original: bytes,
    granted: Mapping[int, frozenset[int] | None] | None,
    marks: tuple[bytes, bytes, bytes],
) -> bool:
    """Whether `value` may stand where `original` stood."""
    components = None if granted is None else granted.get(number, frozenset())
    if not value:
        return granted is not None or not original or number in EMPTIED.get(name, ())
    if number == 1 and name in SET_IDS and value.isdigit() and original.isdigit():
        return components is None
    if value == original and components is None:
        return True
    if number in EMPTIED.get(name, ()):
        return set(value.split(marks[2])) <= set(original.split(marks[2]))
    return bool(components) and _is_cut_field(value, original, components or frozenset(), marks)


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
