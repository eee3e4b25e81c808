"""The page on protected content says what the data says; `PAYERGATE_WRITE_EXPECTED=1` writes it."""

from __future__ import annotations

import os
import re

import pytest

from engine.config.packs import labels, packs
from engine.privacy.protections import Evidence, Label, Protection, Source
from tests.docs.pages import REFERENCE

PAGE = REFERENCE / "protections.md"

SOURCES = {
    Source.CONTENT: "",
    Source.PART2_UNIT: ", every message of a Part 2 unit",
    Source.UNKNOWN_UNIT: ", of a unit that is not registered",
}


def table(head: str, rows: list[list[str]]) -> str:
    columns = head.count("|") - 1
    lines = [head, "|" + "---|" * columns, *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines)


def label_rows() -> list[list[str]]:
    sets, marks = labels()
    rows = []
    for label in Label:
        counts = []
        for evidence in Evidence:
            found = [
                one.codes for one in sets if one.label == label.value and one.evidence is evidence
            ]
            systems = sorted({codes.system for codes in found})
            number = sum(len(c.codes) + len(c.prefixes) + len(c.ranges) for c in found)
            counts.append(f"{number} of {', '.join(systems)}" if found else "–")
        marked = sorted({str(mark.path) for mark in marks if mark.label == label.value})
        rows.append([f"`{label.value}`", *counts, ", ".join(marked) or "–"])
    return rows


def pack_rows() -> list[list[str]]:
    return [
        [
            f"`{pack.id}`",
            f"`{one.label.value}`" + SOURCES[one.source] + _evidence(one),
            ("payers" if one.payers_only else "every channel") + _purposes(one),
            _lifted(one),
            one.notice.id if one.notice else "–",
            f"{one.citation} ({one.certainty.value})" + (f". {one.note}" if one.note else ""),
        ]
        for pack in packs().values()
        for one in pack.protections
    ]


def _evidence(one: Protection) -> str:
    return ", indirect evidence too" if one.evidence is Evidence.EXTENDED else ""


def _purposes(one: Protection) -> str:
    if one.purposes is not None:
        return f", purpose {', '.join(sorted(one.purposes))}"
    return f", but for {', '.join(sorted(one.allows))}" if one.allows else ""


def _lifted(one: Protection) -> str:
    if one.source is Source.UNKNOWN_UNIT:
        return "registering the unit; it is held until then"
    lifts = " or ".join(f"`{lift.value}`" for lift in sorted(one.lifted_by, key=lambda x: x.value))
    days = "" if one.consent_days is None else f", {one.consent_days} days if it names no end"
    return (lifts or "nothing") + days


def minor_rows() -> list[list[str]]:
    return [
        [
            f"`{pack.id}`",
            ", ".join(f"`{label}`" for label in sorted(label.value for label in rule.labels)),
            str(rule.from_age),
            f"{rule.citation} ({rule.certainty.value})",
        ]
        for pack in packs().values()
        for rule in pack.minors
    ]


def notice_rows() -> list[list[str]]:
    found = {
        one.notice.id: one.notice
        for pack in packs().values()
        for one in pack.protections
        if one.notice
    }
    return [[f"`{name}`", found[name].text] for name in sorted(found)]


def basis_rows() -> list[list[str]]:
    return [
        [
            f"`{pack.id}`",
            ", ".join(f"`{article}`" for article in sorted(basis.articles)),
            ", ".join(f"`{article}`" for article in sorted(basis.consent)) or "–",
            f"{basis.citation} ({basis.certainty.value})",
        ]
        for pack in packs().values()
        for basis in pack.bases
    ]


TABLES = {
    "bases": lambda: table("| pack | one of | which is consent | law |", basis_rows()),
    "labels": lambda: table("| label | core | indirect | markers |", label_rows()),
    "packs": lambda: table(
        "| pack | protects | from | lifted by | notice | statute |", pack_rows()
    ),
    "minors": lambda: table("| pack | labels | from age | statute |", minor_rows()),
    "notices": lambda: table("| notice | text |", notice_rows()),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_page_says_what_the_data_says(name: str) -> None:
    wanted = TABLES[name]()
    text = PAGE.read_text("utf-8")
    part = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if os.environ.get("PAYERGATE_WRITE_EXPECTED"):
        PAGE.write_text(part.sub(lambda m: f"{m[1]}\n{wanted}\n\n{m[2]}", text), "utf-8")
        return
    found = part.search(text)
    assert found is not None
    assert wanted in found[0]


def test_obsolete_notices_are_not_written() -> None:
    """The wordings of 2018 and 2020 must not be sent any more (standards.md LAW-22)."""
    for _, text in notice_rows():
        assert "disclosed to you from records protected by federal" not in text
        assert "prohibits unauthorized disclosure of these records" not in text
