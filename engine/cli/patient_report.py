"""What a patient's insurers receive and why, as one report: its values, and the same as JSON.

Law: what the report says it takes from the ledger, the registry and the decision; where messages
were not opened it says so, and tells classes of information alone. A pack that is switched off is
part of the report.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.archive.accounting import Line
from engine.cli.moments import utc
from engine.cli.patient_words import entry_in_words, why
from engine.cli.registered_entries import entry_as_json
from engine.policy.model import Channel
from engine.policy.telling.mixed import taken_apart
from engine.policy.telling.patient import Change, Share, plainly
from engine.privacy.entries import Entry
from engine.privacy.patients import Patient
from engine.privacy.protections import Protections


@dataclass(frozen=True, slots=True)
class Recipient:
    """One counterpart. `lines`: what went there; `states`: where this patient's messages stand.

    `share` and `change` are there where messages were opened. `is_concerned`: whether it insures
    the patient, had something, or is named by an entry.
    """

    channel: Channel
    is_concerned: bool
    lines: tuple[Line, ...] = ()
    states: Mapping[str, int] = dataclasses.field(default_factory=Counter)
    share: Share | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """A counterpart that the site has no files of any more; `lines`: what went there."""

    id: str
    lines: tuple[Line, ...] = ()
    states: Mapping[str, int] = dataclasses.field(default_factory=Counter)

    @property
    def name(self) -> str:
        """As the ledger has it; its id where nothing went there."""
        return self.lines[-1].recipient if self.lines else self.id


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `found` messages, of which `opened` were decided again, and `erased` are no more.

    `supposed` says in words what the changes suppose; empty: nothing. `joined`: how many other
    identifiers are the patient's after merges; what is theirs is decided with, and not told here.
    `idle`: refusals' entries, and for which channels each changes nothing. `removed`:
    recipients that archive and ledger have of the patient and the site does not have any more.
    """

    patient: Patient
    made: datetime
    timezone: str
    revision: str
    reason: str
    found: int
    opened: int
    erased: int
    entries: tuple[Entry, ...]
    protections: Protections
    recipients: tuple[Recipient, ...]
    supposed: tuple[str, ...] = ()
    joined: int = 0
    idle: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    removed: tuple[Removed, ...] = ()

    @property
    def is_of_nobody(self) -> bool:
        """Whether nothing at all is known of the identifier."""
        return not (
            self.found
            or self.entries
            or self.joined
            or self.removed
            or any(one.lines or one.states for one in self.recipients)
        )

    @property
    def names(self) -> dict[str, str]:
        """Channels' names."""
        return {one.channel.id: one.channel.name for one in self.recipients}


def report_as_json(report: Report) -> dict[str, Any]:
    """As `docs/reference/cli.md` has it."""
    protections = report.protections
    return {
        "patient": dataclasses.asdict(report.patient),
        "made": utc(report.made),
        "revision": report.revision,
        "reason": report.reason,
        "messages": {"found": report.found, "opened": report.opened, "erased": report.erased},
        "joined": report.joined,
        "packs": {"on": [pack.id for pack in protections.packs], "off": dict(protections.off)},
        "entries": [
            {
                **entry_as_json(entry, report.made),
                "sort": entry.sort.value,
                "says": entry_in_words(entry.stated, report.names, report.timezone),
            }
            for entry in report.entries
        ],
        "supposed": list(report.supposed),
        "recipients": {one.channel.id: _recipient(one, protections) for one in report.recipients},
        "removed": {
            one.id: {
                "name": one.name,
                "disclosed": _lines(one.lines),
                "messages": dict(one.states),
            }
            for one in report.removed
        },
    }


def _lines(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    return [
        dataclasses.asdict(line) | {"first": utc(line.first), "last": utc(line.last)}
        for line in lines
    ]


def _recipient(one: Recipient, protections: Protections) -> dict[str, Any]:
    return {
        "name": one.channel.name,
        "kind": one.channel.kind.value,
        "concerned": one.is_concerned,
        "disclosed": _lines(one.lines),
        "messages": dict(one.states),
        "share": None if one.share is None else _share(one.share, protections),
        "change": None if one.change is None else _change(one.change),
    }


def _share(share: Share, protections: Protections) -> dict[str, Any]:
    return {
        "messages": share.disclosing,
        "receives": plainly(share.sent),
        "withheld": [
            {
                "segment": lack.segment,
                "fields": plainly({lack.segment: names})[lack.segment],
                "code": lack.code,
                "rule": lack.rule,
                "why": why(lack.code, protections),
            }
            for lack, names in sorted(share.lacks.items())
        ],
        "mixed": [
            {
                "segment": one.segment,
                "fields": plainly({one.segment: set(one.fields)})[one.segment],
                "sent": dict(one.sent),
                "withheld": {code: dict(types) for code, types in one.lacking.items()},
            }
            for one in taken_apart(share).mixed
        ],
        "not_sent": [
            {
                "verdict": verdict.value,
                "code": code.value,
                "rule": rule,
                "messages": number,
                "why": why(code.value, protections),
            }
            for (verdict, code, rule), number in share.not_sent.most_common()
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "messages": change.messages,
        "opened": change.opened,
        "closed": change.closed,
        "gains": plainly(change.gains),
        "loses": plainly(change.loses),
    }
