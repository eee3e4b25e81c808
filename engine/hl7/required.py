"""Which segments a message cannot do without: by its structure, in its version.

Law: a structure that is not known demands nothing and is never taken for one that is. A version
that is not listed is the nearest listed before it. Only presence is judged: a receiver ignores what
it does not expect (HL7 2.9.1 §2.5.2), and order is not what a cut can spoil.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.hl7.structure_table import EVENTS, TABLE

_Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one structure demands in one version."""

    structure: str
    segments: tuple[str, ...]
    anchors: tuple[tuple[str, str], ...] = ()  # where there is the first, there is the second
    pairs: tuple[tuple[str, str], ...] = ()  # to each of the first belongs one of the second

    def lacking(self, ids: Iterable[str]) -> str | None:
        """The first segment that a message of these segments lacks; None: it lacks none."""
        there = list(ids)
        for name in self.segments:
            if name not in there:
                return name
        for name, anchor in self.anchors:
            if name in there and anchor not in there:
                return anchor
        return next((other for one, other in self.pairs if not _paired(there, one, other)), None)


def required_by(code: str, trigger: str, structure: str, version: str) -> Requirement | None:
    """What a message demands: by MSH-9.3 where that is known, else by its event; None: unknown.

    `version` is MSH-12.1. Where its table lacks the structure, the structure of another name that
    had the event there, else the same structure in the nearest version before, else after.
    """
    wanted = _version(version)
    if not wanted:
        return None
    event = f"{code}_{trigger}"
    names = [name for name in (structure, event) if name in _KNOWN]
    names += _NAMES_OF_EVENT.get(event, ())
    there = (found for name in names if (found := _in_force(name, wanted)) is not None)
    return next(there, None) or next((_nearest(name, wanted) for name in names), None)


def always_required(code: str, trigger: str | None) -> frozenset[str]:
    """What every version from 2.3 on demands of a type of message; of no trigger, of every one."""
    names = {name for name in _KNOWN if name[:3] == code} if trigger is None else set()
    if trigger is not None:
        event = f"{code}_{trigger}"
        names = {*_NAMES_OF_EVENT.get(event, ())} | ({event} & _KNOWN.keys())
    demanded = [
        frozenset(found.segments)
        for name in names
        for since, found in _KNOWN[name]
        if found is not None and (since >= (2, 3) or found is _in_force(name, (2, 3)))
    ]
    return frozenset.intersection(*demanded) if demanded else frozenset()


def _paired(ids: list[str], one: str, other: str) -> bool:
    """Whether each `one` is followed by an `other` before the next `one`."""
    waiting = False
    for name in ids:
        if name == one:
            if waiting:
                return False
            waiting = True
        elif name == other:
            waiting = False
    return not waiting


def _version(text: str) -> _Version:
    """`2.5.1` as numbers; empty where it is no version."""
    parts = text.strip().split(".")
    return tuple(map(int, parts)) if all(p.isascii() and p.isdigit() for p in parts) else ()


def _in_force(name: str, wanted: _Version) -> Requirement | None:
    """What was last said of a structure up to a version; before the first table, the first."""
    wanted = max(wanted, _FIRST)
    found = None
    for since, requirement in _KNOWN[name]:
        if since <= wanted:
            found = requirement
    return found


def _nearest(name: str, wanted: _Version) -> Requirement | None:
    """A structure that its version lacks, as the nearest version has it."""
    known = [(since, found) for since, found in _KNOWN[name] if found is not None]
    before = [found for since, found in known if since <= wanted]
    return before[-1] if before else known[0][1]


def _read_table() -> dict[str, list[tuple[_Version, Requirement | None]]]:
    table: dict[str, list[tuple[_Version, Requirement | None]]] = {}
    for line in TABLE.split("\n"):
        if line:
            name, since, *words = line.split()
            table.setdefault(name, []).append((_version(since), _requirement(name, words)))
    return table


def _requirement(name: str, words: list[str]) -> Requirement | None:
    if words == ["-"]:
        return None
    anchors = [tuple(word.split(">")) for word in words if ">" in word]
    pairs = [tuple(word.split("+")) for word in words if "+" in word]
    return Requirement(
        name,
        tuple(word for word in words if word.isalnum()),
        tuple((one, other) for one, other in anchors),
        tuple((one, other) for one, other in pairs),
    )


def _read_events() -> dict[str, tuple[str, ...]]:
    events: dict[str, tuple[str, ...]] = {}
    for line in EVENTS.split("\n"):
        name, *named = line.split() or [""]
        for event in named:
            # What stands later is asked first: it holds where the version has it.
            events[event.replace("^", "_")] = (name, *events.get(event.replace("^", "_"), ()))
    return events


_KNOWN = _read_table()
_FIRST = min(since for lines in _KNOWN.values() for since, _ in lines)
_NAMES_OF_EVENT = _read_events()
