"""Entries of the privacy registry as commands tell them.

Law: an entry is told with its whole history; whether it is in force is decided by the same
function that decides for messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from engine.cli.moments import utc
from engine.errors import UsageError
from engine.privacy.acts import History
from engine.privacy.confidential import Confidential
from engine.privacy.consents import is_in_force
from engine.privacy.elements import lacking
from engine.privacy.entries import ENDS, Entry
from engine.privacy.facts import ConsentKind, Cover, Restriction, Sensitivity, SignedConsent
from engine.privacy.sorts import Fact
from engine.privacy.standing import IN_FORCE, Standing

#: Where a restriction stands whose state is told as that of other entries.
_PLAINLY = IN_FORCE | {Standing.TERMINATED_BY_PATIENT}


def state_of(entry: Entry, now: datetime) -> str:
    """In force, not yet, expired, revoked, lifted or ended; else where a restriction stands."""
    standing = entry.standing
    if standing is not None and standing not in _PLAINLY:
        return standing.value.replace("_", " ")
    if entry.is_over:
        return ENDS[entry.sort].value
    fact = entry.fact
    if not isinstance(fact, SignedConsent):
        return "in force"
    if is_in_force(fact, now):
        is_permit = fact.kind is not ConsentKind.REFUSAL
        return "verbal, permits nothing" if fact.is_verbal and is_permit else "in force"
    if fact.revoked is not None and fact.revoked <= now:
        return "revoked"
    return "expired" if fact.ends is not None and fact.ends <= now else "not yet"


def entry_as_json(entry: Entry, now: datetime) -> dict[str, Any]:
    """The whole entry."""
    return {
        "entry": entry.id,
        "state": state_of(entry, now),
        "patient": entry.fact.patient.id,
        "authority": entry.fact.patient.authority,
        **_said(entry.fact),
        **({} if entry.standing is None else {"standing": entry.standing.value}),
        "history": history_as_json(entry.history),
    }


def history_as_json(history: History) -> list[dict[str, str]]:
    """What was done, when and by whom, oldest first."""
    return [
        {"verb": verb.value, "at": utc(act.at), "by": act.by, "why": act.why,
         "document": act.document}
        for verb, act in history
    ]  # fmt: skip


def _said(fact: Fact) -> dict[str, Any]:
    if isinstance(fact, Cover):
        what = f"{fact.level.value} {fact.number}".strip()
        said = {"channels": fact.channel, "what": what, "settles": fact.settles}
        return said | _days(fact.since, fact.until)
    if isinstance(fact, Sensitivity):
        where = f"{fact.item.kind.value} {fact.item.number}".strip()
        return {"channels": "all", "what": f"{fact.label}: {where}", "label": fact.label}
    said = {"channels": "all" if fact.channels is None else " ".join(sorted(fact.channels))}
    if isinstance(fact, Restriction):
        items = sorted(f"{item.kind.value} {item.number}".strip() for item in fact.items)
        said |= {"what": ", ".join(items), "reason": fact.reason.value}
        return said | _days(fact.since, fact.until)
    if isinstance(fact, Confidential):
        return said | {"what": alternates_of(fact)}
    return said | _consented(fact)


def alternates_of(fact: Confidential) -> str:
    """Which alternates there are; never what they are."""
    found = [name for name in ("address", "phone") if getattr(fact, name) is not None]
    return f"alternate {' and '.join(found)}" if found else "no alternate"


def _days(since: date | None, until: date | None) -> dict[str, Any]:
    days = (("from", since), ("to", until))
    return {name: None if day is None else day.isoformat() for name, day in days}


def _consented(fact: SignedConsent) -> dict[str, Any]:
    said: dict[str, Any] = {
        "what": fact.kind.value,
        "purposes": "all" if fact.purposes is None else " ".join(sorted(fact.purposes)),
        "labels": sorted(fact.labels),
    }
    ends = (("begins", fact.begins), ("ends", fact.ends), ("revoked", fact.revoked))
    said |= {name: None if when is None else utc(when) for name, when in ends}
    said["signed_by"] = fact.signed_by and fact.signed_by.value
    said["mode"] = "verbal" if fact.is_verbal else "written"
    texts = (("event", fact.event), ("description", fact.description))
    said |= dict(texts) | {"signer": fact.signer, "signer_authority": fact.authority}
    said["statements"] = sorted(one.value for one in fact.statements)
    said["lacks"] = list(lacking(fact))
    return said


def missing_elements(facts: Iterable[Fact], *, is_required: bool) -> dict[str, int]:
    """What consents lack, and how many of them.

    Raises `UsageError` where a site takes none that lacks something.
    """
    found = Counter(
        name for fact in facts if isinstance(fact, SignedConsent) for name in lacking(fact)
    )
    if found and is_required:
        raise UsageError(
            "consent-incomplete",
            f"A consent lacks elements that the law wants: {', '.join(sorted(found))}; nothing was"
            " changed.",
            "Complete it: 45 CFR 164.508(c), 42 CFR 2.31(a).",
        )
    return dict(found)
