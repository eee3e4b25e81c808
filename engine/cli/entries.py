"""Entries of the privacy registry in words: for people, and as JSON.

Law: an entry is shown only to who names its patient (`engine.cli.registering`).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.clock import SystemClock
from engine.privacy.consents import is_in_force
from engine.privacy.facts import Cover, Restriction, SignedConsent
from engine.privacy.registry import Entry, Fact, History


def state_of(entry: Entry) -> str:
    """What an entry is now, in a word."""
    if entry.is_over:
        return entry.history[-1][0].value
    fact = entry.fact
    if not isinstance(fact, SignedConsent):
        return "in force"
    now = SystemClock().now()
    if is_in_force(fact, now):
        return "in force"
    if fact.revoked is not None and fact.revoked <= now:
        return "revoked"
    return "expired" if fact.ends is not None and fact.ends <= now else "not yet"


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry with its history."""
    said: dict[str, Any] = {
        "entry": entry.id,
        "state": state_of(entry),
        "patient": entry.fact.patient.id,
        "authority": entry.fact.patient.authority,
        **_said(entry.fact),
    }
    said["history"] = history_json(entry.history)
    return said


def history_json(history: History) -> list[dict[str, str]]:
    """What was done, when and by whom, oldest first."""
    return [
        {"verb": verb.value, "at": act.at.isoformat(), "by": act.by, "why": act.why,
         "document": act.document}
        for verb, act in history
    ]  # fmt: skip


def _said(fact: Fact) -> dict[str, Any]:
    if isinstance(fact, Cover):
        return {
            "channels": fact.channel,
            "what": f"{fact.level.value} {fact.number}".strip(),
            **_days(fact.since, fact.until),
            "settles": fact.settles,
        }
    channels = "all" if fact.channels is None else " ".join(sorted(fact.channels))
    if isinstance(fact, Restriction):
        items = sorted(f"{item.kind.value} {item.number}".strip() for item in fact.items)
        return {
            "channels": channels,
            "what": ", ".join(items),
            "reason": fact.reason.value,
            **_days(fact.since, fact.until),
        }
    ends = (("begins", fact.begins), ("ends", fact.ends), ("revoked", fact.revoked))
    return {
        "channels": channels,
        "what": fact.kind.value,
        "purposes": "all" if fact.purposes is None else " ".join(sorted(fact.purposes)),
        "labels": sorted(fact.labels),
        **{name: None if when is None else when.isoformat() for name, when in ends},
        "signed_by": fact.signed_by and fact.signed_by.value,
    }


def _days(since: date | None, until: date | None) -> dict[str, str | None]:
    days = (("from", since), ("to", until))
    return {name: None if day is None else day.isoformat() for name, day in days}
