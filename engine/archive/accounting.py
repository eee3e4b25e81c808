"""The accounting of disclosures that a patient may ask for (45 CFR 164.528). Pure.

Law: of each disclosure the date, the recipient's name and address, a brief description and the
purpose; of several to one recipient for one purpose the first in full, how many, and the date of
the last (164.528(b)(3)). What is exempt is left out, or marked where all is asked for. What may
have been received is told as that, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

#: So many disclosures to one recipient for one purpose are told one by one; more are summarised.
TOLD_ONE_BY_ONE = 2

#: A request reaches back so many years (164.528(a)(1)).
YEARS = 6

#: Purposes in plain words.
PURPOSES = {
    "treatment": "treatment",
    "payment": "payment for care",
    "operations": "health care operations",
    "eligibility": "checking insurance coverage",
    "underwriting": "underwriting",
    "marketing": "marketing",
    "research": "research",
    "sale": "sale of information",
    "other": "other purpose",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One disclosure, or several alike: `first` to `last`, `number` of them."""

    first: datetime
    last: datetime
    number: int
    recipient: str
    address: str
    description: str
    purpose: str
    basis: str
    accountable: bool
    uncertain: int  # how many of them may or may not have been received
    impermissible: bool = False  # named so since


@dataclass(frozen=True, slots=True)
class Account:
    """The whole of it. `patient` is what the request named."""

    patient: str
    made: datetime
    since: datetime
    until: datetime
    everything: bool
    lines: tuple[Line, ...]
    off: tuple[tuple[str, str], ...] = ()  # packs of statutes that are switched off, and why

    @property
    def number(self) -> int:
        """How many disclosures there were."""
        return sum(line.number for line in self.lines)


def account_of(
    rows: Iterable[Mapping[str, Any]],
    *,
    patient: str,
    made: datetime,
    since: datetime,
    until: datetime,
    timezone: str = "UTC",
    everything: bool = False,
    one_by_one: bool = False,
    off: Mapping[str, str] | None = None,
) -> Account:
    """The account of ledger rows, which are in order of time. `everything`: exempt ones, too."""
    zone = ZoneInfo(timezone)
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if everything or row.get("accountable", True):
            groups.setdefault(_alike(row), []).append(row)
    lines: list[Line] = []
    for alike in groups.values():
        if one_by_one or len(alike) <= TOLD_ONE_BY_ONE:
            lines += [_line([row], zone) for row in alike]
        else:
            lines.append(_line(alike, zone))
    lines.sort(key=lambda line: (line.first, line.recipient))
    made, since, until = (at.astimezone(zone) for at in (made, since, until))
    switched_off = tuple(sorted((off or {}).items()))
    return Account(patient, made, since, until, everything, tuple(lines), switched_off)


def _alike(row: Mapping[str, Any]) -> tuple[object, ...]:
    """One recipient, one purpose."""
    recipient = row.get("recipient", {})
    return (
        recipient.get("name"),
        recipient.get("address"),
        tuple(row.get("purpose", ())),
        tuple(row.get("basis", ())),
        tuple(row.get("consents", ())),
        row.get("accountable", True),
        row.get("impermissible", False),
    )


def _grounds(row: Mapping[str, Any]) -> Iterator[str]:
    """The bases of the rules, and the consents without which less would have gone."""
    yield from map(str, row.get("basis", ()))
    for entry in row.get("consents", ()):
        yield f"the patient's consent {entry}"


def _line(rows: list[Mapping[str, Any]], zone: ZoneInfo) -> Line:
    first, last = rows[0], rows[-1]
    recipient = first.get("recipient", {})
    what = dict.fromkeys(
        part for row in rows for part in _classes(str(row.get("description", ""))).split(", ")
    )
    return Line(
        _time(first, zone),
        _time(last, zone),
        len(rows),
        str(recipient.get("name", "")),
        str(recipient.get("address", "")),
        ", ".join(part for part in what if part),
        ", ".join(PURPOSES.get(one, str(one)) for one in first.get("purpose", ())),
        "; ".join(_grounds(first)),
        bool(first.get("accountable", True)),
        sum(row.get("disclosed") != "yes" for row in rows),
        bool(first.get("impermissible", False)),
    )


def _classes(description: str) -> str:
    """The description without the message type, which tells a patient nothing."""
    _, colon, classes = description.partition(": ")
    return classes if colon else "information from the hospital's records"


def _time(row: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(row["at_ms"] / 1000, UTC).astimezone(zone)


# --- in words -----------------------------------------------------------------------------------

TITLE = "Accounting of disclosures"


def introduction(account: Account) -> tuple[str, ...]:
    """What stands above the list, a paragraph each."""
    period = f"from {day(account.since)} to {day(account.until)}"
    about = f"health information about patient {account.patient}"
    made = f"It was made on {day(account.made)}."
    paragraphs = [f"This is a list of the times we gave {about} to others, {period}. {made}"]
    if account.everything:
        paragraphs.append(
            "It also lists what we gave for treatment, payment and health care operations, or with"
            " your permission. The law does not ask us to list those; they are marked."
        )
    else:
        paragraphs.append(
            "It does not list what we gave for treatment, payment and health care operations, or"
            " with your permission. The law (45 CFR 164.528) does not ask us to list those."
        )
    paragraphs.append(
        "Where we gave information to the same recipient for the same purpose many times, we list"
        " the first time, how many times it was, and the last time."
    )
    paragraphs += [
        f"The protection {name} is switched off here: {why}" for name, why in account.off
    ]
    return tuple(paragraphs)


def when(line: Line) -> str:
    """The date, or how often and until when."""
    if line.number == 1:
        return day(line.first)
    return f"{day(line.first)}; {line.number} times in all, the last on {day(line.last)}"


def notes(line: Line) -> tuple[str, ...]:
    """What else must be known of a line."""
    found = []
    if line.uncertain:
        several = f"{line.uncertain} of these" if line.number > 1 else "This"
        found.append(f"{several} may not have been received: the recipient did not confirm it.")
    if line.impermissible:
        found.append("This should not have been given. The purpose is the one it was given for.")
    if not line.accountable:
        found.append("Not required to be listed.")
    return tuple(found)


def day(at: datetime) -> str:
    """A date as people write it."""
    return f"{at:%B} {at.day}, {at.year}"
