"""Code sets as a site writes them: rules/sets/NAME.yaml.

Law: a set that would hold nothing, or every code, is a mistake; so is a range whose ends no code
could lie between (rules.md §6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.reader import Reader, Sets
from engine.policy.language.source import Node, Sequence
from engine.policy.vocabulary.codesets import ANY_SYSTEM, CodeSet, canonical_system, normal_code
from engine.privacy.protections import Label

SET_KEYS = Keys(
    of="A code set",
    required=("set",),
    optional=("system", "codes", "prefixes", "ranges", "label", "source", "version"),
)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_RANGE = re.compile(r"([A-Z0-9.]{1,20})\s*-\s*([A-Z0-9.]{1,20})", re.IGNORECASE | re.ASCII)
_LOINC = re.compile(r"(\d{1,7})-(\d)", re.ASCII)
_LABELS = frozenset(label.value for label in Label)


def sets_of(files: Iterable[Node], every_file_read: bool, reader: Reader) -> Sets:
    """Read the files of rules/sets/; the sets by name."""
    found: dict[str, CodeSet] = {}
    places: dict[str, Node] = {}
    complete = every_file_read
    for node in files:
        read = _set(node, reader)
        if read is None:
            complete = False
            continue
        first = places.setdefault(read.name, node)
        if first is not node:
            reader.problems.note(
                node.place,
                Mistake.DUPLICATE_SET,
                f"The code set `{read.name}` stands in {first.place.file} already.",
                "Give one of them another name, or join them.",
            )
        found.setdefault(read.name, read)
    return Sets(found, complete)


def _set(node: Node, reader: Reader) -> CodeSet | None:
    """One file; None if not even its name can be read."""
    given = reader.mapping(node, SET_KEYS)
    if given is None:
        return None
    name = _name(given.get("set"), reader)
    system = reader.text(given.get("system"), "`system`") or ANY_SYSTEM
    codes = _codes(given.get("codes"), "`codes`", system, reader)
    prefixes = _codes(given.get("prefixes"), "`prefixes`", system, reader)
    ranges = _ranges(given.get("ranges"), system, reader)
    label = _label(given.get("label"), reader)
    if name in _LABELS and label != name:
        reader.bad_value(
            given["set"],
            f"`{name}` is the name of a built-in label.",
            f"Write `label: {name}` to add to it, or choose another name.",
        )
    reader.text(given.get("source"), "`source`")
    reader.text(given.get("version"), "`version`")
    if not {"codes", "prefixes", "ranges"} & given.keys():
        reader.missing_key(node.place, SET_KEYS.of, "codes", "prefixes", "ranges")
    if name is None:
        return None
    return CodeSet(name, canonical_system(system), codes, prefixes, ranges, label)


def _name(node: Node | None, reader: Reader) -> str | None:
    text = reader.text(node, "`set`")
    if node is None or text is None:
        return None
    if _NAME.fullmatch(text) is None:
        reader.bad_value(
            node,
            f"`{text}` is not a name of a code set.",
            "Use lower-case letters, digits and hyphens, as in `cardiac-care`.",
        )
        return None
    return text


def _label(node: Node | None, reader: Reader) -> str | None:
    """The built-in label that the set adds to."""
    text = reader.text(node, "`label`")
    if node is None or text is None:
        return None
    if text in _LABELS:
        return text
    reader.problems.note(
        node.place,
        Mistake.UNKNOWN_LABEL,
        f"There is no built-in label `{text}`.",
        known_or_close(text, _LABELS),
    )
    return None


def _codes(node: Node | None, what: str, system: str, reader: Reader) -> frozenset[str]:
    found = reader.each(node, what, lambda item: _code(item, what, system, reader))
    return frozenset(found or ())


def _code(node: Node, what: str, system: str, reader: Reader) -> str | None:
    text = reader.text(node, f"An item of {what}")
    if text is None:
        return None
    code = normal_code(canonical_system(system), text)
    if not code:
        reader.bad_value(node, f"`{text}` is not a code.", "Write what the messages carry.")
        return None
    if what == "`codes`" and canonical_system(system) == "LN" and not _is_loinc(code):
        reader.problems.note(
            node.place,
            Mistake.CHECK_DIGIT,
            f"`{text}` is no LOINC code: its check digit does not fit.",
            "Compare it with its source; spreadsheets damage such numbers.",
        )
    return code


def _is_loinc(code: str) -> bool:
    """The mod-10 check digit of a LOINC code."""
    match = _LOINC.fullmatch(code)
    if match is None:
        return False
    total = 0
    for position, digit in enumerate(reversed(match[1])):
        number = int(digit) * (2 if position % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return (10 - total % 10) % 10 == int(match[2])


def _ranges(node: Node | None, system: str, reader: Reader) -> frozenset[tuple[str, str]]:
    found = reader.each(node, "`ranges`", lambda item: _range(item, system, reader))
    return frozenset(found or ())


def _range(node: Node, system: str, reader: Reader) -> tuple[str, str] | None:
    """`F20-F99`, or `[F20, F99]` where the codes themselves hold hyphens."""
    ends: tuple[str, ...] | None
    if isinstance(node, Sequence):
        ends = reader.each(node, "A range", lambda item: reader.text(item, "An end of a range"))
        written = ", ".join(ends or ())
    else:
        text = reader.text(node, "A range")
        match = None if text is None else _RANGE.fullmatch(text)
        ends = None if text is None else (match.groups() if match else ())
        written = text or ""
    if ends is None:
        return None
    codes = [normal_code(canonical_system(system), end) for end in ends]
    if len(codes) == 2 and len(codes[0]) == len(codes[1]) > 0 and codes[0] <= codes[1]:
        return codes[0], codes[1]
    reader.bad_value(
        node,
        f"`{written}` is not a range of codes.",
        "Write both ends, of one length and in order, as in `F20-F99`.",
    )
    return None
