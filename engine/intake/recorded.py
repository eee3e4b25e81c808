"""What is held of a patient, sealed, and the names under which it is.

Law: nothing of it leaves this process unsealed (I7): the store has a keyed hash of the identifier,
a version, and a blob that opens in that place alone. What cannot be read raises; it is never taken
for nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from engine.intake.item_json import (
    alias_as_json,
    alias_of,
    item_as_json,
    item_of,
    sensitivity_as_json,
    sensitivity_of,
)
from engine.intake.recorded_contacts import confidential_json, confidential_of
from engine.intake.sealed import Sealing
from engine.privacy.acts import Act, History, Verb
from engine.privacy.confidential import Confidential
from engine.privacy.entries import Entry
from engine.privacy.facts import (
    ConsentKind,
    Cover,
    Level,
    Relation,
    Restriction,
    RestrictionReason,
    Sensitivity,
    SignedConsent,
    Statement,
)
from engine.privacy.held import Held
from engine.privacy.links import Link, Tie
from engine.privacy.patients import Patient
from engine.privacy.sorts import SORTS, Fact, Sort

#: Holds that only the registry as such can release wait for this name.
_REGISTRY = b"registry"

_LETTERS = {
    Sort.CONSENT: "c",
    Sort.RESTRICTION: "r",
    Sort.COVERAGE: "v",
    Sort.CONFIDENTIAL: "a",
    Sort.LABEL: "l",
}
_LINK_LETTER = "m"
_ID_BYTES = 10


def patient_name(sealing: Sealing, id_: str) -> bytes:
    """The name under which it stands what is held of an identifier, whoever gave it."""
    return sealing.keyed_hash(b"registry\x1c" + id_.encode("utf-8", "surrogatepass"))


def registry_name(sealing: Sealing) -> bytes:
    """What holds wait for that wait for the registry to answer at all."""
    return sealing.keyed_hash(_REGISTRY)


def entry_id(sealing: Sealing, fact: Fact) -> str:
    """The id of an entry: the same for the same fact, whether or not it was revoked since."""
    plain = replace(fact, revoked=None) if isinstance(fact, SignedConsent) else fact
    sort = SORTS[type(fact)]
    return f"{_LETTERS[sort]}-{_short(sealing, ('entry', sort.value, _fact_json(plain)))}"


def link_id(sealing: Sealing, members: Iterable[Patient]) -> str:
    """The id of a link: the same for the same records, whichever of them went on."""
    said = ("link", sorted([one.id, one.authority] for one in members))
    return f"{_LINK_LETTER}-{_short(sealing, said)}"


def _short(sealing: Sealing, said: object) -> str:
    digest = sealing.keyed_hash(json.dumps(said, sort_keys=True).encode())
    return base64.b32encode(digest[:_ID_BYTES]).decode("ascii").lower()


def seal_held(sealing: Sealing, name: bytes, held: Held) -> bytes:
    """All entries of one patient, for the place `name`."""
    entries = [
        {
            "id": entry.id,
            "sort": entry.sort.value,
            "fact": _fact_json(entry.fact),
            "history": _history_json(entry.history),
        }
        for entry in held.entries
    ]
    links = [
        {
            "id": link.id,
            "tie": link.tie.value,
            "survivors": [[one.id, one.authority] for one in link.survivors],
            "priors": [[one.id, one.authority] for one in link.priors],
            "history": _history_json(link.history),
        }
        for link in held.links
    ]
    said = {"entries": entries, "links": links}
    if held.aliases:
        said["aliases"] = [alias_as_json(one) for one in held.aliases]
    return sealing.seal(json.dumps(said, separators=(",", ":")).encode(), _about(name))


def unseal_held(sealing: Sealing, name: bytes, sealed: bytes) -> Held:
    """What `seal_held` made. Raises `EngineError` or `ValueError` and its kin."""
    said = json.loads(sealing.open(sealed, _about(name)))
    return Held(
        tuple(
            Entry(one["id"], _FACTS[Sort(one["sort"])](one["fact"]), _history(one["history"]))
            for one in said["entries"]
        ),
        tuple(
            Link(
                one["id"],
                Tie(one["tie"]),
                tuple(Patient(*who) for who in one["survivors"]),
                tuple(Patient(*who) for who in one["priors"]),
                _history(one["history"]),
            )
            for one in said["links"]
        ),
        tuple(map(alias_of, said.get("aliases", ()))),
    )


def _about(name: bytes) -> bytes:
    return b"registry|" + name


def _history_json(history: History) -> list[list[str]]:
    return [
        [verb.value, act.by, act.at.isoformat(), act.why, act.document] for verb, act in history
    ]


def _history(said: Iterable[Any]) -> History:
    return tuple(
        (Verb(verb), Act(by, datetime.fromisoformat(at), why, document))
        for verb, by, at, why, document in said
    )


# --- facts as JSON ------------------------------------------------------------------------------


def _fact_json(fact: Fact) -> dict[str, Any]:
    said: dict[str, Any] = {"patient": [fact.patient.id, fact.patient.authority]}
    if isinstance(fact, Cover):
        return said | {
            "channel": fact.channel,
            "level": fact.level.value,
            "number": fact.number,
            "since": _iso(fact.since),
            "until": _iso(fact.until),
            "settles": fact.settles,
        }
    if isinstance(fact, Sensitivity):
        return said | sensitivity_as_json(fact)
    said["channels"] = _listed(fact.channels)
    if isinstance(fact, Confidential):
        return said | confidential_json(fact)
    if isinstance(fact, SignedConsent):
        return (
            said
            | _elements(fact)
            | {
                "kind": fact.kind.value,
                "purposes": _listed(fact.purposes),
                "labels": _listed(fact.labels),
                "begins": _iso(fact.begins),
                "ends": _iso(fact.ends),
                "revoked": _iso(fact.revoked),
                "signed_by": fact.signed_by and fact.signed_by.value,
            }
        )
    return said | {
        "items": sorted(map(item_as_json, fact.items)),
        "reason": fact.reason.value,
        "since": _iso(fact.since),
        "until": _iso(fact.until),
    }


def _elements(fact: SignedConsent) -> dict[str, Any]:
    """What was not always kept: said only where it is there, so that an entry keeps its id."""
    said: dict[str, Any] = {
        "verbal": fact.is_verbal,
        "event": fact.event,
        "description": fact.description,
        "signer": fact.signer,
        "authority": fact.authority,
        "statements": sorted(one.value for one in fact.statements),
    }
    return {name: value for name, value in said.items() if value}


def _consent(said: Mapping[str, Any]) -> SignedConsent:
    return SignedConsent(
        patient=Patient(*said["patient"]),
        kind=ConsentKind(said["kind"]),
        purposes=_set(said["purposes"]),
        channels=_set(said["channels"]),
        labels=frozenset(said["labels"]),
        begins=_instant(said["begins"]),
        ends=_instant(said["ends"]),
        revoked=_instant(said["revoked"]),
        signed_by=None if said["signed_by"] is None else Relation(said["signed_by"]),
        is_verbal=said.get("verbal", False),
        event=said.get("event", ""),
        description=said.get("description", ""),
        signer=said.get("signer", ""),
        authority=said.get("authority", ""),
        statements=frozenset(map(Statement, said.get("statements", ()))),
    )


def _restriction(said: Mapping[str, Any]) -> Restriction:
    return Restriction(
        patient=Patient(*said["patient"]),
        items=frozenset(map(item_of, said["items"])),
        channels=_set(said["channels"]),
        reason=RestrictionReason(said["reason"]),
        since=_day(said["since"]),
        until=_day(said["until"]),
    )


def _cover(said: Mapping[str, Any]) -> Cover:
    return Cover(
        patient=Patient(*said["patient"]),
        channel=said["channel"],
        level=Level(said["level"]),
        number=said["number"],
        since=_day(said["since"]),
        until=_day(said["until"]),
        settles=said["settles"],
    )


_FACTS: dict[Sort, Callable[[Mapping[str, Any]], Fact]] = {
    Sort.CONSENT: _consent,
    Sort.RESTRICTION: _restriction,
    Sort.COVERAGE: _cover,
    Sort.CONFIDENTIAL: confidential_of,
    Sort.LABEL: sensitivity_of,
}


def _listed(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _iso(when: date | None) -> str | None:
    return None if when is None else when.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
