"""What `payergate unlisted` prints, as a table for people and as JSON.

Law: of a code nobody is told in which message it stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.cli.moments import shown, utc
from engine.cli.table import table
from engine.cli.words import counted
from engine.policy.unlisted.named import Standing
from engine.policy.unlisted.tally import Unsent

#: How many types and reasons a table names of each.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What is told: the `new` and the `others` of `total` in all. `times` None: of a folder.

    `withheld`: how many are not listed, since a rule withholds them and none grants them.
    """

    revision: str
    times: tuple[datetime, datetime] | None
    new: Sequence[Unsent]
    others: Sequence[Unsent]
    total: int
    withheld: int
    messages: int
    unread: int
    undecided: int
    not_held: int


def as_text(report: Report, timezone: str) -> str:
    """Two tables, and what they were made of."""
    return "\n".join(_lines(report, timezone))


def _lines(report: Report, timezone: str) -> Iterator[str]:
    zone = timezone if report.times else ""
    if report.new:
        yield "new in the last day"
        yield _table(report.new, zone)
        yield ""
    if report.others:
        yield "sent to nobody"
        yield _table(report.others, zone)
        yield ""
    shown_of = len(report.new) + len(report.others)
    more = f", {shown_of} of them shown" if shown_of < report.total else ""
    of = counted(report.messages, "message")
    yield f"{report.total} sent to nobody in {of}{more}; revision {report.revision}"
    for number, text in (
        (report.withheld, "not listed: a rule withholds it, and none grants it"),
        (report.unread, "not read: no content, or no HL7"),
        (report.undecided, "seen, but not decided: what it sends is not known"),
        (report.not_held, "held more distinct fields or codes than are counted"),
    ):
        if number:
            yield f"{number} {text}"


def _table(rows: Sequence[Unsent], timezone: str) -> str:
    head = ["WHAT", "MESSAGES", *(["FIRST", "LAST"] if timezone else []), "TYPES", "WHY"]
    cells = []
    for one in rows:
        times = (one.seen.first_ms, one.seen.last_ms) if timezone else ()
        cells.append(
            [
                _what(one),
                one.seen.messages,
                *(shown(at_ms, timezone) for at_ms in times),
                _some(sorted(one.seen.types)),
                _why(one),
            ]
        )
    return table(head, cells)


def _what(one: Unsent) -> str:
    content = one.content
    return f"{content.path} {content.code} ({content.system})" if content.code else content.path


def _why(one: Unsent) -> str:
    if one.standing is Standing.UNLISTED:
        return "no rule names it"
    found = one.seen.because.most_common()
    said = [f"{because.code} ({because.rule})" if because.rule else because.code
            for because, _ in found]  # fmt: skip
    return f"granted, but never sent: {_some(said) or 'not of these messages'}"


def _some(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def as_json(report: Report) -> dict[str, Any]:
    """The whole report."""
    times = report.times
    return {
        "revision": report.revision,
        "from": None if times is None else utc(times[0]),
        "to": None if times is None else utc(times[1]),
        "messages": report.messages,
        "unread": report.unread,
        "undecided": report.undecided,
        "not_held": report.not_held,
        "total": report.total,
        "withheld": report.withheld,
        "unlisted": [
            _row(one, is_new=is_new, has_times=times is not None)
            for is_new, rows in ((True, report.new), (False, report.others))
            for one in rows
        ],
    }


def _row(one: Unsent, *, is_new: bool, has_times: bool) -> dict[str, Any]:
    content, seen = one.content, one.seen
    return {
        "path": content.path if content.segment else None,
        "code": content.code or None,
        "system": content.system or None,
        "why": "unlisted" if one.standing is Standing.UNLISTED else "never-sent",
        "because": [
            {"code": because.code, "rule": because.rule or None, "messages": number}
            for because, number in seen.because.most_common()
        ],
        "types": sorted(seen.types),
        "messages": seen.messages,
        "first": utc(seen.first_ms) if has_times else None,
        "last": utc(seen.last_ms) if has_times else None,
        "new": is_new,
        "example": None if content.code else seen.example,
    }
