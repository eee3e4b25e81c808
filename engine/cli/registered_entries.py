"""Entries of the privacy registry as commands tell them.

Law: an entry is told with its whole history; whether it is in force is decided by the same
function that decides for messages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.privacy.consents import is_in_force
from engine.privacy.facts import SignedConsent
from engine.privacy.registry import Entry


def state_of(entry: Entry, now: datetime) -> str:
    """In force, not yet, expired, revoked or lifted."""
    if entry.is_lifted:
        return "lifted"
    fact = entry.fact
    if not isinstance(fact, SignedConsent):
        return "in force"
    if is_in_force(fact, now):
        return "in force"
    if fact.revoked is not None and fact.revoked <= now:
        return "revoked"
    return "expired" if fact.ends is not None and fact.ends <= now else "not yet"


def entry_as_json(entry: Entry, now: datetime) -> dict[str, Any]:
    """The whole entry."""
    fact = entry.fact
    said: dict[str, Any] = {
        "entry": entry.id,
        "state": state_of(entry, now),
        "authority": fact.patient.authority,
        "channels": "all" if fact.channels is None else " ".join(sorted(fact.channels)),
    }
    if isinstance(fact, SignedConsent):
        said["what"] = fact.kind.value
        said["purposes"] = "all" if fact.purposes is None else " ".join(sorted(fact.purposes))
        said["labels"] = sorted(fact.labels)
        ends = (("begins", fact.begins), ("ends", fact.ends), ("revoked", fact.revoked))
        said |= {name: None if when is None else when.isoformat() for name, when in ends}
        said["signed_by"] = fact.signed_by and fact.signed_by.value
    else:
        items = sorted(f"{item.kind.value} {item.number}".strip() for item in fact.items)
        said["what"] = ", ".join(items)
        said["reason"] = fact.reason.value
        days = (("from", fact.since), ("to", fact.until))
        said |= {name: None if day is None else day.isoformat() for name, day in days}
    said["history"] = [
        {"verb": verb.value, "at": act.at.isoformat(), "by": act.by, "why": act.why,
         "document": act.document}
        for verb, act in entry.history
    ]  # fmt: skip
    return said
