"""Consents, restrictions and coverage as rows of text: options of a command, lines of a CSV file.

Law: a row means what the same words mean in a facts file (rules.md §7), and is refused for the same
mistakes, each with its place and none with what is written there, which a shifted column makes an
identifier of a patient; a list is separated by `;`, `,` or spaces. What names a person or a thing
is one line of what can be seen: a quote that stays open must not swallow the lines of others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from functools import partial

from engine.config.confidential import ADDRESS_KEYS, PHONE_KEYS, confidential_of
from engine.config.consents import consent_of
from engine.config.covers import cover_of
from engine.config.fact_values import ALL, ALL_PAYERS, FactReader
from engine.config.restrictions import restriction_of
from engine.config.sensitivities import sensitivity_of
from engine.errors import Place, UsageError
from engine.policy.language import Problems, Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.language.source import Sequence as SequenceNode
from engine.policy.model import Policy
from engine.privacy.facts import ItemKind
from engine.privacy.sorts import Fact, Sort

_PERSON = ("patient", "authority")
_ITEMS = tuple(kind.value for kind in ItemKind)

#: Columns about what goes instead, and what they are parts of in a facts file.
_ALTERNATES = {
    **dict.fromkeys(ADDRESS_KEYS.optional, "address"),
    **{f"phone_{name}": "phone" for name in PHONE_KEYS.optional},
}

#: The columns of each sort, in the order in which documentation lists them.
COLUMNS: dict[Sort, tuple[str, ...]] = {
    Sort.CONSENT: (
        *_PERSON,
        *("kind", "purposes", "channels", "labels", "given", "expires", "revoked", "signed_by"),
        *("signer", "signer_authority", "mode", "event", "description", "statements"),
    ),
    Sort.RESTRICTION: (*_PERSON, *_ITEMS, "channels", "reason", "state", "from", "to"),
    Sort.COVERAGE: (*_PERSON, "channel", "visit", "account", "from", "to", "settles"),
    Sort.CONFIDENTIAL: (*_PERSON, "channels", *_ALTERNATES),
    Sort.LABEL: (*_PERSON, "label", "visit", "account", "everything"),
}

#: What each sort is read by.
_READ: dict[Sort, Callable[[Node, FactReader], Fact | None]] = {
    Sort.CONSENT: consent_of,
    Sort.RESTRICTION: restriction_of,
    Sort.COVERAGE: cover_of,
    Sort.CONFIDENTIAL: confidential_of,
    Sort.LABEL: sensitivity_of,
}

_LISTS = frozenset({"purposes", "channels", "labels", "statements"})

#: Columns that may hold several lines.
_LINES = _LISTS | {"description", "event"}

#: Columns about who signed, and their keys in `signed_by` of a facts file.
_SIGNER = {"signed_by": "relation", "signer": "name", "signer_authority": "authority"}
_BETWEEN = re.compile(r"[;,\s]+")

Row = Mapping[str, str]


def facts_in_rows(sort: Sort, text: str, file: str, policy: Policy) -> list[Fact]:
    """The facts of a CSV text with a header line. Raises `UsageError` with every mistake."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        given = reader.fieldnames or ()
        unknown = [name for name in given if name not in COLUMNS[sort]]
        if unknown or "patient" not in given or len(given) > len(set(given)):
            raise UsageError(
                "registry-input",
                "The first line must name the columns, `patient` among them, each once, and no"
                f" others than {', '.join(COLUMNS[sort])}.",
                "Correct it; nothing was read.",
            )
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(
            "registry-input", "The file is no CSV.", "Save it as CSV in UTF-8."
        ) from error
    problems = Problems(repeats_values=False)
    read = FactReader(Reader(problems), policy)
    columns = {name: number for number, name in enumerate(given, start=1)}
    facts: list[Fact] = []
    for line, row in rows:
        if "" in row or None in row.values():
            place = Place(file, line, 1)
            read.reader.bad_value(
                Scalar(place, ""), "The line has not as many values as the first.", "Complete it."
            )
            continue
        fact = _fact(sort, row, partial(_place, columns, file, line), read)
        if fact is not None:
            facts.append(fact)
    refuse(problems)
    return facts


def fact_of_row(sort: Sort, row: Row, policy: Policy) -> Fact:
    """The fact that options say. Raises `UsageError` with every mistake."""
    problems = Problems(repeats_values=False)
    read = FactReader(Reader(problems), policy)
    fact = _fact(sort, row, lambda name: Place(f"--{name.replace('_', '-')}", 1, 1), read)
    refuse(problems, of_options=True)
    if fact is None:
        raise UsageError("registry-input", "Nothing can be made of that.", "Say --kind.")
    return fact


def _place(columns: Mapping[str, int], file: str, line: int, name: str) -> Place:
    return Place(file, line, columns.get(name, 1))


def _fact(sort: Sort, row: Row, at: Callable[[str], Place], read: FactReader) -> Fact | None:
    for name, text in row.items():
        if name not in _LINES and text and not text.strip().isprintable():
            read.reader.bad_value(
                Scalar(at(name), ""),
                f"`{name}` has a line end, or a character that cannot be seen.",
                "Remove it; see also whether a quote before it was left open.",
            )
    return _READ[sort](_node(sort, row, at), read)


def _node(sort: Sort, row: Row, at: Callable[[str], Place]) -> MappingNode:
    """The row as it would stand in a facts file."""
    here = at("patient")

    def named(members: list[tuple[str, Node]], place: Place) -> MappingNode:
        return MappingNode(place, tuple((Scalar(at(name), name), node) for name, node in members))

    said = {name: value.strip() for name, value in row.items() if value and value.strip()}
    person = [(name, Scalar(at(column), said[column]))
              for name, column in (("id", "patient"), ("authority", "authority"))
              if column in said]  # fmt: skip
    members: list[tuple[str, Node]] = [("patient", named([*person], here))]
    items: list[tuple[str, Node]] = []
    signer: list[tuple[str, Node]] = []
    alternates: dict[str, list[tuple[str, Node]]] = {}
    for name, text in said.items():
        place = at(name)
        if name in _PERSON:
            continue
        if name in _SIGNER:
            signer.append((_SIGNER[name], Scalar(place, text)))
        elif name in _LISTS and text not in {ALL, ALL_PAYERS}:
            listed = [Scalar(place, part) for part in _BETWEEN.split(text) if part]
            members.append((name, SequenceNode(place, tuple(listed))))
        elif sort is Sort.RESTRICTION and name in _ITEMS:
            items.append((name, Scalar(place, text)))
        elif sort is Sort.CONFIDENTIAL and name in _ALTERNATES:
            parts = alternates.setdefault(_ALTERNATES[name], [])
            parts.append((name.removeprefix("phone_"), Scalar(place, text)))
        else:
            members.append((name, Scalar(place, text)))
    if signer:
        members.append(("signed_by", named(signer, at("signed_by"))))
    if items:
        members.append(("items", named(items, here)))
    members += [(name, named(parts, here)) for name, parts in alternates.items()]
    return named(members, here)


def refuse(problems: Problems, *, of_options: bool = False) -> None:
    """Raise `UsageError` with every mistake, if there is any."""
    found = [str(problem) for problem in problems.sorted()]
    if of_options:  # an option has neither line nor column
        found = [text.replace(":1:1: ", ": ", 1) for text in found]
    if found:
        raise UsageError(
            "registry-input",
            "It cannot be entered; nothing was changed.\n" + "\n".join(found),
        )
